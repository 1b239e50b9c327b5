import type { Logger } from "pino";
import { inParallel } from "../common/in-parallel.ts";
import { indexText } from "../common/indexes.ts";
import type { KubeClient } from "../kube/client.ts";
import type { EventNote } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import { sha256 } from "../lineage/canonical.ts";
import type { MemoEntry, Memos } from "../memo/memos.ts";
import { madeBy, memoizedSentence, partSentence } from "../memo/told.ts";
import type { Held } from "./gate-writes.ts";
import type { Keyed, MemoUnit } from "./memo-keys.ts";
import { type Claim, claim, claimOf, endAsMemoized, giveIndexes, markMemoized } from "./memo-writes.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** What came of giving a step its result. */
export type Taken =
  | { readonly kind: "ended" }
  /** Some of its indexes have theirs, as the Job controller writes them, and the others are to run. */
  | { readonly kind: "part"; readonly held: Held; readonly indexes: string; readonly from: string }
  /** It is not known whether it can have it. `because` is a sentence without a full stop. */
  | { readonly kind: "held"; readonly againInMs: number; readonly because: string }
  | { readonly kind: "run"; readonly because: string };

/** What giving a step its result needs. */
interface TakeSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly memos: Memos;
  readonly leftMs: () => number;
  readonly claimed: ClaimedTags;
}

/** What the tags of results had at the claims that this leader has made, by the UIDs of steps: on these stands that of the first alone. */
export type ClaimedTags = Map<string, { readonly digest: string; readonly befores: readonly string[] }>;

/** Each may have a thousand tags. Of more the tags are asked for anew, as by a new leader. */
const mostClaimed = 500;

/** A step, its cache and keys, and what was found of each unit. */
interface About {
  readonly step: WorkflowStep;
  readonly cache: string;
  readonly keyed: Keyed;
  readonly entries: readonly (MemoEntry | undefined)[];
  /** Why units without an entry have none: a sentence without a full stop. */
  readonly because: string;
  readonly tell: (note: EventNote) => void;
}

interface Hit {
  readonly unit: MemoUnit;
  readonly entry: MemoEntry;
}

const againMs = 5_000;
const nothingBefore = "none";

/**
 * Gives a step its results in three writes: a claim on the step, the tags, the end, or the indexes that have theirs. Whoever comes
 * after a crash does them again; a step that somebody has started meanwhile refuses the third.
 *
 * @param settings - see there
 * @param about - see there
 * @throws where the step has changed
 */
export async function take(settings: TakeSettings, about: About): Promise<Taken> {
  const taken = await takeOnce(settings, about);
  if (taken.kind !== "held") settings.claimed.delete(about.step.uid);
  return taken;
}

async function takeOnce(settings: TakeSettings, about: About): Promise<Taken> {
  const { cache, keyed, entries } = about;
  const hits = keyed.units.flatMap((unit, i) => {
    const entry = entries[i];
    return entry ? [{ unit, entry }] : [];
  });
  const [first] = hits;
  if (first === undefined) return { kind: "run", because: "there is no result" };
  const wanted = { key: keyed.key, digest: digestOf(keyed, hits), from: madeBy(first.entry) };
  const claimed = await claimFor(settings, about, hits, wanted);
  if ("kind" in claimed) return claimed;
  const given: Hit[] = [];
  let { because } = about;
  for (const [i, hit] of hits.entries()) {
    const result = await retag(settings, cache, hit, claimed.befores[i]);
    if (result === undefined) given.push(hit);
    else if (result.kind === "held" || keyed.asWhole !== undefined) return result;
    else because = result.because;
  }
  if (given.length === keyed.units.length) return endWhole(settings, about, claimed.held, given);
  if (given.length === 0) return { kind: "run", because };
  return givePart(settings, { ...about, because }, claimed, given);
}

