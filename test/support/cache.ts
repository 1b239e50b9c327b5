import type { ChildFacts } from "../../src/cache/facts.ts";
import { OrasCache } from "../../src/cache/model.ts";
import "../../src/cache/validate.ts"; // gives the model its validate()
import type { StoredOrasCache } from "../../src/cache/types.ts";

/** An OrasCache as the API server stores it, of generation 2; it is valid by the schema. */
export function storedCache(
  spec: Partial<StoredOrasCache["spec"]> = {},
  metadata: object = {},
): StoredOrasCache {
  const cache = new OrasCache({
    metadata: {
      ...{ name: "oras", namespace: "work", uid: "6b3f", generation: 2, resourceVersion: "10" },
      ...metadata,
    },
    spec: { deploy: true, replicas: 1, suspend: false, drainSeconds: 60, ...spec },
  });
  cache.validate();
  return { ...(cache.toJSON() as StoredOrasCache), status: { conditions: [] } };
}

/** What children depend on, of an ordinary cluster in which nothing runs yet. */
export function childFacts(facts: Partial<ChildFacts> = {}): ChildFacts {
  return {
    ...{ openshift: false, registryImage: "registry:default", random: "random" },
    ...{
      agentImage: "agent:1",
      auth: "none",
      network: "none",
      operatorKey: "k",
      clusterDomain: "cluster.local",
      proxies: {},
    },
    operatorNamespace: "operators",
    ...{ cas: undefined, statefulSet: undefined, mayHoldArtifacts: false },
    ...facts,
  };
}
