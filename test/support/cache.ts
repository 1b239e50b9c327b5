import type { StoredOrasCache } from "../../src/cache/types.ts";

/** An OrasCache as the API server stores it. */
export function storedCache(spec: Partial<StoredOrasCache["spec"]> = {}): StoredOrasCache {
  return {
    apiVersion: "cache.converged-computing.github.io/v1alpha1",
    kind: "OrasCache",
    metadata: { name: "oras", namespace: "work", uid: "6b3f", generation: 2, resourceVersion: "10" },
    spec: { image: "registry:3", deploy: true, ...spec },
  };
}
