import { readFile } from "node:fs/promises";
import { Ajv } from "ajv";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import editorSchema from "../../../generated/schemas/oras-operator.schema.json" with { type: "json" };
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { withoutVariables } from "../../../schema/variables.ts";
import { component, formats as formatsOf, inlined, type SchemaNode } from "../../../scripts/render/schema.ts";
import { annotations, formats } from "../../../src/annotations/table.ts";
import { variablesOf } from "../../../src/annotations/variables.ts";
import { OrasCache } from "../../../src/cache/model.ts";
import { type FieldProblem, validateOrasCache } from "../../../src/cache/validate.ts";
import {
  invalidAnnotations,
  invalidOrasCache,
  validAnnotations,
  validOrasCache,
  validValues,
} from "../../support/arbitraries.ts";
import { objectsIn, yamlFiles } from "../../support/manifests.ts";
import { schema } from "../../support/schema.ts";

const accepts = new Ajv({ allErrors: true, strict: false, validateFormats: false }).compile(editorSchema);
const acceptsAnnotations = (map: object) => accepts({ kind: "Pod", metadata: { annotations: map } });

const line = ({ path, message }: FieldProblem) => `${path.join(".")}: ${message}`;

describe("formats", () => {
  test.each(Object.keys(formats) as (keyof typeof formats)[])(
    "%s: what is drawn fits, what is refused does not",
    (name) => {
      const { pattern, maxLength, variables } = formats[name];
      const fits = (value: string) =>
        value.length <= maxLength && pattern.test(variables ? withoutVariables(value) : value);
      for (const value of fc.sample(validValues[name], 50)) expect(fits(value), value).toBe(true);
      for (const value of ["", ...(formatsOf(schema)[name]?.["x-refused"] ?? [])])
        expect(fits(value), value).toBe(false);
    },
  );

  test("examples of annotations fit", () => {
    for (const { format, example } of Object.values(annotations))
      expect(formats[format].pattern.test(example)).toBe(true);
  });
});

describe("the schema for editors", () => {
  test("accept every valid set of annotations, beside those of others", () => {
    fc.assert(
      fc.property(validAnnotations, (map) => {
        acceptsAnnotations({ ...map, "example.com/other": "x" });
        expect(accepts.errors).toBeNull();
      }),
    );
  });

  test("refuse every invalid set of annotations, but for what stands around a variable", () => {
    // Only admission knows that, so a set whose only wrong values hold variables is not for editors to refuse.
    const forEditors = invalidAnnotations.filter(({ annotations: map, keys }) =>
      keys.some((key) => variablesOf(map[key]).length === 0),
    );
    fc.assert(
      fc.property(forEditors, ({ annotations: map }) => {
        expect(acceptsAnnotations(map)).toBe(false);
      }),
    );
  });

  test("accept the operator's own mark", () => {
    expect(acceptsAnnotations({ [names.markerAnnotation]: "x" })).toBe(true);
  });

  test("refuse a name of nobody's under the prefix, and values that are no text", () => {
    expect(acceptsAnnotations({ [`${names.prefix}nobody`]: "x" })).toBe(false);
    expect(acceptsAnnotations({ [annotations.debug.key]: true })).toBe(false);
  });
});

