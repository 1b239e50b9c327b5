import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { type AnnotationName, annotations } from "../../src/annotations/table.ts";
import { it } from "../support/e2e.ts";
import { temporaryFolder } from "../support/folders.ts";
import { objectsIn } from "../support/manifests.ts";
import { blocksOf, commandsOf } from "../support/pages.ts";
import { openTerminal, type } from "../support/typed.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const page = "examples/workflow/montage/README.md";
const half = 1_800_000;

const keyOf = (name: AnnotationName) => annotations[name].key;
const inputsOf = ({ metadata }: V1Job) =>
  Object.entries(metadata?.annotations ?? {})
    .filter(([key]) => key.startsWith(keyOf("input-uri")))
    .map(([, uri]) => uri);
const outputOf = ({ metadata }: V1Job) => metadata?.annotations?.[keyOf("output-uri")] ?? "";

const jobsIn = async (ws: Workspace) =>
  (JSON.parse(await ws.kubectl("get", "jobs", "-o", "json")) as { items: V1Job[] }).items;
const podsIn = async (ws: Workspace) =>
  (await ws.kubectl("get", "pods", "-l", "batch.kubernetes.io/job-name", "-o", "name"))
    .split("\n")
    .filter(Boolean);

/** Runs the steps here, one after the other, in one folder: what they have to make in the cluster, too. */
function madeHere(jobs: readonly V1Job[], given: string): string {
  const made = new Set<string>();
  const left = new Set(jobs);
  while (left.size > 0) {
    const ready = [...left].filter((job) =>
      inputsOf(job).every((uri) => uri.startsWith("montage/given/") || made.has(uri)),
    );
    if (ready.length === 0) throw new Error("the steps wait for each other");
    for (const job of ready) {
      const script = job.spec?.template.spec?.containers[0]?.args?.[0]?.replaceAll("$$", "$") ?? "";
      execFileSync("sh", ["-c", `${script}\ncp .outputs/* . && rm -r .outputs`], { cwd: given });
      made.add(outputOf(job));
      left.delete(job);
    }
  }
  return given;
}

/** Compares what the last steps pushed with what they make here. */
async function expectPushed(ws: Workspace, jobs: readonly V1Job[], given: string): Promise<void> {
  const here = madeHere(jobs, given);
  const read = new Set(jobs.flatMap(inputsOf));
  const last = jobs.map(outputOf).filter((uri) => !read.has(uri));
  expect(last.length).toBeGreaterThan(0);
  for (const uri of last) {
    const folder = await ws.pulled(uri);
    for (const file of readdirSync(folder))
      expect(readFileSync(join(folder, file)).equals(readFileSync(join(here, file))), `${uri}: ${file}`).toBe(
        true,
      );
  }
}

/** A folder with the files that no step makes, apart from the one in which they were put. */
function copied(folder: string): string {
  const copy = temporaryFolder("montage");
  execFileSync("sh", ["-c", `cp ${folder}/given-* ${copy}`]);
  return copy;
}

it(
  "97 steps run in the order of their data",
  async ({ ws }) => {
    const terminal = await openTerminal(ws.namespace);
    const [block] = blocksOf(page);
    if (block === undefined) throw new Error(`${page} has no block`);
    // The cache of the page is there.
    const lines = commandsOf(block).filter((line) => !line.includes("oras.yaml"));
    const { code, stdout, stderr } = await type(terminal, lines);
    expect(code, stdout + stderr).toBe(0);
    expect(stdout).toMatch(/^97 steps in the namespace /m);
    const jobs = await jobsIn(ws);
    expect(jobs).toHaveLength(97);
    const startOf = new Map(jobs.map((job) => [outputOf(job), new Date(job.status?.startTime ?? 0)]));
    for (const job of jobs) {
      expect(job.status).toMatchObject({
        succeeded: 1,
        conditions: expect.arrayContaining([expect.anything()]),
      });
      for (const input of inputsOf(job)) {
        const before = startOf.get(input);
        if (before) expect(before.getTime()).toBeLessThanOrEqual(startOf.get(outputOf(job))?.getTime() ?? 0);
      }
    }
    // What the Jobs run in the cluster is started by the agent.
    const written = objectsIn(readFileSync(join(terminal.folder, "jobs.yaml"), "utf8")) as V1Job[];
    await expectPushed(ws, written, copied(terminal.folder));
  },
  half,
);

/** How the image is named: no registry can be asked for it here. */
const memo = { [keyOf("memoize")]: "on", [keyOf("memoize-assume")]: "tags" };

/** Waits until the results of all steps are remembered, which is a moment after they have ended. */
const remembered = (ws: Workspace) =>
  until(async () => {
    const keys = (await jobsIn(ws)).map(({ metadata }) => metadata?.annotations?.[names.memoKeyAnnotation]);
    return keys.every((key) => key?.endsWith(" written"));
  }, "the results of all steps");

it(
  "run again, no step has a Pod; with another file, those behind it have",
  async ({ ws }) => {
    const terminal = await openTerminal(ws.namespace);
    const lines = commandsOf(blocksOf(page)[0] as NonNullable<ReturnType<typeof blocksOf>[0]>);
    const typed = async (...words: string[]) => {
      const { code, stdout, stderr } = await type(
        terminal,
        lines.filter((line) => words.some((word) => line.includes(word))),
      );
      expect(code, stdout + stderr).toBe(0);
    };
    await typed("import", "sed");
    const manifests = objectsIn(readFileSync(join(terminal.folder, "jobs.yaml"), "utf8"));
    const all = {
      ...{ apiVersion: "v1", kind: "List" },
      items: manifests.map((job) => ({
        ...job,
        metadata: {
          ...job.metadata,
          annotations: { ...(job.metadata as V1Job["metadata"])?.annotations, ...memo },
        },
      })),
    };
    const run = async () => {
      await ws.kubectl("delete", "jobs", "--all", "--cascade=foreground");
      const began = Date.now();
      await ws.apply(all);
      await ws.kubectl("wait", "--for=condition=Complete", "--timeout=20m", "job", "-l", "workflow=montage");
      return { seconds: (Date.now() - began) / 1000, pods: await podsIn(ws) };
    };
    const first = await run();
    expect(first.pods).toHaveLength(97);
    await remembered(ws);
    const again = await run();
    expect(again.pods).toEqual([]);
    console.log(`Montage: ${first.seconds} s, and memoized ${again.seconds} s`);
    const jobs = await jobsIn(ws);
    // The picture that the first task reads alone.
    const [changed] = jobs.filter((job) => inputsOf(job).every((uri) => uri.startsWith("montage/given/")));
    const [given = ""] = changed ? inputsOf(changed) : [];
    const change = `d=$(mktemp -d) && kubectl oras-cache get ${given} -o $d && echo x >> $(ls $d/given-* | head -1) && kubectl oras-cache put $d/. ${given}`;
    expect((await type(terminal, [change])).code).toBe(0);
    const behind = new Set(jobs.filter((job) => inputsOf(job).includes(given)).map(outputOf));
    for (const _ of jobs)
      for (const job of jobs) if (inputsOf(job).some((uri) => behind.has(uri))) behind.add(outputOf(job));
    const other = await run();
    expect(other.pods).toHaveLength(behind.size);
  },
  half,
);
