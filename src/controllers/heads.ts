import { forgetOldest } from "../kube/forget.ts";
import type { Head } from "../workflow/opening.ts";
import { type Artifact, idIn } from "../workflow/step.ts";
import { createTurns } from "./turns.ts";

/** What registries say of artifacts that steps wait for: each is asked once, however many wait for it. */
export interface Heads {
  /** What is known; the registry is asked where that is too old. */
  readonly of: (namespace: string, artifact: Artifact) => Promise<Head>;
  /** Something has happened to it: what is known does not count any more. */
  readonly outdated: (namespace: string, artifact: Artifact) => void;
  /** The same of all of a namespace that it may be. */
  readonly outdatedWhere: (namespace: string, may: (artifact: Artifact) => boolean) => void;
  /** Nobody waits for it any more, by its id in its namespace. */
  readonly forget: (id: string) => void;
  /** Whether an artifact is in a remote registry. */
  readonly isRemote: (namespace: string, artifact: Artifact) => boolean;
  /** After how many milliseconds to ask again. */
  readonly againInMs: (namespace: string, artifact: Artifact) => number;
}

/** What a registry answers; and for how long it wants not to be asked, if it says so. */
export type Asked = Head & { readonly stopMs?: number };

/** Asks the registry of a namespace for an artifact. */
export type AskHead = (namespace: string, artifact: Artifact) => Promise<Asked>;

const firstMs = 5_000;
const growth = 1.5;
const mostRemembered = 50_000;
/** Of a cache: only polls for what nobody is known to make. Of the others it is known when to ask. */
const ofCache = { longestMs: 30_000, pace: { perSecond: 1, atOnce: 200 } };
/** A remote registry is others', too: every question counts, of a namespace, and of all together. */
const ofRemote = {
  longestMs: 60_000,
  pace: { perSecond: 1, atOnce: 10 },
  together: { perSecond: 2, atOnce: 20 },
};
/** Where others have taken what there is together. */
const crowdedMs = 5_000;
const notYet: Head = { unknown: "its registry is asked for many others first" };

interface Entry {
  readonly namespace: string;
  readonly artifact: Artifact;
  head: Head | undefined;
  askedAt: number;
  waitMs: number;
  /** When it is its turn, where it had to be given one. */
  turnAt: number | undefined;
  /** How often it was. */
  outdated: number;
  asking: { readonly answer: Promise<Head>; readonly outdated: number } | undefined;
}

/**
 * Remembers what registries have said.
 *
 * @param ask - asks one
 * @param remoteOf - the URL of the remote registry that an artifact of a namespace is in, if it is in one
 * @param now - milliseconds, of a clock that never goes back
 */
export function createHeads(
  ask: AskHead,
  remoteOf: (namespace: string, artifact: Artifact) => string | undefined,
  now: () => number = () => performance.now(),
): Heads {
  const known = new Map<string, Entry>();
  const [cacheTurns, remoteTurns] = [createTurns(ofCache.pace, now), createTurns(ofRemote.pace, now)];
  const together = createTurns(ofRemote.together, now);

  const entryOf = (namespace: string, artifact: Artifact): Entry => {
    const id = idIn(namespace, artifact);
    const entry = known.get(id) ?? {
      ...{ namespace, artifact },
      head: undefined,
      askedAt: 0,
      waitMs: firstMs,
      turnAt: undefined,
      outdated: 0,
      asking: undefined,
    };
    known.delete(id);
    known.set(id, entry);
    forgetOldest(known, mostRemembered);
    return entry;
  };
  /** Whether it is the turn of an artifact that is to be asked for. */
  const isItsTurn = (entry: Entry): boolean => {
    const { namespace, artifact } = entry;
    const remote = remoteOf(namespace, artifact);
    const isPoll = entry.head !== undefined && entry.askedAt > 0;
    if (remote || isPoll) {
      const turns = remote ? remoteTurns : cacheTurns;
      entry.turnAt ??= turns.take(`${namespace} ${remote ?? artifact.registry}`);
      if (entry.turnAt > now()) return false;
    }
    entry.turnAt = remote && !together.isNow(remote) ? now() + crowdedMs : undefined;
    return entry.turnAt === undefined;
  };
  const askAgain = async (entry: Entry, namespace: string, artifact: Artifact) => {
    const { outdated } = entry;
    const { stopMs, ...head } = await ask(namespace, artifact);
    const remote = remoteOf(namespace, artifact);
    if (remote && stopMs !== undefined) together.stop(remote, stopMs);
    // One that was asked later knows more.
    if (entry.asking?.outdated !== outdated) return head;
    const isNews = JSON.stringify(head) !== JSON.stringify(entry.head);
    const { longestMs } = remote ? ofRemote : ofCache;
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
      if (!isItsTurn(entry)) return entry.head ?? notYet;
      const answer = askAgain(entry, namespace, artifact);
      entry.asking = { answer, outdated: entry.outdated };
      return answer;
    },
    // Of what nobody has asked for nothing is known.
    outdated: (namespace, artifact) => {
      const entry = known.get(idIn(namespace, artifact));
      if (entry) outdate(entry);
    },
    forget: (id) => void known.delete(id),
    outdatedWhere: (namespace, may) => {
      for (const entry of known.values())
        if (entry.namespace === namespace && may(entry.artifact)) outdate(entry);
    },
    isRemote: (namespace, artifact) => remoteOf(namespace, artifact) !== undefined,
    againInMs: (namespace, artifact) => {
      const { askedAt, waitMs, turnAt } = entryOf(namespace, artifact);
      return Math.max((turnAt ?? askedAt + waitMs) - now(), 1_000);
    },
  };
}