describe("OrasCaches", () => {
  test("valid ones are accepted by the model and by editors", () => {
    fc.assert(
      fc.property(validOrasCache, (cache) => {
        expect(validateOrasCache(cache)).toEqual([]);
        accepts(cache);
        expect(accepts.errors).toBeNull();
      }),
    );
  });

  test("invalid ones are refused by both", () => {
    fc.assert(
      fc.property(invalidOrasCache, (cache) => {
        expect(validateOrasCache(cache)).not.toEqual([]);
        expect(accepts(cache)).toBe(false);
      }),
    );
  });

  test("a model knows its version and kind, and says what is wrong", () => {
    const cache = new OrasCache({ metadata: { name: "oras" } });
    expect(cache.toJSON()).toMatchObject({ apiVersion: OrasCache.apiVersion, kind: OrasCache.kind });
    expect(() => cache.validate()).not.toThrow();
    const wrong = new OrasCache({ metadata: { name: "oras" }, spec: { deploy: "no" as never } });
    expect(() => wrong.validate()).toThrow("deploy");
  });

  test("messages name the field, what was found and what is allowed", () => {
    const twice = ["ReadWriteOnce", "ReadWriteOnce"];
    const problems = (spec: object, name = "oras") =>
      validateOrasCache({ ...new OrasCache({ metadata: { name } }), spec }).map(line);
    expect(problems({ imge: "x" })).toEqual(["spec.imge: no such field; did you mean image?"]);
    expect(problems({ nothing: "x" })).toEqual([
      expect.stringMatching(/^spec.nothing: no such field; allowed are image, /),
    ]);
    expect(problems({ deploy: true, registry: "ghcr.io" })).toEqual([
      "spec.registry: may only be set where deploy is false",
    ]);
    expect(problems({ registry: "ghcr.io" })).toEqual([
      "spec.registry: may only be set where deploy is false",
    ]);
    expect(problems({ image: 1 })).toEqual(["spec.image: found 1; allowed is a string; put it in quotes"]);
    expect(problems({ deploy: "no" })).toEqual(['spec.deploy: found "no"; allowed is true or false']);
    expect(problems({}, "1st")).toEqual([
      expect.stringContaining('metadata.name: found "1st"; allowed is the name of an OrasCache'),
    ]);
    expect(problems({ imge: "x", deploy: 1 })).toHaveLength(2);
    expect(problems({ suspend: true })).toEqual([
      expect.stringMatching(
        /^spec.suspend: suspend may only be true where storage.persistentVolumeClaim or /,
      ),
    ]);
    expect(problems({ storage: { warnAt: 90, refuseAt: 80 } })).toEqual([
      "spec.storage.refuseAt: refuseAt cannot be less than warnAt",
    ]);
    // What is wrong with the type of a value is no second problem of the rule that reads it.
    expect(problems({ storage: { warnAt: "90", refuseAt: 80 } })).toHaveLength(1);
    expect(problems({ env: [{ name: "A" }, { name: "A" }, { name: "B" }] })).toEqual([
      "spec.env: several items have the name A; allowed is one of each",
    ]);
    expect(problems({ env: ["A", "A"] })).toHaveLength(2);
    expect(problems({ storage: { persistentVolumeClaim: { size: "1Gi", accessModes: twice } } })).toEqual([
      "spec.storage.persistentVolumeClaim.accessModes: an item is in the list twice; allowed is one of each",
    ]);
    expect(validateOrasCache(7).map(line)).toEqual([": found 7; allowed is a map"]);
  });
});

test("every field has a description that ends with a full stop, so that kubectl explain reads well", () => {
  const bare: string[] = [];
  const walk = (node: SchemaNode, path: string) => {
    if (!node.description?.endsWith(".") && node["x-model"] === undefined) bare.push(path);
    // Kubernetes explains the fields of its types.
    if (node["x-model"] !== undefined) return;
    for (const [name, child] of Object.entries(node.properties ?? {})) walk(child, `${path}.${name}`);
    if (node.items?.properties) walk(node.items, `${path}[]`);
  };
  for (const name of ["Annotations", "OrasCache"]) walk(inlined(schema, component(schema, name)), name);
  expect(bare).toEqual([]);
});

test("exit codes are apart from those that shells and signals use", () => {
  const codes = Object.values(exitCodes).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  // 126 to 165: found but not run, not found, ended by a signal.
  expect(codes.filter((code) => code <= 165 || code >= 255)).toEqual([]);
});

// The API server drops it, so each `kubectl apply` and each look of a GitOps tool would find a difference.
test("no policy has an empty list", async () => {
  const empty: string[] = [];
  const walk = (value: unknown, path: string) => {
    if (Array.isArray(value) && value.length === 0) empty.push(path);
    if (typeof value === "object" && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(inner, `${path}.${key}`);
  };
  for (const file of await yamlFiles("config/policies"))
    for (const object of objectsIn(await readFile(file, "utf8")))
      walk(object.spec, `${file} ${object.metadata?.name}`);
  expect(empty).toEqual([]);
});
