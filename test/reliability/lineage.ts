import { createHash } from "node:crypto";

/** A Job, and the Jobs whose artifacts it reads. */
export interface Step {
  readonly name: string;
  readonly inputs: readonly string[];
}

/** What a Pod of a Job came to. */
export interface Try {
  readonly step: string;
  readonly pod: string;
  /** Whether its program ended with success. */
  readonly ran: boolean;
  /** Whether the Pod did: its output is there, too. */
  readonly succeeded: boolean;
  /** By what it failed: what Kubernetes says of it, or of its first container that failed. */
  readonly why?: string | undefined;
}

/** What an artifact holds: files that its step has written. */
export interface Content {
  readonly lineage: string;
  readonly payload: Buffer;
}

/** What went wrong, each with the name of its step. */
export interface Verdict {
  readonly lost: readonly string[];
  readonly doubled: readonly string[];
  readonly wrong: readonly string[];
}

const width = 12;

/** 50 Jobs: four rows of twelve, each of which reads two of the row before; one that reads all of the last; one after it. */
export const steps: readonly Step[] = [
  ...[0, 1, 2, 3].flatMap((row) =>
    Array.from({ length: width }, (_, i) => ({
      name: `row-${row}-${i}`,
      inputs: row === 0 ? [] : [i, (i + 1) % width].map((at) => `row-${row - 1}-${at}`),
    })),
  ),
  { name: "join", inputs: Array.from({ length: width }, (_, i) => `row-3-${i}`) },
  { name: "last", inputs: ["join"] },
];

/** What a step does: it writes down who it is and what it read. */
export function programOf({ name, inputs }: Step): string {
  const read = inputs.length > 0 ? "(cd in && sha256sum */*) >> $OUT/lineage" : "true";
  return `OUT=/tmp/${name}; mkdir $OUT; echo "${name} $HOSTNAME" > $OUT/lineage; ${read}
    head -c 2000000 /dev/urandom > $OUT/payload; sleep 1`;
}

/**
 * Judges what 50 Jobs left behind. An artifact names its Pod and the digests of all that its step read: whoever had
 * run again after others read its output, or had read something else than is there now, is found.
 *
 * @param tries - every Pod of the Jobs
 * @param contents - the artifacts that are there, by the names of their steps
 */
export function judge(tries: readonly Try[], contents: ReadonlyMap<string, Content>): Verdict {
  const lost: string[] = [];
  const doubled: string[] = [];
  const wrong: string[] = [];
  for (const step of steps) {
    const { name } = step;
    const own = tries.filter((each) => each.step === name);
    const succeeded = own.filter((each) => each.succeeded);
    if (succeeded.length > 1) doubled.push(name);
    const content = contents.get(name);
    if (content === undefined) {
      lost.push(name);
      continue;
    }
    const expected = [
      `${name} ${succeeded[0]?.pod}`,
      ...step.inputs.toSorted().flatMap((input) => digests(input, contents)),
    ];
    if (content.lineage !== `${expected.join("\n")}\n` || content.payload.length !== 2_000_000)
      wrong.push(name);
  }
  return { lost, doubled, wrong };
}

/** As sha256sum prints them, in the order of the shell. */
function digests(name: string, contents: ReadonlyMap<string, Content>): string[] {
  const content = contents.get(name);
  return (["lineage", "payload"] as const).map(
    (file) =>
      `${createHash("sha256")
        .update(content?.[file] ?? "")
        .digest("hex")}  ${name}/${file}`,
  );
}
