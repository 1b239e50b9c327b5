import { subjectOfTag } from "../common/fallback-tag.ts";
import type { Manifest, Remembering } from "./facts.ts";

/** A manifest in a repository, and what it has to do with others. */
export interface Node {
  readonly manifest: Manifest;
  /** Tags that people and steps use. */
  readonly own: Manifest["tags"];
  /** Tags that say what is about another manifest, as registries without the referrers API have them. */
  readonly fallback: readonly { readonly tag: Manifest["tags"][number]; readonly subject: string }[];
  /** What it is about, if it has no tag of its own: it goes with those. */
  readonly subjects: readonly Node[];
  /** What it is whole with only. */
  readonly children: readonly Node[];
  /** What else it names. */
  readonly named: readonly Node[];
  /** What it is an entry of memoization of. */
  readonly remembered: Node[];
  /** Whether it is where entries are. */
  readonly isEntry: boolean;
  /** What is about it. */
  readonly about: Node[];
  /** Indexes that consist of it. */
  readonly indexes: Node[];
}

/**
 * What names what.
 *
 * @param manifests - of all repositories
 * @param remembering - which of them are entries of memoization
 */
export function graphOf(manifests: readonly Manifest[], remembering?: Remembering): Node[] {
  const nodes = manifests.map((manifest) =>
    nodeOf(manifest, manifest.repository === remembering?.repository),
  );
  const { at, instances } = placesOf(nodes);
  for (const node of nodes) {
    const { manifest, own, fallback } = node;
    const here = (digest: string) => {
      const found = at(manifest.repository, digest);
      return found === undefined || found === node ? [] : [found];
    };
    const subjects = fallback.map(({ subject }) => subject);
    if (own.length === 0) {
      if (manifest.subject !== undefined) subjects.push(manifest.subject);
      append(node.subjects, new Set(subjects.flatMap(here)));
      for (const subject of node.subjects) subject.about.push(node);
    }
    append(node.children, (manifest.children ?? []).flatMap(here));
    for (const child of node.children) child.indexes.push(node);
    // An input may be in any repository: the annotation has its digest alone.
    const inputs = (manifest.inputs ?? []).flatMap((digest) => instances(digest));
    const subject = manifest.subject === undefined ? [] : here(manifest.subject);
    append(node.named, [...inputs, ...subject]);
  }
  tieEntries(nodes, at, remembering);
  return nodes;
}

/**
 * Ties entries of memoization to what they name. No rule is for the repository of entries; what somebody else has put there is
 * about nothing.
 *
 * @param nodes - of all repositories
 * @param at - finds one
 * @param remembering - undefined where there is no memoization
 */
function tieEntries(
  nodes: readonly Node[],
  at: (repository: string, digest: string) => Node | undefined,
  remembering: Remembering | undefined,
): void {
  for (const node of nodes) {
    const { repository, memo, tags } = node.manifest;
    if (memo === undefined || repository !== remembering?.repository) continue;
    const entry = remembering.openEntry(memo);
    // One that another one has replaced is found by nobody.
    if (entry === undefined || !tags.some(({ name }) => name === entry.key)) continue;
    const output = at(entry.output.repository, entry.output.digest);
    if (output === undefined || output === node) continue;
    node.remembered.push(output);
    output.about.push(node);
  }
}

/** Where manifests are. There may be a hundred thousand: nothing is made for each that few need. */
function placesOf(nodes: readonly Node[]) {
  const places = new Map<string, Map<string, Node>>();
  const inputs = new Map<string, Node[]>(
    nodes.flatMap(({ manifest }) => (manifest.inputs ?? []).map((digest) => [digest, []] as const)),
  );
  for (const node of nodes) {
    const { repository, digest } = node.manifest;
    const its = places.get(repository) ?? new Map<string, Node>();
    places.set(repository, its.set(digest, node));
    inputs.get(digest)?.push(node);
  }
  return {
    at: (repository: string, digest: string) => places.get(repository)?.get(digest),
    /** Of a digest that is somebody's input. */
    instances: (digest: string): readonly Node[] => inputs.get(digest) ?? [],
  };
}

function nodeOf(manifest: Manifest, isEntry: boolean): Node {
  const rest = { subjects: [], children: [], named: [], remembered: [], about: [], indexes: [] };
  if (isEntry) return { manifest, own: [], fallback: [], isEntry, ...rest };
  const fallback = manifest.tags.flatMap((tag) => {
    const subject = subjectOfTag(tag.name);
    return subject === undefined ? [] : [{ tag, subject }];
  });
  const own = manifest.tags.filter(({ name }) => subjectOfTag(name) === undefined);
  return { manifest, own, fallback, isEntry, ...rest };
}

/** One at a time: as arguments of one call, a hundred thousand are too many. */
function append(to: readonly Node[], nodes: Iterable<Node>): void {
  for (const node of nodes) (to as Node[]).push(node);
}

/**
 * What stays where some stays: what it consists of, what is about it, and what it names.
 *
 * @param roots - what stays anyway
 * @param keepInputs - whether what is named stays, too
 * @param known - what stays with all that it needs: it is not looked at again, and not in the result
 */
export function closure(
  roots: Iterable<Node>,
  keepInputs: boolean,
  known: ReadonlySet<Node> = new Set(),
): Set<Node> {
  const stays = new Set<Node>();
  const add = (nodes: Iterable<Node>) => {
    for (const node of nodes) if (!known.has(node)) stays.add(node);
  };
  add(roots);
  // A set is visited in the order in which it grows.
  for (const { children, remembered, about, named } of stays) {
    add(children);
    add(remembered);
    add(about);
    if (keepInputs) add(named);
  }
  return stays;
}

/**
 * Manifests so that each comes before what it names: whoever deletes them in this order and stops leaves nothing without
 * what it needs. What is about another one comes after it.
 *
 * @param nodes - of all repositories
 */
export function namersFirst(nodes: readonly Node[]): Node[] {
  const seen = new Set<Node>();
  const order: Node[] = [];
  for (const start of nodes) {
    // Without recursion: a chain may be as long as there are artifacts.
    const path = [{ node: start, below: belowOf(start) }];
    if (seen.has(start)) continue;
    seen.add(start);
    for (let last = path.at(-1); last !== undefined; last = path.at(-1)) {
      const next = last.below.pop();
      if (next === undefined) {
        order.push(last.node);
        path.pop();
      } else if (!seen.has(next)) {
        seen.add(next);
        path.push({ node: next, below: belowOf(next) });
      }
    }
  }
  return order.reverse();
}

function belowOf({ children, about, named, subjects }: Node): Node[] {
  const before = new Set(subjects);
  return [...children, ...about, ...named.filter((node) => !before.has(node))];
}
