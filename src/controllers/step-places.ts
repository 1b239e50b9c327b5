import { formatRegistry, parseRegistry } from "../annotations/reference.ts";
import { type CachesIn, cacheAt, hostNames } from "../cache/cache-at.ts";
import { type Artifact, cacheOf, type StepPlan } from "../workflow/step.ts";

/** Says of an artifact of a step in which registry it is, in one way alone. */
export type InPlace = <T extends Artifact>(namespace: string, artifact: T) => T;

/**
 * Finds the artifacts that are in the registry of an OrasCache, though the step names its host: steps that name the cache make and
 * read the same. It is looked at anew each time, because a cache may come after its steps, and change its nodeAddress.
 *
 * @param cachesIn - which OrasCaches there are
 * @param clusterDomain - for example `cluster.local`
 */
export function createPlaces(cachesIn: CachesIn, clusterDomain: string): InPlace {
  return (namespace, artifact) => {
    if (cacheOf(artifact) !== undefined) return artifact;
    const registry = parseRegistry(artifact.registry);
    const from = { namespace, clusterDomain };
    const found = cacheAt(registry, from, cachesIn);
    if (found === undefined) return artifact;
    if (found.namespace === namespace) return { ...artifact, registry: `cache ${found.name}` };
    const host = hostNames(from, cachesIn)(registry);
    return { ...artifact, registry: formatRegistry({ ...registry, host }) };
  };
}

/** A plan whose artifacts are named in one way alone. */
export function planInPlace(plan: StepPlan, namespace: string, inPlace: InPlace): StepPlan {
  const { inputs, output, index, left } = plan;
  // Nearly always all of them name an OrasCache.
  if ([...inputs, output, index, left].every((one) => one === undefined || cacheOf(one) !== undefined))
    return plan;
  return {
    ...plan,
    inputs: inputs.map((input) => inPlace(namespace, input)),
    output: output && inPlace(namespace, output),
    ...(index && { index: inPlace(namespace, index) }),
    ...(left && { left: inPlace(namespace, left) }),
  };
}
