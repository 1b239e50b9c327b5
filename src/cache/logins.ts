import { names } from "../../schema/names.ts";
import { secondsOf } from "../annotations/duration.ts";
import type { Verdict } from "./conditions.ts";
import type { OrasCache, OrasCacheStatus } from "./types.ts";

/** The operator's users of a registry, as the status keeps them. */
export type Logins = NonNullable<OrasCacheStatus["auth"]>;

/**
 * The user of a login that was never rotated. A later password belongs to another name: the htpasswd file of distribution has
 * one line for each user, the last one counts.
 */
export const firstUser = "oras-1";
const userPrefix = "oras-";

const hourMs = 3_600_000;
/** Of a login after the one that replaces it: also for what the operator does not see, such as copies of the Secret. */
const validMs = 24 * hourMs;
/** A Pod that ends tells nobody that an old login may end. */
const lookMs = hourMs / 6;
/** Timers of Node end at 24 days. */
const longestMs = 12 * hourMs;
/** The keeper takes 16 users. */
const mostEarlier = 8;

/**
 * The operator's users of a cache's registry. Whoever may write a status can write anything: what is no user of the operator's is
 * none.
 *
 * @param cache - as submitted or stored
 */
function loginsOf({ status }: OrasCache): Logins {
  const { auth } = status ?? {};
  if (auth === undefined || !isUser(auth.user)) return { user: firstUser };
  const { next, earlier = [], ...rest } = auth;
  const known = earlier.filter(({ user }) => isUser(user)).slice(0, mostEarlier);
  return {
    ...rest,
    ...(next !== undefined && isUser(next) ? { next } : {}),
    ...(known.length > 0 ? { earlier: known } : {}),
  };
}

/** As the keeper takes them. */
function isUser(user: string): boolean {
  return /^oras-[1-9][0-9]{0,8}$/.test(user);
}

/** The user whose login new Pods get. Every Pod of the registry knows it. */
export function currentUser(cache: OrasCache): string {
  return loginsOf(cache).user;
}

/** The login that people, and Pods that name it in imagePullSecrets, find in the Secret of status.credentialsSecret. */
export function loginOf(cache: OrasCache): { user: string; nodeAddress?: string | undefined } {
  return { user: currentUser(cache), nodeAddress: cache.spec?.nodeAddress };
}

/** The users that the registry of a cache is to know. */
export function validUsers(cache: OrasCache): string[] {
  const { user, next, earlier = [] } = loginsOf(cache);
  return [...new Set([...earlier.map((one) => one.user), user, ...(next === undefined ? [] : [next])])];
}

/** More rotations than a Pod outlives that waits for an image with a login of before. */
const mostEnded = 32;

/** The last users of a cache that its registry does not know any more. */
export function endedUsers(cache: OrasCache): string[] {
  const valid = new Set(validUsers(cache));
  const last = numberOf(currentUser(cache)) - 1;
  const users = Array.from({ length: Math.min(last, mostEnded) }, (_, i) => `${userPrefix}${last - i}`);
  return users.filter((user) => !valid.has(user));
}

/** What decides which users a registry is to know. */
export interface LoginFacts {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Whether every Pod of the registry is there and ready: else nobody could be told. */
  readonly isSettled: boolean;
  /** Whether Pods that have not ended have the login of a user, or Jobs that may make such Pods. */
  readonly isInUse: (user: string) => boolean;
}

/**
 * The users of a cache from now on: those whose time is over end, and another one is made if it is asked for or due. New
 * Pods get that one only after `switched`.
 *
 * @param cache - with its status
 * @param facts - see there
 * @returns undefined for a cache whose login was never rotated
 */
export function plannedLogins(cache: OrasCache, facts: LoginFacts): Logins | undefined {
  const before = cache.status?.auth;
  if (!facts.isSettled) return before;
  const { earlier = [], ...logins } = loginsOf(cache);
  const valid = earlier.filter(({ user, until }) => !(hasPassed(until, facts.now) && !facts.isInUse(user)));
  const kept: Logins = { ...logins, ...(valid.length > 0 ? { earlier: valid } : {}) };
  if (logins.next !== undefined || !isDue(cache, facts.now) || valid.length >= mostEarlier)
    return before && kept;
  const request = requestOf(cache);
  return { ...kept, next: userAfter(logins.user), ...(request === undefined ? {} : { request }) };
}

/** A time that cannot be read has passed. */
function hasPassed(until: string, now: number): boolean {
  return !(Date.parse(until) > now);
}

