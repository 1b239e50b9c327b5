import type { KeptReason, Policy, Remembering, Rule, Tag } from "./facts.ts";
import type { Node } from "./graph.ts";
import { timeOf } from "./times.ts";
import type { Selection } from "./uses.ts";
import { matchesRepository } from "./wildcards.ts";

/** What speaks for and against a tag. */
export interface Circumstances {
  readonly policy: Policy;
  /** What steps need that wait, run or are about to run. */
  readonly uses: Selection;
  /** What the OrasCache keeps by its annotation. */
  readonly keep: Selection;
  /** Since when every pull is known, in milliseconds since 1970; undefined where none is. */
  readonly pullsSince: number | undefined;
  /** Undefined where results of steps are not remembered. */
  readonly remembering?: Remembering | undefined;
  readonly now: number;
}

/** Whether a tag stays, and why, or by which rule it may go. */
export type Verdict =
  | { readonly stays: KeptReason }
  | { readonly stays?: never; readonly rule: number; readonly why: string };

/** Clocks that are right differ by less, and an inventory takes a moment. */
const aheadMs = 10 * 60_000;

/**
 * When something was pushed, as milliseconds since 1970; undefined where that is not known: a clock that was wrong has dated it
 * into the future, or a file system or a copy has lost it.
 *
 * @param text - RFC 3339
 * @param now - the present
 */
function pushedAt(text: string, now: number): number | undefined {
  const time = timeOf(text);
  return time === undefined || time > now + aheadMs ? undefined : time;
}

/** When a manifest was last of use. */
export function lastUsed(node: Node): number {
  const { manifest, own } = node;
  const times = own.map(({ pushed }) => timeOf(pushed) ?? 0);
  return times.reduce(
    (last, time) => Math.max(last, time),
    Math.max(lastPulled(node), timeOf(manifest.pushed) ?? 0),
  );
}

/** When an entry was written or used last: the links of its tags are written then. Undefined where that is not known. */
export function lastHit({ manifest }: Node): number | undefined {
  const times = [manifest.pushed, ...manifest.tags.map(({ pushed }) => pushed)].map(timeOf);
  return times.includes(undefined) ? undefined : Math.max(...times.map((time) => time ?? 0));
}

/** When a manifest was last pulled, or one that it consists of: who knows the digest of a platform's image need not ask for its index. */
function lastPulled(node: Node): number {
  const parts = new Set([node]);
  // A set is visited in the order in which it grows.
  for (const { children } of parts) for (const child of children) parts.add(child);
  let last = 0;
  for (const { manifest } of parts) last = Math.max(last, timeOf(manifest.pulled ?? "") ?? 0);
  return last;
}

/** Why a manifest stays with all of its tags, whatever rules say. */
export function protection(node: Node, { uses, keep }: Circumstances): KeptReason | undefined {
  const { manifest, fallback } = node;
  if (manifest.keep || keep.hasDigest(manifest)) return "annotation";
  if (uses.hasDigest(manifest)) return "inUse";
  const said = fallback.map(({ tag }) => tag.name);
  if (said.some((tag) => keep.hasTag(manifest.repository, tag))) return "annotation";
  if (said.some((tag) => uses.hasTag(manifest.repository, tag))) return "inUse";
  return undefined;
}

/**
 * What is to become of each tag of a repository by itself.
 *
 * @param repository - its name
 * @param nodes - its manifests
 * @param circumstances - see there
 */
export function verdictsOf(
  repository: string,
  nodes: readonly Node[],
  circumstances: Circumstances,
): Map<Tag, Verdict> {
  const { policy, uses, keep } = circumstances;
  const index = ruleFor(repository, policy);
  const rule = policy.rules[index];
  const last = newest(nodes, rule?.keepLast ?? 0, circumstances.now);
  const verdictOf = (node: Node, tag: Tag): Verdict => {
    const isProtected = protection(node, circumstances);
    if (isProtected !== undefined) return { stays: isProtected };
    if (keep.hasTag(repository, tag.name)) return { stays: "annotation" };
    if (uses.hasTag(repository, tag.name)) return { stays: "inUse" };
    if (rule === undefined) return { stays: "noRule" };
    if (last.has(tag)) return { stays: "keepLast" };
    return byTime(node, tag, rule, index, circumstances);
  };
  return new Map(nodes.flatMap((node) => node.own.map((tag) => [tag, verdictOf(node, tag)])));
}

