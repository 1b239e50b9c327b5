import { globSync, readFileSync } from "node:fs";
import { dirname, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { writtenAnnotations, writtenLabels } from "../../../src/workload/places.ts";
import { type LanguageServer, startLanguageServer } from "../../support/language-server.ts";

const schema = "generated/schemas/oras-operator.schema.json";
const modeline = `# yaml-language-server: $schema=./${schema}\n`;
/** The path only says where the schema's relative path begins. */
const path = resolve("try.yaml");

const mistyped = names.prefix.replace("github.", "");

let server: LanguageServer;
beforeAll(async () => {
  server = await startLanguageServer();
}, 60_000);
afterAll(() => server.stop());

/** A manifest whose annotations stand where the operator reads them. */
const steps = {
  Pod: (lines: string) => `apiVersion: v1
kind: Pod
metadata:
  name: a
  annotations:
${indent(lines, 4)}
spec:
  containers: [{ name: a, image: a, command: [a] }]
`,
  Job: (lines: string) => `apiVersion: batch/v1
kind: Job
metadata:
  name: a
  annotations:
${indent(lines, 4)}
spec:
  template:
    spec: { restartPolicy: Never, containers: [{ name: a, image: a, command: [a] }] }
`,
  "Job's template": (lines: string) => `apiVersion: batch/v1
kind: Job
metadata: { name: a }
spec:
  template:
    metadata:
      annotations:
${indent(lines, 8)}
    spec: { restartPolicy: Never, containers: [{ name: a, image: a, command: [a] }] }
`,
  CronJob: (lines: string) => `apiVersion: batch/v1
kind: CronJob
metadata: { name: a }
spec:
  schedule: "@daily"
  jobTemplate:
    metadata:
      annotations:
${indent(lines, 8)}
    spec: { template: { spec: { containers: [] } } }
`,
  "CronJob's Pod": (lines: string) => `apiVersion: batch/v1
kind: CronJob
metadata: { name: a }
spec:
  jobTemplate:
    spec:
      template:
        metadata:
          annotations:
${indent(lines, 12)}
        spec: { containers: [] }
`,
  Deployment: (lines: string) => `apiVersion: apps/v1
kind: Deployment
metadata: { name: a }
spec:
  template:
    metadata:
      annotations:
${indent(lines, 8)}
    spec: { containers: [] }
`,
  "a Pod of several documents": (lines: string) => `kind: OrasCache
apiVersion: ${names.apiVersion}
metadata: { name: a }
---
${modeline}${steps.Pod(lines)}---
kind: ConfigMap
apiVersion: v1
`,
};

function indent(lines: string, by: number): string {
  return lines.replace(/^/gm, " ".repeat(by));
}

const input = `${names.prefix}input-uri: a/b:c\n`;

describe.concurrent.each(Object.entries(steps))("I10: %s", (_, step) => {
  it("completes an annotation's key, with its description", async () => {
    const items = await server.complete(path, modeline + step(`${input}${names.prefix}comp|`));
    const item = items.find(({ label }) => label === `${names.prefix}compression`);
    expect(item?.documentation).toBe(annotations.compression.description);
  });

  it("completes an annotation's value, quoted where YAML would read something else", async () => {
    const values = async (name: string) =>
      (await server.complete(path, modeline + step(`${input}${names.prefix}${name}: |`))).map(
        ({ insertText }) => insertText,
      );
    expect(await values("compression")).toEqual(expect.arrayContaining(["auto", "gzip", "zstd", "none"]));
    expect(await values("debug")).toEqual(expect.arrayContaining(['"true"', '"false"']));
    expect(await values("timeout")).toEqual(expect.arrayContaining(["5m", "30m"]));
  });

  it("underlines wrong values and unknown keys, and nothing else", async () => {
    const lines = [
      input.trim(),
      `${names.prefix}input-uri_1: a/$(POD_NAME):c`,
      `${names.prefix}output-url: a/b:c`,
      `${names.prefix}oras-cache_1: oras`,
      `${names.prefix}compression: lz4`,
      `${names.prefix}input-uri_2: No/Tag`,
      `${names.prefix}debug: true`,
      `${mistyped}input-uri: a/b:c`,
      ...writtenAnnotations.map((key) => `${key}: "{}"`),
      "example.com/other: x",
    ];
    const found = await server.diagnose(path, modeline + step(lines.join("\n")));
    const wrong = [
      { text: `${names.prefix}output-url`, message: expect.stringContaining("not allowed") },
      { text: `${names.prefix}oras-cache_1`, message: expect.stringContaining("not allowed") },
      { text: "lz4", message: expect.stringContaining('"auto", "gzip", "zstd", "none"') },
      { text: "No/Tag", message: expect.stringContaining("Allowed is repository/name:tag") },
      { text: "true", message: expect.stringContaining('Expected "string"') },
      { text: "true", message: expect.stringContaining('"true", "false"') },
      { text: `${mistyped}input-uri`, message: expect.stringContaining("not allowed") },
    ];
    expect(found).toEqual(expect.arrayContaining(wrong));
    expect(found).toHaveLength(wrong.length);
  });

  it("tells what an annotation means", async () => {
    expect(await server.hover(path, modeline + step(`${names.prefix}input-|uri_1: a/b:c`))).toContain(
      "Artifact to pull",
    );
  });
});

it("I10: a Job is offered nothing that only a JobSet has", async () => {
  const items = await server.complete(path, `${modeline}kind: Job\nspec:\n  |`);
  expect(items.map(({ label }) => label)).toEqual(["template"]);
});

describe.concurrent("I10: where nobody reads annotations", () => {
  it.each([
    ["CronJob", "spec.jobTemplate.metadata.annotations"],
    ["Deployment", "spec.template.metadata.annotations"],
    ["StatefulSet", "spec.template.metadata.annotations"],
    ["DaemonSet", "spec.template.metadata.annotations"],
    ["ReplicaSet", "spec.template.metadata.annotations"],
    ["JobSet", "spec.replicatedJobs[].template.metadata.annotations"],
  ])("a %s is told where to write them", async (kind, place) => {
    const found = await server.diagnose(
      path,
      `${modeline}kind: ${kind}\nmetadata:\n  annotations:\n    ${input}    example.com/other: x\n`,
    );
    expect(found).toEqual([{ text: `${names.prefix}input-uri`, message: expect.stringContaining(place) }]);
  });

  it.each(["Pod", "Job", "CronJob"])("labels of a %s are none", async (kind) => {
    const written = writtenLabels.map((key) => `    ${key}: "true"\n`).join("");
    const labels = `${indent(input.trim(), 4)}\n${written}    example.com/other: x\n`;
    const found = await server.diagnose(path, `${modeline}kind: ${kind}\nmetadata:\n  labels:\n${labels}`);
    expect(found).toEqual([
      { text: `${names.prefix}input-uri`, message: expect.stringContaining("does not read labels") },
    ]);
  });
});

describe.concurrent("I10: an OrasCache", () => {
  const cache = (spec: string) =>
    `${modeline}apiVersion: ${names.apiVersion}\nkind: OrasCache\nmetadata:\n  name: oras\nspec:\n${indent(spec, 2)}`;

  it("has its fields and their values completed", async () => {
    const keys = await server.complete(path, cache("dep|"));
    expect(keys.map(({ label }) => label)).toContain("deploy");
    const values = await server.complete(path, cache("deploy: |"));
    expect(values.map(({ label }) => label)).toEqual(expect.arrayContaining(["true", "false"]));
  });

  it("has unknown fields and wrong values underlined", async () => {
    expect(await server.diagnose(path, cache("imge: x\ndeploy: maybe\nsecrets:\n  orasEnv: a_b"))).toEqual([
      { text: "maybe", message: expect.stringContaining("boolean") },
      { text: "a_b", message: expect.stringContaining("Allowed is the name of a Kubernetes object") },
      { text: "imge", message: expect.stringContaining("not allowed") },
    ]);
  });

  it("tells what a field means", async () => {
    expect(await server.hover(path, cache("dep|loy: false"))).toContain(
      "Whether the operator runs a registry",
    );
  });
});

describe.concurrent("I10: the examples", () => {
  const files = globSync("examples/**/*.yaml").filter((file) => !file.startsWith("examples/dist/"));

  it("are found", () => expect(files.length).toBeGreaterThan(8));

  it.each(files)("%s names the schema in every document, and is right by it", async (file) => {
    const text = readFileSync(file, "utf8");
    for (const document of text.split(/^---$/m)) {
      expect(document).toContain(`# yaml-language-server: $schema=${relative(dirname(file), schema)}\n`);
    }
    expect(await server.diagnose(resolve(file), text)).toEqual([]);
  });
});
