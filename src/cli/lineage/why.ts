import { visible } from "../../annotations/problems.ts";
import { parseReference } from "../../annotations/reference.ts";
import type { NotRun } from "../../lineage/graph.ts";
import { parseArtifact } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import type { ReportOutput } from "../formats.ts";
import { CliError } from "../output.ts";
import { findArtifact } from "../remote/find-artifact.ts";
import { findCache } from "../remote/find-cache.ts";
import { openCache } from "../remote/open.ts";
import { openSession, type Session } from "../remote/session.ts";
import { type RemoteOptions, use, withRegistryOf } from "../remote/with-registry.ts";
import { formatData } from "../show/output.ts";
import type { Facts, Subject } from "../status/facts.ts";
import type { Finding } from "../status/finding.ts";
import { findingsOf } from "../status/findings.ts";
import { notRunOfStep } from "../status/not-run.ts";
import { readFacts } from "../status/read.ts";
import { type KeyChanges, keyChangesOf } from "./key-changes.ts";
import { type LastRun, lastRunOf, latestPush, type OwnPush } from "./last-run.ts";
import { short } from "./text.ts";

/** What is told of a step or an artifact. */
interface Why {
  readonly about: string;
  /** Why it waits, or failed; of an artifact none. */
  readonly findings: readonly Finding[];
  /** With which inputs it was started, and which of them are others by now, the latest first. */
  readonly inputs: readonly string[];
  /** What was decided on memoization, the latest first. */
  readonly memoization: readonly string[];
  /** Whether something was made of which it may be known how. */
  readonly hasMade: boolean;
  readonly lastRun?: LastRun | undefined;
  /** Of a step that is memoized. */
  readonly key?: KeyChanges | undefined;
  /** Of a step whose result was there already, or of whose indexes some were. */
  readonly notRun?: NotRun | undefined;
}

const inputReasons = ["InputsAvailable", "InputTagMoved"];
const stepPattern = /^(jobs?|pods?|po)\//i;
const memoReasons = [
  ...["Memoized", "MemoMiss", "MemoConfirmed", "NothingToCompare", "MemoMismatch"],
  ...["NotMemoizable", "NotRemembered", "Coalesced"],
];

/**
 * Tells why a step waits, failed or ran, or why an artifact was made.
 *
 * @param text - `job/NAME`, `pod/NAME` or an artifact
 * @param options - of the command
 * @param note - is given sentences about what could not be read
 */
export async function printWhy(
  text: string,
  { output, ...options }: RemoteOptions & { readonly output: ReportOutput },
  note: (sentence: string) => void,
): Promise<string> {
  const why = stepPattern.test(text)
    ? await whyOfStep(text, options, note)
    : await whyOfArtifact(text, options);
  const { hasMade: _, ...told } = why;
  return output === "json" ? formatData(told, "json") : formatWhy(why);
}

async function whyOfStep(
  text: string,
  options: RemoteOptions,
  note: (sentence: string) => void,
): Promise<Why> {
  const { parseSubject } = await import("../status/status.ts");
  const subject = parseSubject(text) as Exclude<Subject, { kind: "cache" }>;
  const session = await openSession(options);
  try {
    const facts = await readFacts(session, subject);
    for (const sentence of facts.unread) note(visible(sentence));
    const push = latestPush(facts.pods);
    const uids = new Set([facts.job, ...facts.pods].map((object) => object?.metadata?.uid));
    return {
      about: `${subject.kind === "job" ? "Job" : "Pod"} ${subject.name} in the namespace ${session.namespace}`,
      findings: findingsOf(facts, subject.kind),
      inputs: notesOf(facts, inputReasons),
      memoization: notesOf(facts, memoReasons),
      hasMade: push !== undefined,
      notRun: notRunOfStep(facts),
      ...(push && (await ranIn(session, facts.cacheName, push, uids, note))),
    };
  } finally {
    session.close();
  }
}

/** Without the registry the rest is told all the same. */
async function ranIn(
  session: Session,
  cacheName: string,
  push: OwnPush,
  uids: ReadonlySet<string | undefined>,
  note: (sentence: string) => void,
): Promise<Pick<Why, "lastRun" | "key">> {
  try {
    const open = await openCache(session, await findCache(session, cacheName));
    const tag = parseReference(push.artifact).version.replace(/^:/, "");
    return await use(open, async () => ({
      lastRun: await lastRunOf(open, push),
      key: await keyChangesOf(open, { ...push, tag, uids }),
    }));
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    note(visible(`Why it ran is not known: ${error.message}`));
    return {};
  }
}

function notesOf({ events }: Facts, reasons: readonly string[]): string[] {
  return [...new Set(events.filter(({ reason }) => reasons.includes(reason)).map(({ note }) => note))];
}

/** A name alone is most often meant as that of a step. */
function artifactIn(text: string) {
  if (/[/:@]/.test(text)) return parseArtifact(text);
  const message = `${text}: allowed is job/NAME, pod/NAME or an artifact with its tag. A Job of that name is job/${text}, a Pod pod/${text}.`;
  throw new CliError(visible(message), exits.usage);
}

async function whyOfArtifact(text: string, options: RemoteOptions): Promise<Why> {
  const named = artifactIn(text);
  const { repository } = named;
  return withRegistryOf(named, options, async (open) => {
    const { digest } = await findArtifact(open, named);
    const lastRun = await lastRunOf(open, { artifact: text, repository, digest });
    const key = await keyChangesOf(open, { ...named, digest });
    return {
      about: `${text} (${digest})`,
      findings: [],
      inputs: [],
      memoization: [],
      hasMade: true,
      lastRun,
      key,
    };
  });
}

function formatWhy({ about, findings, inputs, memoization, hasMade, lastRun, notRun, key }: Why): string {
  const found = findings.flatMap(({ text, todo }) => [text, ...(todo === undefined ? [] : [`  ${todo}`])]);
  const unrecorded = hasMade ? ["Nothing is recorded of how it was made."] : [];
  const ran = lastRun === undefined ? unrecorded : linesOf(lastRun);
  const hasRun =
    findings.every(({ level }) => level !== "waits") && !(notRun && notRun.indexes === undefined);
  return [
    about,
    ...[...found, ...inputs, ...memoization, ...(hasRun ? [...ran, ...linesOfKey(key)] : [])].map(
      (line) => `  ${line}`,
    ),
  ]
    .map((line) => `${visible(line)}\n`)
    .join("");
}

function linesOf({ artifact, digest, before, changes }: LastRun): string[] {
  if (before === undefined) return [`It made ${artifact} (${short(digest)}); no run before it is recorded.`];
  const at = before.finishedOn === undefined ? "" : ` of ${before.finishedOn}`;
  const same = before.digest === digest ? ", with the same result" : "";
  if (changes.length === 0)
    return [
      `All that is recorded was as in the run${at}${same}: inputs, images, programs and annotations. Other fields, such as variables and volumes, are not recorded.`,
    ];
  return [
    `Since the run${at}${same}:`,
    ...changes.map(
      ({ what, before: then = "none", now = "none" }) => `  ${what}: ${short(then)} -> ${short(now)}`,
    ),
  ];
}

/** The key of a memoized step has all that counts, so it tells of what no statement records. */
function linesOfKey(key: KeyChanges | undefined): string[] {
  if (key === undefined) return [];
  const { before = "a result that was forgotten", changes } = key;
  if (changes.length === 0) return ["Its key is that of the result before, which was not taken."];
  return [`Its key is another than that of ${before}:`, ...changes.map((change) => `  ${change}`)];
}
