import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { names } from "../../../../schema/names.ts";
import { type ImportOptions, manifestsOf } from "../../../../src/workflow/import/manifests.ts";
import { readWfFormat } from "../../../../src/workflow/import/wfformat.ts";

interface Written {
  readonly id: string;
  readonly parents?: readonly string[];
  readonly inputFiles?: readonly string[];
  readonly outputFiles?: readonly string[];
}

const fileOf = (tasks: readonly unknown[], executed: readonly unknown[] = []) => ({
  name: "Drawn by Hand",
  schemaVersion: "1.6",
  workflow: { specification: { tasks, files: [] }, execution: { tasks: executed } },
});

/** What is wrong with a file, or with what becomes of it. */
function problemsOf(file: unknown, options: ImportOptions = {}): string[] {
  const read = readWfFormat(file);
  const result = read.ok ? manifestsOf(read.value, options) : read;
  return result.ok ? [] : result.problems.map(({ at, message }) => `${at}: ${message}`);
}

function jobsOf(file: unknown, options: ImportOptions = {}) {
  const read = readWfFormat(file);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const made = manifestsOf(read.value, options);
  if (!made.ok) throw new Error(JSON.stringify(made.problems));
  return made.value;
}

const at = (index: number) => `workflow.specification.tasks[${index}]`;

describe("a file that is not of the format", () => {
  test.for<[string, unknown, string[]]>([
    ["no object", [], [": must be an object, as in WfFormat"]],
    ["no workflow", { name: "a", schemaVersion: "1.6" }, ["workflow: must be an object, as in WfFormat"]],
    [
      "of another version",
      { ...fileOf([]), schemaVersion: "1.3" },
      ['schemaVersion: found "1.3"; allowed are 1.4, 1.5, 1.6: the tools of WfCommons migrate older files'],
    ],
    ["no tasks", fileOf([]), ["workflow.specification.tasks: has no task"]],
    [
      "tasks that are none, each with its place",
      fileOf([{ id: 1 }, { id: "a", inputFiles: "x" }, null, { id: "b" }], [{ id: "b", command: [] }]),
      [
        `${at(0)}.id: must be a string`,
        `${at(1)}.inputFiles: must be a list`,
        `${at(2)}: must be an object`,
        "workflow.execution.tasks[0].command: must be an object",
      ],
    ],
  ])("%s", ([, file, problems]) => {
    expect(problemsOf(file)).toEqual(problems);
  });
});

describe("a workflow that cannot be run", () => {
  test("says everything that is wrong at once", () => {
    const tasks: Written[] = [
      { id: "a", inputFiles: ["/etc/passwd", "x"], outputFiles: ["y", "../z"] },
      { id: "a", parents: ["nobody"], outputFiles: ["y"] },
      { id: "loop", inputFiles: ["self"], outputFiles: ["self"] },
      { id: "left", inputFiles: ["r"], outputFiles: ["l"] },
      { id: "right", inputFiles: ["l"], outputFiles: ["r"] },
      { id: "folder", outputFiles: ["d", "a\nb", ".outputs/x"] },
      { id: "in it", outputFiles: ["d/e"] },
    ];
    expect(problemsOf(fileOf(tasks), { prefix: "Not This" })).toEqual([
      `${at(0)}: found the path "/etc/passwd": it is absolute, and no folder is the same for two steps`,
      `${at(0)}: found the path "../z": no part of it may be empty, . or ..`,
      `${at(1)}: found the task "a" a second time; the first is ${at(0)}`,
      `${at(1)}: comes after the task "nobody", and there is none`,
      `${at(1)}: makes "y", which the task "a" makes, too`,
      `${at(5)}: found the path "a\\nb": it has a control character`,
      `${at(5)}: found the path ".outputs/x": what a step makes is put into .outputs`,
      `${at(6)}: makes "d/e", which lies in "d", an output, too`,
      `${at(2)}: needs what it makes itself`,
      `${at(3)}: found a circle, each needs the next and the last the first: "left", "right"`,
      '--prefix: found "Not This"; allowed are lower case letters, digits, and - between them',
    ]);
  });

  test("a child that there is not is missing like a parent", () => {
    expect(problemsOf(fileOf([{ id: "a", children: ["b"] }]))).toEqual([
      `${at(0)}: comes before the task "b", and there is none`,
    ]);
  });

  test("more inputs than a step waits for", () => {
    const many = Array.from({ length: 65 }, (_, i) => ({ id: `t${i}`, outputFiles: [`f${i}`] }));
    const all = { id: "all", inputFiles: many.flatMap(({ outputFiles }) => outputFiles) };
    expect(problemsOf(fileOf([...many, all]))).toEqual([
      `${at(65)}: needs 65 artifacts, and a step waits for 64 at most; let tasks between put some together`,
    ]);
  });

  test.for(["localhost", "LocalHost"])("a workflow called %s needs another prefix", (name) => {
    const file = { ...fileOf([{ id: "a" }]), name };
    expect(problemsOf(file)).toEqual([
      '--prefix: found "localhost", which is the name of a host; write another one',
    ]);
    expect(problemsOf(file, { prefix: "mine" })).toEqual([]);
  });

  test("programs without an image", () => {
    const ran = ["a", "b"].map((id) => ({ id, command: { program: "prog" } }));
    const file = fileOf([{ id: "a" }, { id: "b" }, { id: "c" }], ran);
    expect(problemsOf(file)).toEqual([
      `${at(0)}: has a program and no image (and 1 more); write the image that has the programs with --image`,
    ]);
    expect(problemsOf(file, { image: "x" })).toEqual([]);
    expect(problemsOf(file, { scale: 1 })).toEqual([]);
  });
});

