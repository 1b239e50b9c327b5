import { indexBy } from "../kube/index-by.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Artifact, endsOf, isOpen, mayPush } from "../workflow/step.ts";

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe">;

/** Finds objects by an artifact, in whatever registry they say that it is: which is the same as another one may change. */
type Find<T> = (namespace: string, artifact: Artifact) => T[];

/** The objects of a mirror by an artifact of theirs. */
export interface ByArtifact<T> {
  /** Those that name it without variables. */
  readonly named: Find<T>;
  /** Those whose name of it has variables, and may stand for this one. */
  readonly open: Find<T>;
}

/** A name with variables, and the objects that have it, by their keys. */
interface OpenName<T> {
  readonly artifact: Artifact;
  readonly members: Map<string, T>;
}

/**
 * Finds the objects of a mirror by an artifact. Of names with variables those are looked at that begin and end as the one that is
 * asked for, and each once, however many thousand objects there are.
 *
 * @param reflector - the mirror
 * @param artifactOf - of an object; undefined leaves it out
 */
export function indexByArtifact<T extends KubeObject>(
  reflector: Mirror<T>,
  artifactOf: (object: T) => Artifact | undefined,
): ByArtifact<T> {
  const named = indexBy(reflector, (object) => {
    const artifact = artifactOf(object);
    return artifact && !isOpen(artifact) ? placeOf(object.metadata?.namespace, textOf(artifact)) : undefined;
  });
  return {
    named: (namespace, artifact) => named(placeOf(namespace, textOf(artifact))),
    open: openOnes(reflector, artifactOf),
  };
}

function openOnes<T extends KubeObject>(
  reflector: Mirror<T>,
  artifactOf: (object: T) => Artifact | undefined,
): Find<T> {
  // By what stands before the first variable, what stands behind the last one, and the whole name.
  const groups = new Map<string, Map<string, Map<string, OpenName<T>>>>();
  const nameIn = (object: T) => {
    const artifact = artifactOf(object);
    if (artifact === undefined || !isOpen(artifact)) return undefined;
    const { first, last } = endsOf(artifact);
    return { artifact, first: placeOf(object.metadata?.namespace, first), last, text: textOf(artifact) };
  };
  const put = (object: T) => {
    const name = nameIn(object);
    if (name === undefined) return;
    const group = entryOf(groups, name.first, () => new Map<string, Map<string, OpenName<T>>>());
    const names = entryOf(group, name.last, () => new Map<string, OpenName<T>>());
    const made = () => ({ artifact: inNoRegistry(name.artifact), members: new Map<string, T>() });
    entryOf(names, name.text, made).members.set(keyOf(object), object);
  };
  const remove = (object: T) => {
    const { first = "", last = "", text = "" } = nameIn(object) ?? {};
    const group = groups.get(first);
    const names = group?.get(last);
    const members = names?.get(text)?.members;
    members?.delete(keyOf(object));
    if (members?.size === 0) names?.delete(text);
    if (names?.size === 0) group?.delete(last);
    if (group?.size === 0) groups.delete(first);
  };
  for (const object of reflector.store.values()) put(object);
  reflector.subscribe((_key, now, before) => {
    if (before) remove(before);
    if (now) put(now);
  });
  return (namespace, wanted) => {
    const artifact = inNoRegistry(wanted);
    const text = textOf(artifact);
    const cuts = Array.from({ length: text.length + 1 }, (_, at) => at);
    return cuts
      .flatMap((at) => groups.get(placeOf(namespace, text.slice(0, at))) ?? [])
      .flatMap((group) => cuts.flatMap((at) => [...(group.get(text.slice(at))?.values() ?? [])]))
      .flatMap((name) => (mayPush(name.artifact, artifact) ? [...name.members.values()] : []));
  };
}

function entryOf<T>(map: Map<string, T>, key: string, empty: () => T): T {
  const entry = map.get(key) ?? empty();
  map.set(key, entry);
  return entry;
}

function textOf({ repository, version }: Artifact): string {
  return `${repository}${version}`;
}

function placeOf(namespace: string | undefined, text: string): string {
  return `${namespace} ${text}`;
}

function inNoRegistry(artifact: Artifact): Artifact {
  return { ...artifact, registry: "" };
}
