import { type KubeObject, keyOf } from "./objects.ts";

/** Objects by key, as last seen. */
export interface Store<T extends KubeObject> {
  readonly get: (key: string) => T | undefined;
  readonly values: () => IterableIterator<T>;
  readonly size: () => number;
  readonly put: (object: T) => void;
  readonly remove: (key: string) => void;
  /** Puts all of a list, and removes what is not in it. */
  readonly replaceAll: (objects: readonly T[]) => void;
}

/**
 * An empty store.
 *
 * @param onChange - called for every object that really changed, after the store has it
 */
export function createStore<T extends KubeObject>(
  onChange: (key: string, now: T | undefined, before: T | undefined) => void,
): Store<T> {
  const objects = new Map<string, T>();
  const put = (object: T) => {
    const key = keyOf(object);
    const before = objects.get(key);
    objects.set(key, object);
    // After a relist most objects are the same as before: no handler needs them.
    const version = object.metadata?.resourceVersion;
    if (before === undefined || version === undefined || version !== before.metadata?.resourceVersion) {
      onChange(key, object, before);
    }
  };
  const remove = (key: string) => {
    const before = objects.get(key);
    if (objects.delete(key)) onChange(key, undefined, before);
  };
  return {
    get: (key) => objects.get(key),
    values: () => objects.values(),
    size: () => objects.size,
    put,
    remove,
    replaceAll: (list) => {
      const there = new Set(list.map(keyOf));
      for (const key of [...objects.keys()]) if (!there.has(key)) remove(key);
      for (const object of list) put(object);
    },
  };
}