describe("options", () => {
  const file = fileOf(
    [
      { id: "Make It", outputFiles: ["x"] },
      { id: "use_it", inputFiles: ["x", "given"] },
    ],
    [{ id: "use_it", command: { program: "if", arguments: ["a b", "$(date)", "$$", "=x"] } }],
  );

  test("without any, names are the workflow's, and a batch keeps runs apart", () => {
    const { jobs, given } = jobsOf(file, { image: "mine" });
    expect(jobs.map(({ metadata }) => metadata)).toMatchObject([
      {
        name: "drawn-by-hand-make-it",
        annotations: {
          [`${names.prefix}batch`]: "drawn-by-hand/2",
          [`${names.prefix}output-uri`]: "drawn-by-hand/make-it:1",
        },
      },
      {
        name: "drawn-by-hand-use-it",
        annotations: {
          [`${names.prefix}input-uri_1`]: "drawn-by-hand/make-it:1",
          [`${names.prefix}input-uri_2`]: "drawn-by-hand/given/given:1",
          [`${names.prefix}wait-for-inputs`]: "true",
        },
      },
    ]);
    expect(jobs[0]?.metadata).not.toHaveProperty("namespace");
    expect(given).toMatchObject([{ artifact: "drawn-by-hand/given/given:1", files: ["given"] }]);
    const args = jobs.map(({ spec }) => spec?.template.spec?.containers[0]?.args?.[0]);
    // The kubelet makes of it what it was.
    expect(args[1]).toContain("'if' 'a b' '$$(date)' '$$$' '=x'\n");
    expect(jobs.map(({ spec }) => spec?.template.spec?.containers[0]?.image)).toEqual(["mine", "mine"]);
  });

  test("each goes where it counts", () => {
    const options = { cache: "other", namespace: "ns", run: "Nr.7", prefix: "p", scale: 2 };
    const [first] = jobsOf(file, options).jobs;
    expect(first?.metadata).toMatchObject({
      name: "p-nr-7-make-it",
      namespace: "ns",
      labels: { workflow: "p" },
      annotations: {
        [`${names.prefix}oras-cache`]: "other",
        [`${names.prefix}run`]: "Nr.7",
        [`${names.prefix}output-uri`]: "p/make-it:$(RUN)",
      },
    });
    expect(first?.metadata?.annotations).not.toHaveProperty(`${names.prefix}batch`);
  });
});

test("Montage has 97 steps", () => {
  const file: unknown = JSON.parse(readFileSync("examples/workflow/montage/montage.json", "utf8"));
  const { jobs, given, standIns } = jobsOf(file);
  expect(jobs).toHaveLength(97);
  expect(standIns).toBe(true);
  expect(given.length).toBeGreaterThan(40);
});
