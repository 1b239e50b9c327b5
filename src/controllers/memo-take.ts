import type { Logger } from "pino";
import type { KubeClient } from "../kube/client.ts";
import type { EventNote } from "../kube/events.ts";
import { sha256 } from "../lineage/canonical.ts";
import type { Found as FoundOne, MemoEntry, Memos } from "../memo/memos.ts";
import { madeBy, memoizedSentence } from "../memo/told.ts";
import type { Held } from "./gate-writes.ts";
import type { Keyed, MemoUnit } from "./memo-keys.ts";
import { type Claim, claim, claimOf, endAsMemoized, markMemoized } from "./memo-writes.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** What registries say of all keys of a step. */
export interface Found {
  /** Of the step. */
  readonly whole: FoundOne;
  /** Of each of its units, where the whole is a hit. */
  readonly entries: readonly MemoEntry[];
}

/** What came of giving a step its result. */
export type Taken =
  | { readonly kind: "ended" }
  /** It is not known whether it can have it. `because` is a sentence without a full stop. */
  | { readonly kind: "held"; readonly againInMs: number; readonly because: string }
  | { readonly kind: "run"; readonly because: string };

const mostAtOnce = 8;
const againMs = 5_000;
const nothingBefore = "none";

/**
 * Looks for the results of a step. It is a hit where all are there.
 *
 * @param memos - what is remembered
 * @param cache - `namespace/name`
 * @param keyed - the step
 * @param maxAgeSeconds - how old results may be
 */
export async function findAll(
  memos: Memos,
  cache: string,
  { units }: Keyed,
  maxAgeSeconds: number | undefined,
): Promise<Found> {
  const entries: MemoEntry[] = [];
  for (let at = 0; at < units.length; at += mostAtOnce) {
    const some = units.slice(at, at + mostAtOnce);
    const found = await Promise.all(some.map(({ key }) => memos.find(cache, key.key, { maxAgeSeconds })));
    const other = found.find(({ kind }) => kind !== "hit");
    if (other) return { whole: other, entries: [] };
    entries.push(...found.flatMap((one) => (one.kind === "hit" ? [one.entry] : [])));
  }
  const [entry] = entries;
  const none: FoundOne = { kind: "miss", because: "it has no indexes" };
  return { whole: entry ? { kind: "hit", entry } : none, entries };
}

/** What giving a step its result needs. */
interface TakeSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly memos: Memos;
  readonly leftMs: () => number;
}

/**
 * Gives a step its result in three writes: a claim on the step, the tags, the end. Whoever comes after a crash does them
 * again; a step that somebody has started meanwhile refuses the third.
 *
 * @param settings - see there
 * @param about - the step, its cache and keys, and an entry for each unit
 * @throws where the step has changed
 */
export async function take(
  settings: TakeSettings,
  about: {
    readonly step: WorkflowStep;
    readonly cache: string;
    readonly keyed: Keyed;
    readonly entries: readonly MemoEntry[];
    readonly tell: (note: EventNote) => void;
  },
): Promise<Taken> {
  const { client, log } = settings;
  const { step, cache, keyed, entries, tell } = about;
  const [first, ...others] = keyed.units;
  const [entry] = entries;
  if (first === undefined || entry === undefined) return { kind: "run", because: "there is no result" };
  const digest =
    others.length === 0
      ? entry.output.digest
      : `sha256:${sha256(entries.map(({ output }) => output.digest).join(" "))}`;
  const claimed = await claimFor(settings, step, cache, first, {
    key: keyed.key,
    digest,
    from: madeBy(entry),
  });
  if ("kind" in claimed) return claimed;
  const { held, before } = claimed;
  for (const [i, unit] of keyed.units.entries()) {
    const result = await retag(settings, cache, unit, entries[i] ?? entry, i === 0 ? before : undefined);
    if (result !== undefined) return result;
  }
  const told = keyed.units.map(({ output }, i) => ({
    ...{ entry: entries[i] ?? entry, artifact: `${output.repository}:${output.tag}` },
  }));
  const message = memoizedSentence(keyed.key, told);
  const indexes = first.index === undefined ? undefined : keyed.units.length;
  await endAsMemoized(client, held, { indexes, message });
  tell({ type: "Normal", reason: "Memoized", action: "End", note: message });
  log.info({ step: step.name, namespace: step.namespace, key: keyed.key }, "step was memoized");
  return { kind: "ended" };
}

/** A step with its claim: the one that it has, also of an earlier leader, or a new one. */
async function claimFor(
  { client, memos }: TakeSettings,
  step: WorkflowStep,
  cache: string,
  { output }: MemoUnit,
  wanted: Omit<Claim, "before">,
): Promise<({ readonly held: Held } & Claim) | Extract<Taken, { kind: "held" }>> {
  const known = claimOf(step.object);
  if (known?.key === wanted.key && known.digest === wanted.digest) return { held: step, ...known };
  const tagged = await memos.tagged(cache, output);
  if ("kind" in tagged) return { kind: "held", againInMs: againMs, because: tagged.because };
  const claimed = { ...wanted, before: "digest" in tagged ? tagged.digest : nothingBefore };
  return { held: await claim(client, step, claimed), ...claimed };
}

/** @returns undefined when the tag names the result */
async function retag(
  { client, memos, leftMs }: TakeSettings,
  cache: string,
  { output }: MemoUnit,
  entry: MemoEntry,
  known: string | undefined,
): Promise<Taken | undefined> {
  let before = known;
  if (before === undefined) {
    const tagged = await memos.tagged(cache, output);
    if ("kind" in tagged) return { kind: "held", againInMs: againMs, because: tagged.because };
    before = "digest" in tagged ? tagged.digest : nothingBefore;
  }
  const result = await memos.retag(cache, entry, output, {
    before: before === nothingBefore ? undefined : before,
    deadline: client.now() + leftMs(),
  });
  if (result.kind === "done") return undefined;
  if (result.kind === "unknown") return { kind: "held", againInMs: againMs, because: result.because };
  return { kind: "run", because: result.because };
}

/** What is said on a step once it has ended so: by this leader, or by the next one. */
export async function finishTaken(client: KubeClient, step: WorkflowStep): Promise<void> {
  const claimed = claimOf(step.object);
  if (claimed) await markMemoized(client, step, claimed.from);
}