/** Of all results that a step is about to get. */
function digestOf({ units }: Keyed, hits: readonly Hit[]): string {
  const [only] = hits;
  if (units.length === 1 && only) return only.entry.output.digest;
  const all = hits.map(({ unit, entry }) => `${unit.index} ${entry.output.digest}`);
  return `sha256:${sha256(all.join(" "))}`;
}

async function endWhole(
  { client, log }: TakeSettings,
  { step, keyed, tell }: About,
  held: Held,
  given: readonly Hit[],
): Promise<Taken> {
  const message = memoizedSentence(keyed.key, given.map(named));
  const indexes = given[0]?.unit.index === undefined ? undefined : given.length;
  await endAsMemoized(client, held, { indexes, message });
  tell({ type: "Normal", reason: "Memoized", action: "End", note: message });
  log.info({ step: step.name, namespace: step.namespace, key: keyed.key }, "step was memoized");
  return { kind: "ended" };
}

async function givePart(
  { client, log }: TakeSettings,
  { step, keyed, because, tell }: About,
  { held, from }: { readonly held: Held; readonly from: string },
  given: readonly Hit[],
): Promise<Taken> {
  const indexes = indexText(given.map(({ unit }) => unit.index ?? 0));
  const opened = await giveIndexes(client, held, { count: given.length, indexes });
  const note = partSentence(keyed.key, { indexes, of: keyed.units.length }, given.map(named), because);
  tell({ type: "Normal", reason: "Memoized", action: "Start", note });
  log.info(
    { step: step.name, namespace: step.namespace, key: keyed.key, indexes },
    "some indexes of a step were memoized",
  );
  return { kind: "part", held: opened, indexes, from };
}

function named({ unit: { output }, entry }: Hit) {
  return { entry, artifact: `${output.repository}:${output.tag}` };
}

/** What the tags of results had at the claim; of one that another leader has made only the first is known. */
interface Claimed extends Claim {
  readonly held: Held;
  readonly befores: readonly string[];
}

/** A step with its claim: the one that it has, also of an earlier leader, or a new one. */
async function claimFor(
  { client, memos, claimed: tags }: TakeSettings,
  { step, cache, keyed: { pins, asWhole } }: About,
  hits: readonly Hit[],
  wanted: Omit<Claim, "before">,
): Promise<Claimed | Extract<Taken, { kind: "held" }>> {
  const known = claimOf(step.object);
  if (known?.key === wanted.key && known.digest === wanted.digest) {
    const own = tags.get(step.uid);
    // Of equal results in the same order.
    const befores = own?.digest === known.digest ? own.befores : [known.before];
    return { held: step, befores, ...known };
  }
  const tagged = await inParallel(hits, ({ unit }) => memos.tagged(cache, unit.output));
  const befores: string[] = [];
  for (const tag of tagged) {
    if ("kind" in tag) return { kind: "held", againInMs: againMs, because: tag.because };
    befores.push("digest" in tag ? tag.digest : nothingBefore);
  }
  const claimed = { ...wanted, before: befores[0] ?? nothingBefore };
  const fixed = asWhole === undefined ? pins : undefined;
  const held = await claim(client, step, claimed, fixed);
  tags.delete(step.uid);
  if (befores.length > 1) tags.set(step.uid, { digest: wanted.digest, befores });
  forgetOldest(tags, mostClaimed);
  return { held, befores, ...claimed };
}

/** @returns undefined when the tag names the result */
async function retag(
  { client, memos, leftMs }: TakeSettings,
  cache: string,
  { unit: { output }, entry }: Hit,
  known: string | undefined,
): Promise<Extract<Taken, { kind: "held" | "run" }> | undefined> {
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

/**
 * What is said on a step once it has ended so: by this leader, or by the next one.
 *
 * @returns whether it was said: somebody may have taken its claim away
 */
export async function finishTaken(client: KubeClient, step: WorkflowStep): Promise<boolean> {
  const claimed = claimOf(step.object);
  if (claimed) await markMemoized(client, step, claimed.from);
  return claimed !== undefined;
}
