import { forgetOldest } from "../kube/forget.ts";
import type { Head, Refused } from "../workflow/opening.ts";
import { type Artifact, idIn, type StepInput } from "../workflow/step.ts";
import { waitMs } from "./poll-plan.ts";
import { createTurns, type Turns } from "./turns.ts";

/** An artifact, and with what login to ask for it where it is in a remote registry. */
export type AskedFor = Artifact & Pick<StepInput, "login">;

/** What registries say of artifacts that steps wait for: each is asked once, however many wait for it with the same login. */
export interface Heads {
  /** What is known; the registry is asked where that is too old. */
  readonly of: (namespace: string, artifact: AskedFor) => Promise<Head>;
  /** Something has happened to it: what is known does not count any more. Those who wait for it are told of that, unless it is untold. */
  readonly outdated: (namespace: string, artifact: Artifact, isUntold?: boolean) => void;
  /** The same of all of a namespace that it may be. */
  readonly outdatedWhere: (namespace: string, may: (artifact: Artifact) => boolean) => void;
  /** Nobody waits for it any more, by its id in its namespace. */
  readonly forget: (id: string) => void;
  /**
   * After how many milliseconds a step is to ask again, by its UID. Of those that wait for the same one asks when it is time to, and
   * the others only where that one does not: they are told.
   */
  readonly againInMs: (namespace: string, artifact: AskedFor, uid: string) => number;
  /** A step waits no more for what has an id in its namespace; whether it was the one that asks. */
  readonly left: (id: string, uid: string) => boolean;
  /** Told of what is there that was not when it was asked for before, and which step has found it, unless somebody else tells. */
  readonly onFound: (tell: (id: string, uid: string | undefined) => void) => void;
}

/** What a registry answers; and for how long it wants not to be asked, if it says so. */
export type Asked = Head & { readonly stopMs?: number };

/** How registries are asked. */
export interface Asking {
  /** Asks the registry of a namespace for an artifact. */
  readonly ask: (namespace: string, artifact: AskedFor) => Promise<Asked>;
  /** Why a remote one is not to be asked, where that is known: its Pod waits for no turn. */
  readonly refusalOf?: (namespace: string, artifact: AskedFor) => Promise<Refused | undefined>;
}

const againMs = 1_000;
const mostRemembered = 50_000;
/** Of one artifact: what it shows to one is not what it shows to another. */
const mostLogins = 100;
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

/**
 * Turns to ask remote registries, by their URLs, for all namespaces together.
 *
 * @param now - milliseconds, of a clock that never goes back
 */
export function createRemoteTurns(now: () => number = () => performance.now()): Turns {
  return createTurns(ofRemote.together, now);
}

interface Entry {
  readonly namespace: string;
  readonly artifact: AskedFor;
  head: Head | undefined;
  askedAt: number;
  /** How often it was since it was news, or something happened to it. */
  asked: number;
  /** The step that is to ask for it again, and when. */
  next: { readonly uid: string; readonly at: number } | undefined;
  /** When it is its turn, where it had to be given one. */
  turnAt: number | undefined;
  /** How often it was. */
  outdated: number;
  /** Whether that was without a word to those who wait for it. */
  isUntold: boolean;
  asking: { readonly answer: Promise<Head>; readonly outdated: number } | undefined;
}

/**
 * Remembers what registries have said.
 *
 * @param asking - how they are asked
 * @param remoteOf - the URL of the remote registry that an artifact of a namespace is in, if it is in one
 * @param now - milliseconds, of a clock that never goes back
 * @param together - of all that is asked of remote registries
 */
