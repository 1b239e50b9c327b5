import { list } from "./policy.ts";

/** What the API server writes into the metadata of an object by itself. */
const written = ["generation", "managedFields", "resourceVersion"];

/**
 * CEL for whether all fields of one object, but for some, are in another one.
 *
 * Fields are walked, not named: one that a later Kubernetes adds is compared, too.
 *
 * @param one - of no type (`dyn`): the type checker allows no walk else
 * @param other - the same
 */
function within(one: string, other: string, free: readonly string[]): string {
  return `${one}.all(k, k in ${list(free)} || (k in ${other} && ${other}[k] == ${one}[k]))`;
}

/**
 * CEL for whether a field of the object is as it was before, but for some fields of its own.
 *
 * @param path - from the object on, such as `.spec.template`; what may be absent needs an `orValue`
 */
export function unchanged(path: string, free: readonly string[] = []): string {
  const [before, after] = [`dyn(oldObject)${path}`, `dyn(object)${path}`];
  return `${within(before, after, free)} && ${within(after, before, free)}`;
}

/** CEL for whether the metadata is as it was before, but for what the API server writes, and some other fields. */
export function unchangedMetadata(free: readonly string[] = []): string {
  return unchanged(".metadata", [...written, ...free]);
}
