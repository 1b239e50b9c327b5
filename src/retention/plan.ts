import type { Deletion, Kept, KeptReason, Manifest, Plan, Tag } from "./facts.ts";
import { closure, graphOf, type Node, namersFirst } from "./graph.ts";
import { timeOf } from "./times.ts";
import {
  type Circumstances,
  lastHit,
  lastUsed,
  orphaned,
  protection,
  type Verdict,
  verdictsOf,
} from "./verdicts.ts";

/** What is known of a manifest by itself. */
interface Fate {
  /** Why it stays whatever becomes of others; undefined: it may go. */
  readonly root: KeptReason | undefined;
  /** Whether a rule lets all of its tags go. */
  readonly isSpare: boolean;
}

/**
 * What a pass deletes and what stays. The same for the same manifests in any order, and whether it is done or only told.
 *
 * Rules are about tags. A manifest whose tags may all go, goes, unless something that stays needs it. With `maxSize` only as many
 * go as it takes, those first that were pushed or pulled the longest time ago.
 *
 * @param manifests - of all repositories
 * @param circumstances - what speaks for and against them
 */
export function planOf(manifests: readonly Manifest[], circumstances: Circumstances): Plan {
  const nodes = graphOf(manifests.toSorted(byPlace), circumstances.remembering);
  const repositories = Map.groupBy(nodes, ({ manifest }) => manifest.repository);
  const verdicts = new Map<Tag, Verdict>();
  for (const [repository, its] of repositories)
    for (const [tag, verdict] of verdictsOf(repository, its, circumstances)) verdicts.set(tag, verdict);

  const fates = new Map(nodes.map((node) => [node, fateOf(node, verdicts, circumstances)]));
  const roots = nodes.filter((node) => fates.get(node)?.root !== undefined);
  // What is remembered goes first: it costs a run, and nobody misses it.
  const spare = nodes
    .filter((node) => fates.get(node)?.isSpare)
    .map((node) => ({ node, used: lastUsed(node) }))
    .sort((a, b) => Number(a.node.isEntry) - Number(b.node.isEntry) || b.used - a.used)
    .map(({ node }) => node);
  const { keepInputs, maxSize } = circumstances.policy;
  const stays = closure(roots, keepInputs);
  const room = maxSize === undefined ? stays : largest(stays, spare, keepInputs, maxSize);

  const part = { verdicts, room, isSoft: maxSize !== undefined };
  const deletions: Deletion[] = [];
  const kept: Kept[] = [];
  for (const node of namersFirst(nodes)) {
    if (!room.has(node)) deletions.push(wholly(node, verdicts));
    else
      keepOrPart(
        node,
        { ...part, isForSize: !stays.has(node), root: fates.get(node)?.root },
        deletions,
        kept,
      );
  }
  return { deletions, kept, bytes: { before: sizeOf(nodes), after: sizeOf(room) } };
}

