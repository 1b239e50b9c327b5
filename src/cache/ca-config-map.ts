import type { V1ConfigMap } from "@kubernetes/client-node";
import type { ChildFacts } from "./facts.ts";
import { childMetadata, identityOf } from "./owner.ts";
import { caConfigMapName } from "./tls.ts";
import type { StoredOrasCache } from "./types.ts";

/** The key of all CAs, and of those that are from the author's Secret: these are known only from the keeper. */
const [allKey, authorsKey] = ["ca.crt", "of-secret.crt"] as const;

/**
 * The ConfigMap by which steps and people trust a registry. It is there as long as the registry serves TLS: a step that
 * finds it speaks TLS to its cache.
 *
 * @param cache - whose
 * @param facts - with the CAs
 * @returns undefined where it serves none
 */
export function caConfigMap(
  cache: StoredOrasCache,
  { cas }: Pick<ChildFacts, "cas">,
): V1ConfigMap | undefined {
  if (cas === undefined) return undefined;
  const owner = identityOf(cache);
  const { own, authors } = cas;
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: childMetadata(owner, caConfigMapName(owner.name)),
    data: { [allKey]: `${own}${authors}`, ...(authors === "" ? {} : { [authorsKey]: authors }) },
  };
}

/** All CAs in the ConfigMap of a registry. */
export function casIn({ data }: Pick<V1ConfigMap, "data">): string {
  return data?.[allKey] ?? "";
}

/** The CAs in it that are from the author's Secret. */
export function authorsIn({ data }: Pick<V1ConfigMap, "data">): string {
  return data?.[authorsKey] ?? "";
}
