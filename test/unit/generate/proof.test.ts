import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import fc from "fast-check";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { names } from "../../../schema/names.ts";
import { renderAll } from "../../../scripts/render/index.ts";
import { parseSchema } from "../../../scripts/render/read.ts";
import { formats, type Rendered, type Schema } from "../../../scripts/render/schema.ts";
import { OrasCache } from "../../../src/cache/model.ts";
import { annotationArbitraries } from "../../support/annotation-arbitraries.ts";
import { cacheArbitraries } from "../../support/cache-arbitraries.ts";
import { schemaFile, schemaText } from "../../support/schema.ts";
import { inventedFields, withInventions } from "./invented.ts";

let schema: Schema;
let rendered: Rendered[];
let folder: string;

beforeAll(async () => {
  schema = parseSchema(withInventions(schemaText), schemaFile);
  rendered = await renderAll(schema);

  await mkdir(".tmp", { recursive: true });
  folder = await mkdtemp(join(process.cwd(), ".tmp", "proof-"));
  for (const { path, content } of rendered.filter((file) => file.path.startsWith("generated/"))) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content);
  }
  await cp("schema", join(folder, "schema"), { recursive: true });
  await cp("package.json", join(folder, "package.json"));
  await cp("src/annotations", join(folder, "src", "annotations"), { recursive: true });
  await cp("src/cli", join(folder, "src", "cli"), { recursive: true });
  await cp("src/cache", join(folder, "src", "cache"), { recursive: true });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** A module of the folder, as the program would load it. */
function load<T>(path: string): Promise<T> {
  return import(/* @vite-ignore */ pathToFileURL(join(folder, path)).href) as Promise<T>;
}

const contentOf = (path: string) => rendered.find((file) => file.path === path)?.content ?? "";
/** Files that know something by its name: all of them must know what is new. */
const filesWith = (text: string) =>
  rendered.filter((file) => file.content.includes(text)).map((file) => file.path);

describe("an annotation that is only added to the schema", () => {
  test("stands wherever annotations stand", () => {
    // Errors have their own words, and the agent's options are named by hand: not every annotation is one.
    const files = filesWith("output-pipe").filter((path) => !/errors\.md|options\/generated\.go/.test(path));
    expect(files).toEqual(
      expect.arrayContaining([
        "generated/annotations.ts",
        "generated/submitted.ts",
        "generated/schemas/oras-operator.schema.json",
        "docs/reference/annotations.md",
      ]),
    );
    const withFlavour = filesWith("flavour");
    expect(files.filter((path) => !withFlavour.includes(path))).toEqual([]);
    const page = contentOf("docs/reference/annotations.md");
    expect(page).toContain("## `flavour`\n\nWhat the artifact tastes of.\n");
    expect(page).toContain('- Default: `"vanilla"`\n');
    expect(page).toContain("## `topping`\n\nWhat lies on top.\n");
    expect(page).toContain("- Default: nothing at all\n");
  });

  test("is parsed, refused and explained without another edit", async () => {
    type Parse = typeof import("../../../src/annotations/parse.ts");
    type Explain = typeof import("../../../src/cli/explain/explain.ts");
    const { parseAnnotations } = await load<Parse>("src/annotations/parse.ts");
    const { explainOne } = await load<Explain>("src/cli/explain/explain.ts");
    const { prefix } = names;
    const input = { [`${prefix}input-uri`]: "dinosaur/hello-world:input" };

    const accepts = (own: Record<string, string>) =>
      parseAnnotations({
        ...input,
        ...Object.fromEntries(Object.entries(own).map(([name, value]) => [prefix + name, value])),
      }).ok;
    expect(accepts({ flavour: "mint", topping_2: "/x", "output-uri": "a/b:c" })).toBe(true);
    // What depends on what holds for them too.
    expect(accepts({ topping_2: "/x" })).toBe(false);
    expect(accepts({ flavour: "mint", "oras-env": "secret" })).toBe(false);
    const refused = parseAnnotations({
      ...input,
      [`${prefix}flavour`]: "Mint",
      [`${prefix}flavuor`]: "mint",
    });
    expect(refused.ok ? [] : refused.problems).toEqual([
      expect.objectContaining({
        path: `${prefix}flavour`,
        message: 'found "Mint"; allowed is a flavour of at most 20 letters.',
      }),
      expect.objectContaining({
        path: `${prefix}flavuor`,
        message: expect.stringContaining(`${prefix}flavour?`),
      }),
    ]);
    expect(explainOne("flavour")).toContain("What the artifact tastes of.");
  });

  test("is drawn by the arbitraries, valid and invalid", async () => {
    const tables = await load<typeof import("../../../src/annotations/table.ts")>("src/annotations/table.ts");
    const { validAnnotations, invalidAnnotations } = annotationArbitraries(tables, formats(schema));
    const { prefix } = names;
    const valid = fc.sample(validAnnotations, { numRuns: 100, seed: 1 }).flatMap(Object.keys);
    expect(valid).toContain(`${prefix}flavour`);
    expect(valid.some((key) => key.startsWith(`${prefix}topping_`))).toBe(true);
    const invalid = fc.sample(invalidAnnotations, { numRuns: 500, seed: 1 });
    expect(invalid.some(({ keys }) => keys.includes(`${prefix}flavour_1`))).toBe(true);
    expect(invalid.some(({ annotations }) => annotations[`${prefix}flavour`] === "Mint")).toBe(true);
  });
});

