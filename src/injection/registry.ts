import { annotations } from "../../generated/annotations.ts";
import { names } from "../../generated/names.ts";
import type { OrasCache } from "../../generated/types.ts";
import type { Result } from "../annotations/problems.ts";
import { parseRegistry, type Registry } from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import { cacheHost } from "../cache/address.ts";

/** The registry that a step uses, and whether it is one inside the cluster. */
export interface ChosenRegistry {
  readonly registry: Registry;
  readonly inCluster: boolean;
  readonly warnings: readonly string[];
}

/**
 * Finds a step's registry: the one that it names, else its cache's.
 *
 * @param settings - what the step's author asked for
 * @param cache - the OrasCache of that name, if it exists already
 * @param namespace - the step's namespace
 * @param clusterDomain - for example `cluster.local`
 */
export function chooseRegistry(
  settings: Settings,
  cache: OrasCache | undefined,
  namespace: string,
  clusterDomain: string,
): Result<ChosenRegistry> {
  if (settings.registry) return remote(settings.registry);
  if (cache?.spec?.deploy === false) {
    if (cache.spec.registry !== undefined) return remote(parseRegistry(cache.spec.registry));
    return {
      ok: false,
      problems: [
        {
          code: "CacheWithoutRegistry",
          path: annotations["oras-cache"].key,
          message: `the ${names.kind} "${settings.cache}" runs no registry and names none; ${annotations.registry.key} may name one.`,
        },
      ],
    };
  }
  const host = `${cacheHost(settings.cache, namespace, clusterDomain)}:${names.registryPort}`;
  const warnings = cache
    ? []
    : [
        `${names.kind} "${settings.cache}" is not there yet in namespace "${namespace}": the step will wait for the registry that the operator runs for it; one with deploy: false must be there before its steps`,
      ];
  return { ok: true, value: { registry: { host, plainHttp: true }, inCluster: true, warnings } };
}

function remote(registry: Registry): Result<ChosenRegistry> {
  return { ok: true, value: { registry, inCluster: false, warnings: [] } };
}
