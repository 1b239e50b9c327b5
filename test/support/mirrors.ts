import type { KubeObject } from "../../src/kube/objects.ts";
import { createStore } from "../../src/kube/store.ts";

/**
 * A mirror that has what the test says, and tells of each change as a watch does.
 *
 * @param objects - that are there at first
 */
export function mirrorOf<T extends KubeObject>(objects: readonly T[] = []) {
  type Change = Parameters<typeof createStore<T>>[0];
  const hearers: Change[] = [];
  const store = createStore<T>((...change) => {
    for (const hear of hearers) hear(...change);
  });
  store.replaceAll(objects);
  return {
    store,
    synced: Promise.resolve(),
    subscribe: (hear: Change) => {
      hearers.push(hear);
      return () => {};
    },
  };
}
