import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { forgetOldest } from "../kube/forget.ts";
import { keyOf } from "../kube/objects.ts";
import { firstPod } from "./first-pod.ts";
import { type RegistryAccess, registryAccess } from "./trust.ts";

/** How to ask the registries of OrasCaches, for those who ask for each artifact. */
export interface CacheAccess {
  /** Undefined where the registry is not ready. */
  readonly to: (cache: StoredOrasCache) => Promise<RegistryAccess | undefined>;
  /** It did not answer: its Pod may be another one. */
  readonly forget: (cache: StoredOrasCache) => void;
}

/** A registry's Pod may be replaced at any time; asked for each artifact it would be asked for too often. */
const rememberedMs = 2_000;
const mostRemembered = 1_000;

/**
 * Remembers for a moment where registries are asked.
 *
 * @param client - of the API server
 * @param installation - with what CAs and logins are derived from
 * @param signal - ends the wait
 */
export function createCacheAccess(
  client: KubeClient,
  installation: { readonly operatorKey: string; readonly clusterDomain: string },
  signal: AbortSignal,
): CacheAccess {
  const known = new Map<string, { access: Promise<RegistryAccess | undefined>; until: number }>();
  const find = async (cache: StoredOrasCache) => {
    const pod = await firstPod(client, cache, signal);
    return pod && registryAccess(pod, cache, installation, client);
  };
  return {
    to: (cache) => {
      const key = keyOf(cache);
      const last = known.get(key);
      if (last && performance.now() < last.until) return last.access;
      const access = find(cache);
      known.delete(key);
      known.set(key, { access, until: performance.now() + rememberedMs });
      forgetOldest(known, mostRemembered);
      return access;
    },
    forget: (cache) => {
      known.delete(keyOf(cache));
    },
  };
}
