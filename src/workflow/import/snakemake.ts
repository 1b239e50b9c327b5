import { quoted } from "../../annotations/problems.ts";
import { shellWord } from "./shell.ts";
import type { Imported, ImportProblem, Task, Workflow } from "./workflow.ts";

/** What Snakemake prints before each job, such as `[Fri Nov 27 14:30:58 2026]`; a group begins on the same line. */
const timestamp =
  /^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\](?: (Group job .* \(jobs in lexicogr\. order\):))?$/;
const head = /^(local)?(rule|checkpoint) (\S+):$/;
const field = /^ {4}([a-z-]+): (.*)$/;
const shell = "Shell command: ";
/** Begins what stands behind the last job: the first that is there. */
const ends = ["Job stats:", "Reasons:", "This was a dry-run "];
/** What Snakemake says of a job behind its command. It stands at the end, so that a command may have the same words. */
const remarks = [
  /^$/,
  /^Would remove temporary output /,
  /^Output file .* will be (obtained from|written to) global between-workflow cache\.$/,
  /^Handing over execution to foreign system\.\.\.$/,
];

/** What Snakemake prints in the place of the files of a job, and what to do. */
const hiding: readonly (readonly [RegExp, string])[] = [
  [/^Job \d+: /, "Snakemake prints the message: of a rule in the place of its files; take it out"],
  [/^Group job /, "its jobs would be one; take group: out of the rules, each job is a Job"],
  [/^/, "it is no job as snakemake --dry-run --printshellcmds --forceall prints it"],
];

/** What Snakemake writes behind a path, and what to do. */
const marks: Readonly<Record<string, string>> = {
  pipe: "write it without pipe()",
  service: "write it without service()",
  update: "write it without update(): a step makes its output anew",
};

/** A job as it is printed. */
interface Printed {
  readonly at: string;
  readonly kind: string;
  readonly rule: string;
  readonly fields: ReadonlyMap<string, string>;
  /** Undefined where Snakemake has none. */
  readonly command: string | undefined;
}

/**
 * Reads the jobs that Snakemake prints instead of running them. None of its other outputs has files and commands before a run.
 *
 * @param text - of `snakemake --dry-run --printshellcmds --forceall`
 * @returns the workflow, or each job that cannot be a step
 */
export function readSnakemake(text: string): Imported<Workflow> {
  const { jobs, hidden } = jobsIn(text.replaceAll("\r\n", "\n").split("\n"));
  const made = jobs.filter(({ fields, command }) => fields.has("output") || command !== undefined);
  const problems = [...hidden, ...made.flatMap(problemsOf)];
  if (problems.length === 0 && made.length === 0) {
    const message =
      "has no job; save what snakemake --dry-run --printshellcmds --forceall prints, in a folder without outputs of the rules";
    problems.push({ at: "line 1", message });
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, value: { name: "snakemake", tasks: made.map(taskOf), sizes: new Map() } };
}

/** What is neither a job nor behind the last one is a problem: nothing is left out in silence. */
function jobsIn(lines: readonly string[]): { jobs: Printed[]; hidden: ImportProblem[] } {
  const starts = lines.flatMap((line, index) => (timestamp.test(line) ? [index] : []));
  const jobs: Printed[] = [];
  const hidden: ImportProblem[] = [];
  starts.forEach((start, index) => {
    const next = starts[index + 1];
    const [, group] = timestamp.exec(lines[start] ?? "") ?? [];
    const [title = "", ...body] = lines.slice(start + 1, next ?? endOf(lines, start));
    const [, , kind = "", rule = ""] = head.exec(title) ?? [];
    if (group === undefined && kind !== "") jobs.push(printedJob(`line ${start + 2}`, kind, rule, body));
    else hidden.push(hiddenJob(start, group ?? title));
  });
  return { jobs, hidden };
}

function hiddenJob(start: number, found: string): ImportProblem {
  const [, says = ""] = hiding.find(([pattern]) => pattern.test(found)) ?? [];
  return { at: `line ${start + 2}`, message: `found ${quoted(found)}: ${says}` };
}

/** Where the last job ends. Its command may have the same lines, so that the last of each counts. */
function endOf(lines: readonly string[], start: number): number | undefined {
  const found = ends.map((text) => lines.findLastIndex((line) => line.startsWith(text)));
  return found.find((at) => at > start);
}

function printedJob(at: string, kind: string, rule: string, body: readonly string[]): Printed {
  const from = body.findIndex((line) => line.startsWith(shell));
  const facts = from < 0 ? body : body.slice(0, from);
  const fields = new Map(
    facts.flatMap((line) => {
      const [, name = "", value = ""] = field.exec(line) ?? [];
      return name === "" ? [] : [[name, value] as const];
    }),
  );
  const last = body.findLastIndex((line) => !remarks.some((remark) => remark.test(line)));
  const command = body
    .slice(from, last + 1)
    .join("\n")
    .slice(shell.length)
    .trim();
  const isNone = from < 0 || command === "None" || command === "";
  return { at, kind, rule, fields, command: isNone ? undefined : command };
}

function problemsOf({ at, kind, rule, fields, command }: Printed): ImportProblem[] {
  const of = (says: string) => ({ at, message: `the rule ${rule} ${says}` });
  const paths = ["input", "output", "log"].flatMap((name) => listOf(fields.get(name)));
  return [
    ...(kind === "checkpoint"
      ? [of("is a checkpoint; write a rule, whose outputs are known beforehand")]
      : []),
    ...(command === undefined && kind !== "checkpoint"
      ? [of("has no shell:, and what it has needs Snakemake in the container; call the program in shell:")]
      : []),
    ...(fields.has("benchmark")
      ? [of("has benchmark:, which Snakemake measures itself; take the times of the Job")]
      : []),
    ...paths.flatMap((path) => {
      const mark = / \(([^()]*)\)$/.exec(path)?.[1]?.split(/[,:]/)[0];
      if (mark !== undefined)
        return [of(`has the file ${quoted(path)}; ${marks[mark] ?? "write a plain path"}`)];
      if (path.includes("<TBD>"))
        return [of("has a file that is not known before the run; name it in the rule")];
      return [];
    }),
  ];
}

function taskOf({ at, rule, fields, command = "" }: Printed): Task {
  const logs = listOf(fields.get("log"));
  const wildcards = fields.get("wildcards");
  return {
    at,
    // Snakemake numbers jobs anew each time; a rule has one job for its wildcards.
    id: wildcards === undefined ? rule : `${rule} ${wildcards}`,
    after: [],
    before: [],
    inputs: [...new Set(listOf(fields.get("input")))],
    outputs: [...new Set([...listOf(fields.get("output")), ...logs])],
    // A program need not write its log.
    command: [...logs.map((path) => `: > ${shellWord(path)}`), command].join("\n"),
  };
}

function listOf(printed = ""): string[] {
  return printed === "" ? [] : printed.split(", ");
}
