import { describe, expect, test } from "vitest";
import { manifestsOf } from "../../../../src/workflow/import/manifests.ts";
import { readSnakemake } from "../../../../src/workflow/import/snakemake.ts";

const time = "[Fri Nov 27 14:32:04 2026]";
const before = "Building DAG of jobs...\nJob stats:\njob      count\n-----  -------\nall          1\n\n";
const after = `Job stats:
job      count
-----  -------
all          1

Reasons:
    (check individual jobs above for details)
    forced:
        all
This was a dry-run (flag -n). The order of jobs does not reflect the order of execution.
`;
const printed = (...jobs: string[]) =>
  `${before}${jobs.map((job) => `\n${time}\n${job}`).join("\n")}${after}`;
const all = "rule all:\n    input: b\n    jobid: 0\nShell command: None\n";

function tasksOf(text: string) {
  const read = readSnakemake(text);
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return read.value.tasks;
}

const problemsOf = (text: string) => {
  const read = readSnakemake(text);
  return read.ok ? [] : read.problems.map(({ at, message }) => `${at}: ${message}`);
};

describe("what a dry run of Snakemake prints", () => {
  test("is a task for each job: its files, and its command to the last line", () => {
    const first =
      "rule a:\n    input: x.csv, y.csv\n    output: parts/a.txt\n    log: logs/a.log\n    jobid: 3\n    reason: Forced execution\n    threads: 2\n    resources: tmpdir=/tmp, mem_mb=100\nShell command: \n        sort x.csv > parts/a.txt\n        echo done\n        ";
    const second =
      "rule b:\n    input: parts/a.txt\n    output: b\n    jobid: 1\n    wildcards: s=oak, n=1\nShell command: cp parts/a.txt b\n";
    expect(tasksOf(printed(first, second, all))).toEqual([
      {
        at: "line 9",
        id: "a",
        after: [],
        before: [],
        inputs: ["x.csv", "y.csv"],
        outputs: ["parts/a.txt", "logs/a.log"],
        command: ": > logs/a.log\nsort x.csv > parts/a.txt\n        echo done",
      },
      {
        at: "line 23",
        id: "b s=oak, n=1",
        after: [],
        before: [],
        inputs: ["parts/a.txt"],
        outputs: ["b"],
        command: "cp parts/a.txt b",
      },
    ]);
  });

  test("is the same with line ends of Windows, and without a target that does nothing", () => {
    const text = printed("rule b:\n    output: b\n    jobid: 1\nShell command: date > b\n", all);
    expect(tasksOf(text.replaceAll("\n", "\r\n"))).toEqual(tasksOf(text));
    expect(tasksOf(text).map(({ id }) => id)).toEqual(["b"]);
  });

  test("ends with a job that does something, too", () => {
    const [task] = tasksOf(printed("localrule b:\n    output: b\n    jobid: 0\nShell command: date > b\n"));
    expect(task?.command).toBe("date > b");
  });

  const command = (lines: string) => `rule b:\n    output: b\n    jobid: 1\nShell command: ${lines}\n`;

  test.each([
    "Would remove temporary output a.txt\nWould remove temporary output parts/b c.txt",
    "Output file b will be written to global between-workflow cache.",
    "Handing over execution to foreign system...",
  ])("is not what Snakemake says of a job behind its command: %s", (said) => {
    const job = `${command("\n        date > b\n        ")}${said}\n`;
    for (const text of [printed(job, all), printed(all, job), printed(job), printed(`${all}${said}\n`, job)])
      expect(tasksOf(text)).toMatchObject([{ id: "b", command: "date > b" }]);
  });

  test("may have lines as those that stand behind the last job", () => {
    const lines = "cat <<E\nReasons:\nJob stats:\nThis was a dry-run \nE";
    for (const text of [printed(command(lines), all), printed(all, command(lines))])
      expect(tasksOf(text)).toMatchObject([{ command: lines }]);
  });

  test.each([
    ["nothing", "", /^line 1: has no job; save what snakemake --dry-run /],
    ["a dry run that has nothing to do", "Nothing to be done.\n", /^line 1: has no job; /],
    ["dot", "digraph snakemake_dag {\n}\n", /^line 1: has no job; /],
    ["run:", printed("rule a:\n    output: x\n    jobid: 1\nShell command: None\n"), /a has no shell:/],
    [
      "a checkpoint",
      printed("checkpoint a:\n    output: x\n    jobid: 1\nShell command: date > x\n"),
      /^line 9: the rule a is a checkpoint; /,
    ],
    [
      "pipe()",
      printed("rule a:\n    output: x (pipe)\n    jobid: 1\nShell command: date > x\n"),
      /the rule a has the file "x \(pipe\)"; write it without pipe\(\)/,
    ],
    [
      "a file of a storage provider",
      printed(
        "rule a:\n    input: s3://b/x (retrieve from storage)\n    output: x\n    jobid: 1\nShell command: date > x\n",
      ),
      /x \(retrieve from storage\)"; write a plain path/,
    ],
    [
      "what is not known yet",
      printed("rule a:\n    input: <TBD>\n    output: x\n    jobid: 1\nShell command: date > x\n"),
      /the rule a has a file that is not known before the run/,
    ],
    [
      "benchmark:",
      printed("rule a:\n    output: x\n    jobid: 1\n    benchmark: b\nShell command: date > x\n"),
      /the rule a has benchmark:/,
    ],
    [
      "a group, whose jobs stand within it",
      `${before}${time}\n${command("date > b")}${time} Group job g (jobs in lexicogr. order):\n\n    ${time}\n    rule a:\n        output: a\n        jobid: 1\nShell command: date > a\n${after}`,
      /^line \d+: found "Group job g .*take group: out of the rules/,
    ],
    [
      "a line of the time in a command",
      printed(command(`date\n${time}\ndate > b`)),
      /found "date > b": it is no/,
    ],
    [
      "what a run prints",
      printed("Finished jobid: 1 (Rule: b)\n"),
      /"Finished jobid: 1 \(Rule: b\)": it is no/,
    ],
    ["message:", printed("Job 1: Makes x\nReason: Forced\nShell command: date > x\n"), /"Job 1: Makes x"/],
  ])("is refused with %s", (_, text, says) => {
    const problems = problemsOf(text);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(says);
  });

  test("is refused with all that is wrong", () => {
    const job = (name: string) => `rule ${name}:\n    output: ${name}\n    jobid: 1\nShell command: None\n`;
    expect(problemsOf(printed(job("a"), job("b")))).toHaveLength(2);
  });

  test("needs an image, because it names none", () => {
    const read = readSnakemake(printed("rule a:\n    output: x\n    jobid: 1\nShell command: date > x\n"));
    const made = read.ok ? manifestsOf(read.value, {}) : read;
    expect(made.ok ? [] : made.problems).toEqual([
      { at: "line 9", message: expect.stringContaining("--image") },
    ]);
  });
});