/** Which rule is for a repository, from 0; -1 where none is. */
function ruleFor(repository: string, { rules }: Policy): number {
  return rules.findIndex(({ repositories }) =>
    repositories.some((glob) => matchesRepository(glob, repository)),
  );
}

/**
 * Why something stays whose tags alone say what it is about, where that is not in its repository. Signatures may have a
 * repository of their own, and such a tag may be the hash of something else: so it is kept as tags are, by its age.
 */
export function orphaned(node: Node, circumstances: Circumstances): KeptReason | undefined {
  const { manifest } = node;
  const { policy, now } = circumstances;
  const rule = policy.rules[ruleFor(manifest.repository, policy)];
  if (rule === undefined) return "noRule";
  const { keepYoungerThan, keepPulledWithin } = rule;
  if (keepYoungerThan === undefined && keepPulledWithin === undefined) return "keepLast";
  const times = [manifest.pushed, ...manifest.tags.map(({ pushed }) => pushed)].map(timeOf);
  if (times.includes(undefined)) return "ageUnknown";
  const pushed = Math.max(...times.map((time) => time ?? 0));
  const least = Math.max(keepYoungerThan ?? 0, policy.untaggedAfter, policy.grace);
  return now - pushed < least ? "keepYoungerThan" : byPulls(node, pushed, keepPulledWithin, circumstances);
}

function byTime(
  node: Node,
  tag: Tag,
  { keepLast, keepYoungerThan, keepPulledWithin }: Rule,
  index: number,
  circumstances: Circumstances,
): Verdict {
  const pushed = pushedAt(tag.pushed, circumstances.now);
  if (pushed === undefined) return { stays: "ageUnknown" };
  if (keepYoungerThan !== undefined && circumstances.now - pushed < keepYoungerThan)
    return { stays: "keepYoungerThan" };
  const pulled = byPulls(node, pushed, keepPulledWithin, circumstances);
  if (pulled !== undefined) return { stays: pulled };
  const why = [
    ...(keepLast === undefined ? [] : [`not one of the last ${keepLast}`]),
    ...(keepYoungerThan === undefined ? [] : [`older than ${words(keepYoungerThan)}`]),
    ...(keepPulledWithin === undefined ? [] : [`not pulled within ${words(keepPulledWithin)}`]),
  ].join(", ");
  return { rule: index + 1, why };
}

/** Why something stays by its pulls. What has been there for less than that time cannot have been pulled before. */
function byPulls(
  node: Node,
  pushed: number,
  keepPulledWithin: number | undefined,
  { pullsSince, now }: Circumstances,
): KeptReason | undefined {
  if (keepPulledWithin === undefined) return undefined;
  if (now - Math.max(lastPulled(node), pushed) < keepPulledWithin) return "keepPulledWithin";
  return pullsSince === undefined || pullsSince > now - keepPulledWithin ? "pullsUnknown" : undefined;
}

function words(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds % 3600 === 0) return `${seconds / 3600}h`;
  return seconds % 60 === 0 ? `${seconds / 60}m` : `${seconds}s`;
}

/** The tags of a repository that were pushed last. One whose time is not known stays anyway. */
function newest(nodes: readonly Node[], count: number, now: number): Set<Tag> {
  const tags = nodes
    .flatMap(({ own }) => own)
    .map((tag) => ({ tag, pushed: pushedAt(tag.pushed, now) ?? 0 }))
    .sort((a, b) => b.pushed - a.pushed || (a.tag.name < b.tag.name ? -1 : 1));
  return new Set(tags.slice(0, count).map(({ tag }) => tag));
}
