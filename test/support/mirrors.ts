import { type KubeObject, keyOf } from "../../src/kube/objects.ts";

/**
 * A mirror that has what the test says.
 *
 * @param objects - that are there at first
 */
export function mirrorOf<T extends KubeObject>(objects: readonly T[] = []) {
  const store = new Map(objects.map((object) => [keyOf(object), object]));
  const hearers: ((key: string, now?: T, before?: T) => void)[] = [];
  return {
    store,
    synced: Promise.resolve(),
    subscribe: (hear: (key: string, now?: T, before?: T) => void) => {
      hearers.push(hear);
      return () => {};
    },
    put: (object: T) => {
      const before = store.get(keyOf(object));
      store.set(keyOf(object), object);
      for (const hear of hearers) hear(keyOf(object), object, before);
    },
    remove: (object: T) => {
      const before = store.get(keyOf(object));
      store.delete(keyOf(object));
      for (const hear of hearers) hear(keyOf(object), undefined, before);
    },
  };
}
