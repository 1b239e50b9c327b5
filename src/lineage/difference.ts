import { visible } from "../annotations/problems.ts";
import { canonical } from "./canonical.ts";

type Members = Readonly<Record<string, unknown>>;

/** Words for the parts that people do not write as they stand in a key. */
const words: Readonly<Record<string, string>> = {
  format: "the format of keys",
  completionIndex: "the completion index",
  architecture: "the architecture",
  extra: "memoize-extra",
};
/** Names of the members that tell the items of a list apart. */
const identities = ["name", "title", "path", "mountPath", "devicePath"];
/** As many digits of a digest as people compare. */
const shownDigits = 12;

/**
 * What differs between two keys, part by part. Values are not shown, as they can be passwords; digests of images and files
 * are, which say which one it is.
 *
 * @param before - the parts of a key, such as those of an earlier run; of any shape
 * @param now - the parts of another
 * @returns short sentences, such as `pod.containers[0].env FOO has another value`; none where the keys are equal
 */
export function differences(before: unknown, now: unknown): string[] {
  return differing(before, now, "").map(visible);
}

function differing(before: unknown, now: unknown, place: string): string[] {
  if (before === undefined && now === undefined) return [];
  if (before !== undefined && now !== undefined && canonical(before) === canonical(now)) return [];
  if (before === undefined) return [`${place} is new`];
  if (now === undefined) return [`${place} is gone`];
  if (Array.isArray(before) && Array.isArray(now)) return inLists(before, now, place);
  if (isMembers(before) && isMembers(now)) return inMembers(before, now, place);
  if (place.endsWith(".marks"))
    return [`${place.slice(0, -".marks".length)} has the same bytes and another mode or type`];
  return [`${place === "" ? "the key" : place} ${changeOf(before, now, place)}`];
}

function inMembers(before: Members, now: Members, place: string): string[] {
  const all = new Set([...Object.keys(before), ...Object.keys(now)].sort());
  const found = [...all].map((member) => ({
    member,
    said: differing(own(before, member), own(now, member), placeOf(place, member)),
  }));
  // What else is said of a file has its size, which other bytes change, too.
  const isOther = found.some(({ member, said }) => member === "digest" && said.length > 0);
  return found.flatMap(({ member, said }) => (member === "marks" && isOther ? [] : said));
}

function inLists(before: readonly unknown[], now: readonly unknown[], place: string): string[] {
  const identity = identities.find((name) => [before, now].every((list) => tellsApart(list, name)));
  if (identity === undefined) {
    const longest = before.length > now.length ? before : now;
    return longest.flatMap((_, at) => differing(before[at], now[at], itemOf(place, at)));
  }
  const byName = (list: readonly unknown[]) =>
    new Map(list.map((item) => [(item as Members)[identity] as string, item]));
  const [old, recent] = [byName(before), byName(now)];
  const found = [...new Set([...old.keys(), ...recent.keys()])].flatMap((name) =>
    inItem(old.get(name), recent.get(name), `${place} ${name}`, place.endsWith(".env")),
  );
  return found.length > 0 ? found : [`${place} has another order`];
}

/** Of a variable it is enough that its value is another one, wherever that comes from. */
function inItem(before: unknown, now: unknown, place: string, isVariable: boolean): string[] {
  const changes = differing(before, now, place);
  const isThere = before !== undefined && now !== undefined;
  return isVariable && isThere && changes.length > 0 ? [`${place} has another value`] : changes;
}

function changeOf(before: unknown, now: unknown, place: string): string {
  if (!/\.(image|digest|unpacked)$/.test(place)) return "has another value";
  const [old, recent] = [before, now].map(shown);
  return old === undefined || recent === undefined ? "has another value" : `was ${old}, is ${recent}`;
}

function shown(digest: unknown): string | undefined {
  return new RegExp(`^sha(256|512):[0-9a-f]{${shownDigits}}`).exec(`${digest}`)?.[0];
}

function placeOf(place: string, member: string): string {
  if (place === "") return words[member] ?? member;
  return `${place}.${member}`;
}

/** Inputs are counted from 1, as their annotations are. */
function itemOf(place: string, at: number): string {
  return place === "inputs" ? `input ${at + 1}` : `${place}[${at}]`;
}

function tellsApart(list: readonly unknown[], member: string): boolean {
  const found = list.map((item) => (isMembers(item) ? item[member] : undefined));
  return found.every((name) => typeof name === "string") && new Set(found).size === list.length;
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function own(members: Members, name: string): unknown {
  return Object.hasOwn(members, name) ? members[name] : undefined;
}
