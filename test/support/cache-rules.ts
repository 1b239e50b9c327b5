import { expect } from "vitest";
import type { OrasCache } from "../../src/cache/types.ts";
import { validateOrasCache } from "../../src/cache/validate.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { resources } from "../../src/kube/resources.ts";
import { cacheOf } from "./builders.ts";
import { objectsIn } from "./objects-in.ts";

/** Tries OrasCaches at the API server. */
export interface CacheRules {
  /** The OrasCache as it is stored, or what the API server says against it. */
  readonly created: (spec: object) => Promise<unknown>;
}

/**
 * OrasCaches in a namespace where no operator is: what is tried is the API server.
 *
 * @param installed - a client of it
 * @param namespace - that is made for them
 */
export async function cacheRules(installed: KubeClient, namespace: string): Promise<CacheRules> {
  const ns = await objectsIn(installed, namespace);
  let made = 0;
  return {
    created: async (spec) => {
      const name = `c${made++}`;
      const cache = cacheOf(name, spec as OrasCache["spec"]);
      // `validate` says the same without a cluster.
      const isValid = validateOrasCache(cache).length === 0;
      try {
        await ns.create(resources.orasCaches, cache);
        expect(isValid).toBe(true);
        return await ns.cache(name);
      } catch (error) {
        expect(isValid).toBe(false);
        return (error as Error).message;
      }
    },
  };
}
