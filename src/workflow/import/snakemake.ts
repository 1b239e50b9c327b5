import { quoted } from "../../annotations/problems.ts";
import { shellWord } from "./shell.ts";
import type { Imported, ImportProblem, Task, Workflow } from "./workflow.ts";

/** What Snakemake prints before each job, such as `[Fri Nov 27 14:30:58 2026]`. */
const timestamp = /^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \d{4}\]$/;
const head = /^(local)?(rule|checkpoint) (\S+):$/;
const field = /^ {4}([a-z-]+): (.*)$/;
const shell = "Shell command: ";
/** Ends the last job. */
const behind = /^(Job stats:|This was a dry-run .*|Reasons:)$/;

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

function jobsIn(lines: readonly string[]): { jobs: Printed[]; hidden: ImportProblem[] } {
  const starts = lines.flatMap((line, index) => (timestamp.test(line) ? [index] : []));
  const jobs: Printed[] = [];
  const hidden: ImportProblem[] = [];
  starts.forEach((start, index) => {
    const at = `line ${start + 2}`;
    const body = lines.slice(start + 1, starts[index + 1]);
    const [, , kind = "", rule = ""] = head.exec(body[0] ?? "") ?? [];
    if (kind !== "") jobs.push(printedJob(at, kind, rule, body.slice(1)));
    else if (/^Job \d+: /.test(body[0] ?? "")) {
      const message = `found ${quoted(body[0] ?? "")}: Snakemake prints the message: of a rule in the place of its files; take it out`;
      hidden.push({ at, message });
    }
  });
  return { jobs, hidden };
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
  const end = body.findIndex((line, index) => index > from && behind.test(line));
  const command = body
    .slice(from, end < 0 ? undefined : end)
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