function byPlace(a: Manifest, b: Manifest): number {
  return compare(a.repository, b.repository) || compare(a.digest, b.digest);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function fateOf(node: Node, verdicts: ReadonlyMap<Tag, Verdict>, circumstances: Circumstances): Fate {
  const { own } = node;
  const isProtected = protection(node, circumstances);
  if (isProtected !== undefined) return { root: isProtected, isSpare: false };
  if (node.isEntry) return fateOfEntry(node, circumstances);
  if (own.length > 0) {
    const stays = own.map((tag) => verdicts.get(tag)?.stays).find((reason) => reason !== undefined);
    return { root: stays, isSpare: stays === undefined };
  }
  const isOrphan = isOrphaned(node);
  return { root: isOrphan ? orphaned(node, circumstances) : untagged(node, circumstances), isSpare: false };
}

/** An entry stays for a time, with what it names, and as long as that stays anyway. */
function fateOfEntry(node: Node, { policy, remembering, now }: Circumstances): Fate {
  const hit = lastHit(node);
  if (hit === undefined) return { root: "ageUnknown", isSpare: false };
  if (now - hit < policy.grace) return { root: "recent", isSpare: false };
  // A keeper of an earlier version does not say what an entry says.
  const counts = node.remembered.length > 0 || node.manifest.memo === undefined;
  if (!counts || now - hit >= (remembering?.keepFor ?? 0)) return { root: undefined, isSpare: false };
  if (policy.maxSize !== undefined) return { root: undefined, isSpare: true };
  return { root: "remembered", isSpare: false };
}

function isOrphaned({ own, fallback, subjects }: Node): boolean {
  return own.length === 0 && fallback.length > 0 && subjects.length === 0;
}

/** A push brings the manifests of an index, or what is about one, before it names them. */
function untagged(
  { manifest, indexes, subjects }: Node,
  { policy, now }: Circumstances,
): KeptReason | undefined {
  const pushed = timeOf(manifest.pushed);
  const isPart = indexes.length > 0 || subjects.length > 0;
  if (pushed === undefined) return isPart ? undefined : "ageUnknown";
  const least = isPart ? policy.grace : policy.untaggedAfter;
  return now - pushed < least ? "recent" : undefined;
}

/** What stays when as few go as it takes, the last of the spare ones first. */
function largest(stays: ReadonlySet<Node>, spare: Node[], keepInputs: boolean, maxSize: number): Set<Node> {
  const room = new Set(stays);
  const blobs = new Set<string>();
  let size = sizeOf(room, blobs);
  for (const node of spare) {
    const more = closure([node], keepInputs, room);
    size += sizeOf(more, blobs);
    if (size > maxSize) break;
    for (const one of more) room.add(one);
  }
  return room;
}

/**
 * What manifests take together: blobs that several name are there once.
 *
 * @param nodes - the manifests
 * @param blobs - which are there anyway; those of the manifests are added
 */
function sizeOf(nodes: Iterable<Node>, blobs = new Set<string>()): number {
  let sum = 0;
  for (const { manifest } of nodes)
    for (const { digest, size } of manifest.blobs) {
      if (blobs.has(digest)) continue;
      blobs.add(digest);
      sum += size;
    }
  return sum;
}

function wholly(node: Node, verdicts: ReadonlyMap<Tag, Verdict>): Deletion {
  const { manifest, own, subjects } = node;
  const { repository, digest, pushed, listed, pulled, tags } = manifest;
  const indexes = node.indexes.map((index) => index.manifest.digest);
  const known = {
    pushed,
    ...(listed === undefined ? {} : { listed }),
    ...(pulled === undefined ? {} : { pulled }),
    ...(indexes.length === 0 ? {} : { indexes }),
  };
  const place = { repository, digest, ...known, tags, whole: true } as const;
  const [verdict] = own.flatMap((tag) => verdicts.get(tag) ?? []);
  if (verdict?.stays === undefined && verdict !== undefined)
    return { ...place, rule: verdict.rule, reason: verdict.why };
  if (subjects.length > 0) return { ...place, reason: "it goes with what it is about" };
  if (isOrphaned(node)) return { ...place, reason: "what it is about is not there" };
  if (node.isEntry) return { ...place, reason: "what it remembers is not taken any more" };
  return { ...place, reason: node.indexes.length > 0 ? "it goes with its index" : "it has no tag" };
}

interface Part {
  readonly verdicts: ReadonlyMap<Tag, Verdict>;
  readonly room: ReadonlySet<Node>;
  /** Whether only maxSize lets it stay. */
  readonly isForSize: boolean;
  readonly root: KeptReason | undefined;
  /** Whether tags stay as long as there is room: to take one off a manifest that stays makes none. */
  readonly isSoft: boolean;
}

/** A manifest that stays may lose tags: those that a rule lets go beside one that stays, and those about what goes. */
function keepOrPart(node: Node, part: Part, deletions: Deletion[], kept: Kept[]): void {
  const { manifest, own, fallback } = node;
  const { repository, digest, pushed, pulled } = manifest;
  const place = { repository, digest };
  const known = { pushed, ...(pulled === undefined ? {} : { pulled }) };
  const why: KeptReason = part.isForSize ? "maxSize" : "named";
  if (own.length === 0) kept.push({ ...place, reason: part.root ?? why });
  for (const tag of own) {
    const verdict = part.verdicts.get(tag);
    if (verdict?.stays !== undefined || verdict === undefined || part.root === undefined)
      kept.push({ ...place, tag: tag.name, reason: verdict?.stays ?? why });
    else if (part.isSoft) kept.push({ ...place, tag: tag.name, reason: "maxSize" });
    else
      deletions.push({
        ...place,
        ...known,
        tags: [tag],
        whole: false,
        rule: verdict.rule,
        reason: verdict.why,
      });
  }
  if (part.root !== undefined) return;
  const here = new Set(node.subjects.filter((one) => part.room.has(one)).map((one) => one.manifest.digest));
  const gone = new Set(node.subjects.filter((one) => !part.room.has(one)).map((one) => one.manifest.digest));
  const tags = fallback
    .filter(({ subject }) => gone.has(subject) && !here.has(subject))
    .map(({ tag }) => tag);
  if (tags.length > 0)
    deletions.push({ ...place, ...known, tags, whole: false, reason: "it goes with what it is about" });
}
