import { type KubeObject, keyOf } from "./objects.ts";
import type { Reflector } from "./reflector.ts";

/**
 * Finds the objects of a mirror by something else than their name.
 *
 * @param reflector - the mirror
 * @param group - of an object; undefined leaves it out
 * @returns (group) => its objects
 */
export function indexBy<T extends KubeObject>(
  reflector: Pick<Reflector<T>, "store" | "subscribe">,
  group: (object: T) => string | undefined,
): (group: string) => T[] {
  const groups = new Map<string, Map<string, T>>();
  const put = (object: T) => {
    const name = group(object);
    if (name === undefined) return;
    const members = groups.get(name) ?? new Map<string, T>();
    groups.set(name, members.set(keyOf(object), object));
  };
  const remove = (object: T) => {
    const name = group(object) ?? "";
    const members = groups.get(name);
    members?.delete(keyOf(object));
    if (members?.size === 0) groups.delete(name);
  };
  for (const object of reflector.store.values()) put(object);
  reflector.subscribe((_key, now, before) => {
    if (before) remove(before);
    if (now) put(now);
  });
  return (name) => [...(groups.get(name)?.values() ?? [])];
}
