import { names } from "../../schema/names.ts";
import { type Holder, prefixHolder } from "../cache/prefixes.ts";
import { s3Location } from "../cache/s3.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { keyOf } from "../kube/objects.ts";
import type { Store } from "../kube/store.ts";
import { PrefixTakenError } from "./obstacles.ts";

/** Which cache has which folder of which bucket. */
interface Prefixes {
  /**
   * Gives a cache the folder that its spec names.
   *
   * @throws PrefixTakenError where another one has it
   */
  readonly take: (cache: StoredOrasCache) => void;
  readonly forget: (key: string) => void;
}

/**
 * Sees to it that no two caches of the cluster keep their artifacts in one folder. Statuses say who had which one before this
 * process; between a cache's first look and its status this process remembers it.
 *
 * @param caches - all of them
 */
export function createPrefixes(caches: Pick<Store<StoredOrasCache>, "values">): Prefixes {
  const granted = new Map<string, string>();
  return {
    take: (cache) => {
      const location = s3Location(cache);
      const holder = prefixHolder(cache, caches.values(), granted);
      if (location === undefined) granted.delete(keyOf(cache));
      else if (holder === undefined) granted.set(keyOf(cache), location);
      else throw new PrefixTakenError(taken(location, holder));
    },
    forget: (key) => granted.delete(key),
  };
}

function taken(location: string, holder: Holder): string {
  return (
    `${names.kind} "${keyOf(holder.cache)}" keeps its artifacts in ${holder.location}, and this one is to keep them in ` +
    `${location}: each would delete the other's. Nothing was changed. Give spec.storage.s3.prefix another value.`
  );
}