function userAfter(user: string): string {
  return `${userPrefix}${numberOf(user) + 1}`;
}

function numberOf(user: string): number {
  return Number(user.slice(userPrefix.length));
}

function requestOf({ metadata }: OrasCache): string | undefined {
  return metadata?.annotations?.[names.rotateAnnotation];
}

function isDue(cache: OrasCache, now: number): boolean {
  const request = requestOf(cache);
  if (request !== undefined && request !== loginsOf(cache).request) return true;
  const due = dueAt(cache);
  return due !== undefined && due <= now;
}

/** When the login is as old as it may be; undefined where it may be of any age. */
function dueAt(cache: OrasCache): number | undefined {
  const { rotate } = cache.spec?.auth ?? {};
  if (rotate === undefined) return undefined;
  const since = Date.parse(loginsOf(cache).since ?? "");
  const begin = Number.isNaN(since) ? new Date(cache.metadata?.creationTimestamp ?? 0).getTime() : since;
  return begin + secondsOf(rotate) * 1000;
}

/**
 * The users of a cache once every Pod of its registry lets the next one in: new Pods get that one.
 *
 * @param cache - with its status
 * @param now - milliseconds since 1970
 */
export function switched(cache: OrasCache, now: number): Logins {
  const { user, next, earlier = [], ...rest } = loginsOf(cache);
  if (next === undefined) return { user, earlier, ...rest };
  const [since, until] = [now, now + validMs].map((ms) => `${new Date(ms).toISOString().slice(0, 19)}Z`);
  return { ...rest, user: next, since: since ?? "", earlier: [...earlier, { user, until: until ?? "" }] };
}

/**
 * After how many milliseconds a login ends, or is as old as it may be.
 *
 * @param cache - with its status
 * @param now - milliseconds since 1970
 */
export function untilNextLogin(cache: OrasCache, now: number): number | undefined {
  const { next, earlier = [] } = loginsOf(cache);
  const ends = earlier.map(({ until }) => (hasPassed(until, now) ? now + lookMs : Date.parse(until)));
  const due = next === undefined ? dueAt(cache) : undefined;
  // One that is due and was not begun waits for the registry, or for an old login to end.
  const times = [...ends, ...(due === undefined ? [] : [due <= now ? now + lookMs : due])];
  return times.length === 0 ? undefined : Math.min(Math.min(...times) - now, longestMs);
}

/**
 * That another login is made, which new Pods do not get yet.
 *
 * @param cache - with its status
 * @param now - milliseconds since 1970
 */
export function rotationVerdict(cache: OrasCache, now: number): Verdict | undefined {
  const { user, next, earlier = [] } = loginsOf(cache);
  const waits = (message: string): Verdict => ({ status: "True", reason: "RotationWaits", message });
  if (next !== undefined)
    return waits(
      `New Pods get the user ${next} once every Pod of the registry knows it. A Pod without a keeper, or one that was started without a ` +
        `password, does when it is restarted. Until then they get ${user}.`,
    );
  if (!isDue(cache, now)) return undefined;
  if (earlier.length < mostEarlier)
    return waits(`Another login is made once every Pod of the registry is ready. New Pods get ${user}.`);
  const users = earlier.map((one) => one.user).join(", ");
  return waits(
    `Another login is made once one of ${users} has ended: a login is valid while Pods and Jobs have it. New steps get ${user}.`,
  );
}

/**
 * What a change of the users means, in words.
 *
 * @param before - the status of the cache as stored
 * @param now - the status that follows
 */
export function loginNotes(
  before: OrasCacheStatus | undefined,
  now: OrasCacheStatus,
): { reason: "Rotated" | "LoginEnded"; note: string }[] {
  const user = before?.auth?.user ?? firstUser;
  const [was, is] = [before?.auth?.earlier ?? [], now.auth?.earlier ?? []];
  const ended = was.filter((one) => !is.some((other) => other.user === one.user)).map((one) => one.user);
  const until = is.find((one) => one.user === user)?.until;
  return [
    ...(now.auth !== undefined && now.auth.user !== user
      ? [
          {
            reason: "Rotated" as const,
            note: `New Pods log in as ${now.auth.user}, with the Secret ${now.credentialsSecret}. ${user} is valid until ${until}, and as long as Pods and Jobs have it.`,
          },
        ]
      : []),
    ...(ended.length > 0
      ? [{ reason: "LoginEnded" as const, note: `Not valid any more: ${ended.join(", ")}.` }]
      : []),
  ];
}
