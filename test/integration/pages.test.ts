import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { Manifest } from "../../scripts/build-config.ts";
import { jobOf, keyOf, podOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import { objectsIn } from "../support/manifests.ts";
import { blocksOf, pages } from "../support/pages.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";

const cacheOf = (spec: object) => ({ apiVersion: names.apiVersion, kind: names.kind, spec });

/** It may have the index in its output: that of a page is Indexed. */
const indexed = { completionMode: "Indexed", completions: 3 };

/** Of a step that is memoized: without one there is nothing to remember. */
const output = { [keyOf("output-uri")]: "a/c:1", [keyOf("output-path")]: "/tmp/c" };

/** What a piece of YAML that is not a field of an OrasCache's spec becomes a whole object with. */
const wholes: Readonly<Record<string, (part: object) => object>> = {
  "Job.metadata.annotations": (part) => {
    const job = jobOf("any", {}, "true", indexed);
    return { ...job, metadata: { ...job.metadata, annotations: part } };
  },
  "Pod.spec": (part) => ({ ...podOf("any"), spec: part }),
  "Pod.metadata.annotations": (part) => ({
    ...podOf("any"),
    metadata: {
      annotations: { [keyOf("input-uri")]: "a/b:1", ...(keyOf("memoize") in part && output), ...part },
    },
  }),
};

/** An object that a block shows, whole. What begins with its spec is an OrasCache. */
function wholeOf(shown: object, part: string | undefined): Manifest {
  const field = part?.match(/^OrasCache\.spec\.(\w+)$/)?.[1];
  if (field !== undefined) return { ...cacheOf({ [field]: shown }), metadata: { name: "shown" } };
  const whole = part === undefined ? shown : wholes[part]?.(shown);
  if (whole === undefined) throw new Error(`${part}: this test does not know what that is part of`);
  const [first] = Object.keys(whole);
  return (first === "spec" ? { ...cacheOf({}), ...whole } : whole) as Manifest;
}

/** Every object that pages show, with its place. What stands for a word of the reader's is in capitals there. */
const shown = pages.flatMap((page) =>
  blocksOf(page)
    .filter(({ language, note }) => language === "yaml" && (note === undefined || note.kind === "part of"))
    .flatMap(({ line, note, text }) => {
      const named = text
        .replaceAll(/\b[A-Z]{4,}\b(?=\.|:TAG|$| #)/gm, (word) => word.toLowerCase())
        .replaceAll(":TAG", ":tag");
      return objectsIn(named).map((object) => ({
        at: `${page}:${line}`,
        object: wholeOf(object, note?.text),
      }));
    }),
);

test.for(shown)(
  "what $at shows is taken by the API server",
  async ({ at, object }, { plane, operator: _, skip }) => {
    const json = (value: object) => JSON.stringify(value);
    // Its OrasCache stands elsewhere on the page.
    const isInputVolume = json(object).includes(`"${keyOf("input-as")}":"volume"`);
    const hasImageVolume = isInputVolume || json(object).includes('"image":{"reference"');
    skip(hasImageVolume && minor < since.imageVolumes, "this API server knows no image volumes");
    expect(object, at).toMatchObject({ apiVersion: expect.any(String), kind: expect.any(String) });
    const { namespace = isInputVolume ? "input-volumes" : "default" } = object.metadata ?? {};
    const apply = (value: object) => kubectl(plane.kubeconfig, ["apply", "-f", "-"], json(value));
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
    if (isInputVolume)
      await apply({
        ...cacheOf({ nodeAddress: "nodes.example.com:30500" }),
        metadata: { name: "oras", namespace },
      });
    // No other field than those that there are.
    const named = {
      ...object,
      metadata: Object.assign({ name: "shown" }, isInputVolume && { namespace }, object.metadata),
    };
    const create = () =>
      kubectl(plane.kubeconfig, ["create", "--dry-run=server", "--validate=strict", "-f", "-"], json(named));
    // The operator learns of that OrasCache by its watch.
    const { stdout } = isInputVolume ? await until(create, "the operator's yes") : await create();
    expect(stdout).toContain("created (server dry run)");
  },
);

/** Rows of the tables of `kubectl get jobs` that pages show for the five Jobs, with the column WAITING. */
const rows = ["README.md", "docs/workflows.md"].flatMap((page) =>
  blocksOf(page)
    .filter(({ text }) => /^NAME +STATUS .* WAITING$/m.test(text))
    .flatMap(({ text }) => {
      const [heads = "", ...lines] = text.trimEnd().split("\n");
      const cell = (line: string, head: string) =>
        line.slice(heads.indexOf(head)).match(/^(\S*)(?: |$)/)?.[1] ?? "";
      const read = (line: string) =>
        ["NAME", "STATUS", "WAITING"].map((head) => cell(line, head)) as [string, string, string];
      return lines.map((line) => ({ page, row: read(line) }));
    }),
);

test("tables of the five Jobs say of each whether it waits", async ({ plane, operator: _ }) => {
  expect(new Set(rows.map(({ page }) => page)).size).toBe(2);
  const file = "examples/workflow/five-jobs/jobs.yaml";
  const dryRun = ["create", "--dry-run=server", "--output=yaml", "-f", file];
  const { stdout } = await kubectl(plane.kubeconfig, dryRun);
  const labels = new Map(
    objectsIn(stdout).map(({ metadata }) => {
      const { name, labels: all = {} } = metadata as { name: string; labels?: Record<string, string> };
      return [name, all[names.waitingLabel]];
    }),
  );
  for (const { page, row } of rows) {
    const [name, status] = row;
    // The operator takes no such label away: it is false from the start of a step on.
    const label = labels.get(name);
    const waiting = label === undefined || status === "Suspended" ? label : "false";
    expect(row, page).toEqual([name, status, waiting ?? ""]);
  }
});

test("docs/workflows.md: a ConfigMap that counts is taken with the annotations shown, and not without", async ({
  plane,
  operator: _,
}) => {
  const [block] = blocksOf("docs/workflows.md").filter(({ text }) => text.includes(keyOf("memoize-extra")));
  const [shown = {}] = objectsIn(block?.text ?? "");
  const annotations: Readonly<Record<string, string>> = { ...output, ...(shown as object) };
  const { [keyOf("memoize-assume")]: promise, ...without } = annotations;
  expect(promise).toBe("config");
  const { spec, ...pod } = podOf("parameters");
  const withConfig = { ...spec, volumes: [{ name: "parameters", configMap: { name: "parameters" } }] };
  const create = (all: object) =>
    kubectl(
      plane.kubeconfig,
      ["create", "--dry-run=server", "-f", "-"],
      JSON.stringify({ ...pod, metadata: { ...pod.metadata, annotations: all }, spec: withConfig }),
    );
  expect((await create(annotations)).stdout).toContain("created (server dry run)");
  await expect(create(without)).rejects.toThrow("(ConfigNotSeen)");
});
