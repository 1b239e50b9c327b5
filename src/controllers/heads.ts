import { forgetOldest } from "../kube/forget.ts";
import type { Head } from "../workflow/opening.ts";
import { type Artifact, idOf } from "../workflow/step.ts";

/** What registries say of artifacts that steps wait for: each is asked once, however many wait for it. */
export interface Heads {
  /** What is known; the registry is asked where that is too old. */
  readonly of: (namespace: string, artifact: Artifact) => Promise<Head>;
  /** Something has happened to it: what is known does not count any more. */
  readonly outdated: (namespace: string, artifact: Artifact) => void;
  /** The same of all of a namespace that it may be. */
  readonly outdatedWhere: (namespace: string, may: (artifact: Artifact) => boolean) => void;
  /** After how many milliseconds to ask again. */
  readonly againInMs: (namespace: string, artifact: Artifact) => number;
}

/** Asks the registry of a namespace for an artifact. */
export type AskHead = (namespace: string, artifact: Artifact) => Promise<Head>;

const firstMs = 5_000;
const longestMs = 30_000;
const growth = 1.5;
const mostRemembered = 50_000;
/** Of one registry, for what nobody is known to make: of the others it is known when to ask. */
const pollsPerSecond = 2;
const mostAtOnce = 200;

interface Entry {
  readonly namespace: string;
  readonly artifact: Artifact;
  head: Head | undefined;
  askedAt: number;
  waitMs: number;
  /** How often it was. */
  outdated: number;
  asking: { readonly answer: Promise<Head>; readonly outdated: number } | undefined;
}

/**
 * Remembers what registries have said.
 *
 * @param ask - asks one
 * @param now - milliseconds, of a clock that never goes back
 */
export function createHeads(ask: AskHead, now: () => number = () => performance.now()): Heads {
  const known = new Map<string, Entry>();
  const budgets = new Map<string, { left: number; at: number }>();

  const entryOf = (namespace: string, artifact: Artifact): Entry => {
    const id = `${namespace} ${idOf(artifact)}`;
    const entry = known.get(id) ?? {
      ...{ namespace, artifact },
      head: undefined,
      askedAt: 0,
      waitMs: firstMs,
      outdated: 0,
      asking: undefined,
    };
    known.delete(id);
    known.set(id, entry);
    forgetOldest(known, mostRemembered);
    return entry;
  };
  const mayAsk = (registry: string) => {
    const budget = budgets.get(registry) ?? { left: mostAtOnce, at: now() };
    const left = Math.min(mostAtOnce, budget.left + ((now() - budget.at) / 1000) * pollsPerSecond);
    budgets.set(registry, { left: left < 1 ? left : left - 1, at: now() });
    forgetOldest(budgets, mostRemembered);
    return left >= 1;
  };
  const askAgain = async (entry: Entry, namespace: string, artifact: Artifact) => {
    const { outdated } = entry;
    const head = await ask(namespace, artifact);
    // One that was asked later knows more.
    if (entry.asking?.outdated !== outdated) return head;
    const isNews = JSON.stringify(head) !== JSON.stringify(entry.head);
    entry.waitMs = isNews ? firstMs : Math.min(entry.waitMs * growth, longestMs);
    entry.head = head;
    // What happened while it was asked may not be in the answer.
    entry.askedAt = outdated === entry.outdated ? now() : Number.NEGATIVE_INFINITY;
    entry.asking = undefined;
    return head;
  };

  const outdate = (entry: Entry) => {
    entry.askedAt = Number.NEGATIVE_INFINITY;
    entry.waitMs = firstMs;
    entry.outdated++;
  };

  return {
    of: async (namespace, artifact) => {
      const entry = entryOf(namespace, artifact);
      // An answer that was asked for before something happened may not have it.
      if (entry.asking?.outdated === entry.outdated) return entry.asking.answer;
      const isOld = entry.head === undefined || now() - entry.askedAt >= entry.waitMs;
      if (!isOld && entry.head) return entry.head;
      const isPoll = entry.head !== undefined && entry.askedAt > 0;
      if (isPoll && entry.head && !mayAsk(`${namespace} ${artifact.registry}`)) return entry.head;
      const answer = askAgain(entry, namespace, artifact);
      entry.asking = { answer, outdated: entry.outdated };
      return answer;
    },
    outdated: (namespace, artifact) => outdate(entryOf(namespace, artifact)),
    outdatedWhere: (namespace, may) => {
      for (const entry of known.values())
        if (entry.namespace === namespace && may(entry.artifact)) outdate(entry);
    },
    againInMs: (namespace, artifact) => {
      const { askedAt, waitMs } = entryOf(namespace, artifact);
      return Math.max(askedAt + waitMs - now(), 1_000);
    },
  };
}
