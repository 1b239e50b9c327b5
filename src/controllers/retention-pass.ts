import { setTimeout as delay } from "node:timers/promises";
import type { RetentionKeeper } from "../keeper/retention.ts";
import { agreedTime } from "../retention/clocks.ts";
import type { Deletion, Plan, Policy, Remembering } from "../retention/facts.ts";
import { planOf } from "../retention/plan.ts";
import type { SweepPass } from "../retention/read.ts";
import { type Selection, selectionOf } from "../retention/uses.ts";
import { counted, type Done } from "../retention/words.ts";

/** What a pass works with. */
export interface PassSettings {
  readonly policy: Policy;
  readonly keep: Selection;
  readonly remembering?: Remembering | undefined;
  readonly keeper: RetentionKeeper;
  /** The inputs of steps that have not ended. */
  readonly uses: () => Promise<Iterable<string>>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Deletes a tag or, by its digest, a manifest of the registry. */
  readonly remove: (repository: string, reference: string) => Promise<void>;
  /** Throws once it is no longer wanted as it was begun. A pass may take long, and who stops it sees what goes. */
  readonly assertWanted: () => void;
  readonly signal: AbortSignal;
}

/** Steps come while a pass deletes, and are asked for again after so many. */
const askAgainAfter = 50;
/** Where so many plans are overtaken, the rest is left to the next time. */
const mostPlans = 10;
const pollMs = 1_000;
const longestSweepMs = 3_600_000;

/** What a pass would do. */
export async function planPass({
  policy,
  keep,
  remembering,
  keeper,
  uses,
  now,
}: PassSettings): Promise<Plan> {
  const plan = await keeper.withInventory(async ({ manifests, pullsSince, time }) => {
    const present = agreedTime(now(), time);
    return planOf(manifests, {
      ...{ policy, keep, remembering, pullsSince },
      // Steps last: what comes while the keeper reads is there by then.
      uses: selectionOf(await uses()),
      now: present,
    });
  });
  // On a full volume there may be no room for it, and there is most to delete.
  await keeper.putPlan({ time: new Date(now()).toISOString(), ...plan }).catch(() => {});
  return plan;
}

/**
 * A whole pass: a plan, the deletions, and a sweep that frees what nothing names any more.
 *
 * @throws what ended it; what is left is done by the next one
 */
export async function runPass(settings: PassSettings): Promise<Done> {
  const begun = performance.now();
  const deleted: Deletion[] = [];
  try {
    let plan = await planPass(settings);
    let spared = 0;
    while (!(await deletePlanned(settings, plan, deleted)) && ++spared < mostPlans)
      plan = await planPass(settings);
    const sweep = await sweepAll(settings);
    return { plan, deleted, spared, sweep, seconds: (performance.now() - begun) / 1000 };
  } catch (error) {
    // What is gone is to be known also when nothing is freed.
    if (deleted.length === 0) throw error;
    throw new Error(`after ${counted(deleted)} were deleted`, { cause: error });
  }
}

/**
 * Deletes until something is to be spared: what that needs is in the plan, too, so another plan has to be made.
 *
 * @returns whether all was deleted
 */
async function deletePlanned(
  { keeper, uses, remove, assertWanted, signal }: PassSettings,
  { deletions }: Plan,
  deleted: Deletion[],
): Promise<boolean> {
  let used = selectionOf([]);
  for (const [i, deletion] of deletions.entries()) {
    signal.throwIfAborted();
    if (i % askAgainAfter === 0) used = selectionOf(await uses());
    const { repository, digest, tags, whole } = deletion;
    if (used.hasDigest(deletion) || tags.some(({ name }) => used.hasTag(repository, name))) return false;
    // Nothing waits between this answer and the deletion.
    if (!(await keeper.isUnchanged(deletion))) return false;
    assertWanted();
    for (const reference of whole ? [digest] : tags.map(({ name }) => name))
      await remove(repository, reference);
    deleted.push(deletion);
  }
  return true;
}

async function sweepAll({ keeper, policy, assertWanted, signal }: PassSettings): Promise<SweepPass> {
  assertWanted();
  const before = await keeper.lastPass();
  if (before === undefined || !(await keeper.sweep(policy.grace)))
    throw new Error("the keeper's sweep of before still runs");
  const until = performance.now() + longestSweepMs;
  while (performance.now() < until) {
    const pass = await keeper.lastPass();
    const isNew = pass !== undefined && pass !== "none" && (before === "none" || pass.began !== before.began);
    if (isNew && pass.failure !== undefined) throw new Error(`the keeper's sweep failed: ${pass.failure}`);
    if (isNew) return pass;
    // Its Pod may have been replaced by one that has swept nothing.
    if (pass === "none" && before !== "none") throw new Error("the keeper was started again while it swept");
    await delay(pollMs, undefined, { signal });
  }
  throw new Error(`the keeper's sweep takes longer than ${longestSweepMs / 60_000} minutes`);
}