export function createHeads(
  { ask, refusalOf }: Asking,
  remoteOf: (namespace: string, artifact: Artifact) => string | undefined,
  now: () => number = () => performance.now(),
  together: Turns = createRemoteTurns(now),
): Heads {
  /** By artifacts, then by logins. */
  const known = new Map<string, Map<string, Entry>>();
  /** The ids of those of caches that are asked for again and again. */
  const polled = new Set<string>();
  let tellFound: (id: string, uid: string | undefined) => void = () => {};
  const [cacheTurns, remoteTurns] = [createTurns(ofCache.pace, now), createTurns(ofRemote.pace, now)];

  const entryOf = (namespace: string, artifact: AskedFor): Entry => {
    const id = idIn(namespace, artifact);
    const entries = known.get(id) ?? new Map<string, Entry>();
    known.delete(id);
    known.set(id, entries);
    forgetOldest(known, mostRemembered);
    const { login } = artifact;
    const by = login && remoteOf(namespace, artifact) ? JSON.stringify(login) : "";
    const entry = entries.get(by) ?? {
      ...{ namespace, artifact },
      head: undefined,
      askedAt: 0,
      asked: 0,
      next: undefined,
      turnAt: undefined,
      outdated: 0,
      isUntold: false,
      asking: undefined,
    };
    entries.delete(by);
    entries.set(by, entry);
    forgetOldest(entries, mostLogins);
    return entry;
  };
  /** Whether it is the turn of an artifact that is to be asked for. */
  const isItsTurn = (entry: Entry): boolean => {
    const { namespace, artifact } = entry;
    const remote = remoteOf(namespace, artifact);
    if (remote || isPoll(entry)) {
      const turns = remote ? remoteTurns : cacheTurns;
      entry.turnAt ??= turns.take(`${namespace} ${remote ?? artifact.registry}`);
      if (entry.turnAt > now()) return false;
    }
    entry.turnAt = remote && !together.isNow(remote) ? now() + crowdedMs : undefined;
    return entry.turnAt === undefined;
  };
  const askAgain = async (entry: Entry, namespace: string, artifact: AskedFor) => {
    const { outdated } = entry;
    const wasPoll = isPoll(entry) || entry.isUntold;
    entry.isUntold = false;
    const { stopMs, ...head } = await ask(namespace, artifact);
    const remote = remoteOf(namespace, artifact);
    if (remote && stopMs !== undefined) together.stop(remote, stopMs);
    // One that was asked later knows more.
    if (entry.asking?.outdated !== outdated) return head;
    const isNews = JSON.stringify(head) !== JSON.stringify(entry.head);
    entry.asked = isNews ? 0 : entry.asked + 1;
    entry.head = head;
    // What happened while it was asked may not be in the answer.
    entry.askedAt = outdated === entry.outdated ? now() : Number.NEGATIVE_INFINITY;
    entry.asking = undefined;
    const uid = entry.next?.uid;
    // Whoever still wants to know says so after that.
    if ("digest" in head) rest(entry);
    if ("digest" in head && isNews && wasPoll) tellFound(idIn(namespace, artifact), uid);
    return head;
  };
  /** Nobody is to ask for it again. */
  const rest = (entry: Entry) => {
    entry.next = undefined;
    polled.delete(idIn(entry.namespace, entry.artifact));
  };
  const isRemote = ({ namespace, artifact }: Entry) => remoteOf(namespace, artifact) !== undefined;
  /** When what is known of it is too old: for the step that is to ask again, or for others where that does not. */
  const oldAt = (entry: Entry, isNext = entry.next !== undefined): number => {
    const { longestMs } = isRemote(entry) ? ofRemote : ofCache;
    const count = isNext ? polled.size : undefined;
    return entry.askedAt + waitMs({ asked: entry.asked, longestMs, count });
  };

  const outdate = (entry: Entry, isUntold = false) => {
    // What was asked for before has to be told once it is found; who is told of all that happens asks by itself.
    entry.isUntold = isUntold && (entry.isUntold || isPoll(entry));
    entry.askedAt = Number.NEGATIVE_INFINITY;
    entry.asked = 0;
    entry.outdated++;
    rest(entry);
  };

  return {
    of: async (namespace, artifact) => {
      const refusing = remoteOf(namespace, artifact) && refusalOf?.(namespace, artifact);
      const refused = refusing && (await refusing);
      if (refused) return refused;
      const entry = entryOf(namespace, artifact);
      // An answer that was asked for before something happened may not have it.
      if (entry.asking?.outdated === entry.outdated) return entry.asking.answer;
      const isOld = entry.head === undefined || oldAt(entry) <= now();
      if (!isOld && entry.head) return entry.head;
      if (!isItsTurn(entry)) return entry.head ?? notYet;
      const answer = askAgain(entry, namespace, artifact);
      entry.asking = { answer, outdated: entry.outdated };
      return answer;
    },
    // Of what nobody has asked for nothing is known.
    outdated: (namespace, artifact, isUntold) => {
      for (const entry of known.get(idIn(namespace, artifact))?.values() ?? []) outdate(entry, isUntold);
    },
    forget: (id) => {
      known.delete(id);
      polled.delete(id);
    },
    onFound: (tell) => {
      tellFound = tell;
    },
    left: (id, uid) => {
      const own = [...(known.get(id)?.values() ?? [])].filter(({ next }) => next?.uid === uid);
      own.forEach(rest);
      return own.length > 0;
    },
    outdatedWhere: (namespace, may) => {
      for (const entries of known.values()) {
        const [first] = entries.values();
        if (first?.namespace === namespace && may(first.artifact))
          for (const entry of entries.values()) outdate(entry);
      }
    },
    againInMs: (namespace, artifact, uid) => {
      const entry = entryOf(namespace, artifact);
      const { next } = entry;
      const isOthers = next !== undefined && next.uid !== uid && next.at > now();
      if (isOthers || isRemote(entry)) return leftMs((entry.turnAt ?? oldAt(entry, false)) - now());
      polled.add(idIn(namespace, artifact));
      forgetOldest(polled, mostRemembered);
      const at = entry.turnAt ?? oldAt(entry, true);
      entry.next = { uid, at };
      return leftMs(at - now());
    },
  };
}

/** It was asked before, and nothing has happened to it since. */
function isPoll({ head, askedAt }: Entry): boolean {
  return head !== undefined && askedAt > 0;
}

/** A timer may end a moment too early; what is late is not looked at again and again. */
function leftMs(ms: number): number {
  return ms > 0 ? Math.ceil(ms) : againMs;
}
