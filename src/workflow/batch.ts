import type { InputRecord } from "./record.ts";
import type { StepPlan } from "./step.ts";

/** What is known of the batch of a step. */
export interface BatchDecision {
  /** How many steps of it are not there yet; undefined where the step is in none. */
  readonly missing: number | undefined;
  /** Whether some that ended and were removed are among the missing, as the leader before knew more of them than were remembered. */
  readonly isLost?: true;
  /** What is to be remembered of it. */
  readonly records: readonly InputRecord[];
}

/** The steps of a batch, such as `Job split`. */
export interface BatchMembers {
  readonly there: ReadonlySet<string>;
  /** They ended and were removed while others of the batch were there. */
  readonly gone: readonly string[];
}

/** Annotations have a longest size, of all together. Of more, how many they were is remembered. */
const mostGone = 100;
const goneWord = " gone";

/**
 * Decides about the batch of a step that waits. Once all of it were there, it stays so: those that have ended may be removed
 * while others still wait for their inputs, or are still to come.
 *
 * @param batch - of the step
 * @param members - of the batch
 * @param before - what the step remembers
 */
export function decideBatch(
  batch: StepPlan["batch"],
  members: BatchMembers,
  before: ReadonlyMap<string, InputRecord>,
): BatchDecision {
  if (batch === undefined) return { missing: undefined, records: [] };
  // No input has a space in its name.
  const input = `batch ${batch.name}/${batch.count}`;
  // Who creates one again has not made two of it.
  const gone = members.gone.filter((name) => !members.there.has(name));
  const missing = batch.count - members.there.size - gone.length;
  if (missing <= 0 || before.has(input)) return { missing: 0, records: [{ input, producers: {} }] };
  const ofGone = `${input}${goneWord}`;
  const producers = Object.fromEntries(gone.slice(-mostGone).map((name) => [name, "earlier"] as const));
  const most = Math.max(members.gone.length, Number(before.get(ofGone)?.found ?? 0));
  const isLost = members.gone.length < most;
  const record = { input: ofGone, producers, ...(most > mostGone && { found: `${most}` }) };
  return { missing, records: gone.length > 0 ? [record] : [], ...(isLost && { isLost }) };
}

/**
 * The steps of its batch that a step remembers to be gone.
 *
 * @param batch - of the step
 * @param record - what it remembers
 */
export function goneIn(
  { name, count }: NonNullable<StepPlan["batch"]>,
  record: ReadonlyMap<string, InputRecord>,
): readonly string[] {
  return Object.keys(record.get(`batch ${name}/${count}${goneWord}`)?.producers ?? {});
}