describe("a field that is only added to the schema", () => {
  test("stands wherever fields stand", () => {
    const files = filesWith("registryHttp");
    expect(files).toEqual(
      expect.arrayContaining([
        "generated/submitted.ts",
        "generated/stored.ts",
        "generated/schemas/oras-operator.schema.json",
        "config/crd/orascaches.yaml",
        "chart/crds/orascaches.yaml",
        "docs/reference/orascache.md",
      ]),
    );
    for (const field of ["freezer", "scoops", "sprinkles", "waferCount", "portion", "shelf"]) {
      expect(filesWith(field), field).toEqual(expect.arrayContaining(files));
    }
    expect(contentOf("docs/reference/orascache.md")).toContain(
      "`spec.cones[].waferCount` | integer | `1` | Wafers.",
    );
  });

  test("is structural in the CRD, with its default and its rule", () => {
    type Node = { properties: Record<string, Node> } & Record<string, unknown>;
    const crd = parse(contentOf("config/crd/orascaches.yaml")) as {
      spec: { versions: { schema: { openAPIV3Schema: Node } }[] };
    };
    const { spec, status } = crd.spec.versions[0]?.schema.openAPIV3Schema.properties ?? {};
    expect(spec?.properties).toMatchObject({
      freezer: {
        type: "string",
        enum: ["chest", "upright"],
        default: "chest",
        description: "Kind of freezer. Default: chest.",
      },
      sprinkles: { type: "object", additionalProperties: { type: "string" } },
      cones: {
        "x-kubernetes-list-map-keys": ["kind"],
        items: { properties: { kind: { pattern: "^[a-z]+$" } } },
      },
      portion: { "x-kubernetes-int-or-string": true },
      // With its format, the API server would take a list for it.
      recipe: { type: "string", description: "Not for everybody." },
      tray: { properties: { shelf: { default: "top" } } },
    });
    expect(spec?.properties["portion"]).not.toHaveProperty("type");
    expect(spec?.properties["recipe"]).not.toHaveProperty("format");
    expect(spec?.["x-kubernetes-validations"]).toContainEqual({
      rule: '!has(self.scoops) || (has(self.freezer) && self.freezer == "upright")',
      message: 'scoops may only be set where freezer is "upright"',
      fieldPath: ".scoops",
    });
    expect(spec?.["x-kubernetes-validations"]).toContainEqual({
      rule: "!has(self.sprinkles) || (!has(self.portion))",
      message: "sprinkles may only be set where portion is not set",
      fieldPath: ".sprinkles",
    });
    expect(spec?.["x-kubernetes-validations"]).toContainEqual({
      rule: "!has(self.tray) || (has(self.portion))",
      message: "tray may only be set where portion is set",
      fieldPath: ".tray",
    });
    expect(status?.properties["melted"]).toEqual({ type: "boolean", description: "Too late." });
  });

  test("is validated by the models and drawn by the arbitraries", async () => {
    type Validation = typeof import("../../../src/cache/validate.ts");
    const { validateOrasCache } = await load<Validation>("src/cache/validate.ts");
    const { validOrasCache, invalidOrasCache } = cacheArbitraries(schema);
    const problems = (spec: object) =>
      validateOrasCache({ ...new OrasCache({ metadata: { name: "a" } }), spec }).map(
        ({ path, message }) => `${path.join(".")}: ${message}`,
      );
    expect(problems({ freezer: "upright", scoops: 2, portion: "10%", cones: [{ kind: "wafer" }] })).toEqual(
      [],
    );
    expect(problems({ freezer: "fridge" })).toEqual([
      'spec.freezer: found "fridge"; allowed is "chest", "upright"',
    ]);
    expect(problems({ freezer: "chest", scoops: 2 })).toEqual([
      'spec.scoops: may only be set where freezer is "upright"',
    ]);
    expect(problems({ sprinkles: { a: "red" }, portion: 1 })).toEqual([
      "spec.sprinkles: may only be set where portion is not set",
    ]);
    expect(problems({ tray: {} })).toEqual(["spec.tray: may only be set where portion is set"]);
    for (const cache of fc.sample(validOrasCache, 50)) expect(validateOrasCache(cache)).toEqual([]);
    for (const cache of fc.sample(invalidOrasCache, 100)) expect(validateOrasCache(cache)).not.toEqual([]);
    const drawn = fc
      .sample(validOrasCache, { numRuns: 100, seed: 1 })
      .flatMap((cache) => Object.keys(cache.spec ?? {}));
    expect(drawn).toEqual(expect.arrayContaining(inventedFields));
  });
});

