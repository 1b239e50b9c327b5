import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { stringify } from "yaml";
import { stepsOf } from "../../src/cli/graph/steps.ts";
import { kubectlYaml } from "../../src/cli/manifests/yaml.ts";
import { offlineDefaults } from "../../src/cli/settings.ts";
import { validateFiles } from "../../src/cli/validate.ts";
import { graphOf } from "../../src/lineage/graph.ts";
import { type Manifests, manifestsOf } from "../../src/workflow/import/manifests.ts";
import { labelOf, namesFor } from "../../src/workflow/import/names.ts";
import { readWfFormat } from "../../src/workflow/import/wfformat.ts";
import { makeFolder } from "../support/cli.ts";
import { drawnDag, wfFormatOf } from "../support/wfformat.ts";

const versions = fc.constantFrom("1.4" as const, "1.5" as const, "1.6" as const);
const runs = fc.option(fc.constantFrom("17", "2026-11-27.a", "_A_"), { nil: undefined });

function imported(file: object, run: string | undefined): Manifests {
  const read = readWfFormat(file);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const made = manifestsOf(read.value, { run });
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return made.value;
}

describe("a workflow in WfFormat", () => {
  test("becomes Jobs whose graph is the workflow's", () => {
    fc.assert(
      fc.property(drawnDag, versions, runs, (dag, version, run) => {
        const { jobs } = imported(wfFormatOf(dag, version), run);
        const steps = stepsOf({ namespace: "default", jobs: [...jobs], pods: [], caches: [] });
        const { artifacts, cycles, steps: nodes } = graphOf(steps);
        const placeOf = new Map(jobs.map(({ metadata }, at) => [`job/${metadata?.name}`, at]));
        const edges = artifacts.flatMap(({ madeBy, usedBy }) =>
          madeBy.flatMap((from) => usedBy.map((to) => `${placeOf.get(from)} ${placeOf.get(to)}`)),
        );
        expect(nodes).toHaveLength(dag.ids.length);
        expect(cycles).toEqual([]);
        expect([...edges].sort()).toEqual(
          [...new Set(dag.edges.map(([from, to]) => `${from} ${to}`))].sort(),
        );
        // Each made once, and each that nobody makes read by exactly those that need it.
        expect(artifacts.every(({ madeBy }) => madeBy.length <= 1)).toBe(true);
        const readers = artifacts
          .filter(({ madeBy }) => madeBy.length === 0)
          .map(({ usedBy }) =>
            usedBy
              .map((id) => placeOf.get(id))
              .sort()
              .join(),
          );
        const wanted = new Set(dag.given.map((all) => [...all].sort().join()));
        expect(new Set(readers)).toEqual(wanted);
        expect(readers).toHaveLength(wanted.size);
      }),
      { numRuns: 300 },
    );
  });

  test("becomes Jobs that validate finds nothing wrong with", async () => {
    const folder = await makeFolder();
    onTestFinished(folder.remove);
    await fc.assert(
      fc.asyncProperty(drawnDag, versions, runs, async (dag, version, run) => {
        const { jobs } = imported(wfFormatOf(dag, version), run);
        const text = jobs.map((job) => stringify(job, { version: kubectlYaml.version })).join("---\n");
        const file = await folder.write("jobs.yaml", text);
        const { findings, checked } = await validateFiles([file], offlineDefaults);
        expect(findings.filter(({ level }) => level !== "info")).toEqual([]);
        expect(checked).toBe(dag.ids.length);
      }),
      { numRuns: 40 },
    );
  });
});

test("names are labels of RFC 1123, each once, and the same for the same texts", () => {
  const before = fc.string({ maxLength: 80 }).map(labelOf);
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ maxLength: 90 })), before, (texts, start) => {
      const names = namesFor(texts, start);
      expect(names).toEqual(namesFor(texts, start));
      expect(new Set(names.values()).size).toBe(texts.length);
      for (const name of names.values()) expect(name).toMatch(/^(?=.{1,63}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
    }),
  );
});