test("all that is derived compiles under strict TypeScript, and has the new types", {
  timeout: 60_000,
}, async () => {
  await writeFile(
    join(folder, "consumer.ts"),
    `import { type AnnotationName, annotations, formats } from "./src/annotations/table.ts";
import type { components } from "./generated/submitted.ts";
import type { OrasCache, OrasCacheStatus, StoredOrasCache } from "./src/cache/types.ts";
export const name: AnnotationName = "flavour";
export const values: components["schemas"]["Annotations"] = { flavour: annotations["topping"].defaultText };
export const { allowed } = formats.Flavour;
export const submitted: NonNullable<OrasCache["spec"]> = { cones: [{ kind: "wafer" }], portion: "10%", sprinkles: { a: "red" } };
// Defaults are there once stored, inside lists and references too.
export const wafers = ({ spec }: StoredOrasCache): number | undefined => spec.cones?.[0]?.waferCount.valueOf();
export const freezer = ({ spec }: StoredOrasCache): "chest" | "upright" => spec.freezer;
export const shelf = ({ spec }: StoredOrasCache): string | undefined => spec.tray?.shelf.trim();
export const melted = (status: OrasCacheStatus): boolean | undefined => status.melted;
// @ts-expect-error no such annotation
export const wrong: AnnotationName = "flavuor";
`,
  );
  // The types of the Kubernetes client are not derived from the schema, and take seconds to read.
  await writeFile(join(folder, "client-node.d.ts"), "export interface V1ObjectMeta { name?: string }\n");
  const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile) as {
    config: { compilerOptions: object };
  };
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      types: [],
      paths: { "@kubernetes/client-node": [join(folder, "client-node.d.ts")] },
    },
    process.cwd(),
  );
  const roots = rendered.map((file) => file.path).filter((path) => /^generated\/.*\.ts$/.test(path));
  const files = [...roots, "consumer.ts", "src/annotations/parse.ts", "src/cache/model.ts"].map((path) =>
    join(folder, path),
  );
  const program = ts.createProgram(files, options);
  const messages = ts
    .getPreEmitDiagnostics(program)
    .map((d) => ts.flattenDiagnosticMessageText(d.messageText, "\n"));
  expect(messages).toEqual([]);
});
