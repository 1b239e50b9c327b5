import type { V1StatefulSet } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "./types.ts";

/** Who reaches a registry over the network. */
export type NetworkMode = "namespace" | "none";

/** What decides that, besides the spec. */
export interface NetworkFacts {
  /** What the installation wants of registries whose spec does not say. */
  readonly network: NetworkMode;
  /** The StatefulSet as it is. */
  readonly statefulSet: V1StatefulSet | undefined;
}

/**
 * Who is to reach the registry of a cache. One that runs without a NetworkPolicy, and whose spec does not say, stays so:
 * steps of other namespaces may use it, and would lose their output.
 *
 * @param cache - as stored
 * @param facts - see there
 */
export function networkModeOf(
  { spec }: StoredOrasCache,
  { network, statefulSet }: NetworkFacts,
): NetworkMode {
  const { mode, from } = spec.networkPolicy ?? {};
  if (mode !== undefined) return mode;
  if (from !== undefined) return "namespace";
  return statefulSet === undefined || isRecorded(statefulSet) ? network : "none";
}

/**
 * Whether a StatefulSet is that of a registry with a NetworkPolicy.
 *
 * @param statefulSet - as it is
 */
export function isRecorded({ metadata }: V1StatefulSet): boolean {
  return metadata?.annotations?.[names.networkPolicyAnnotation] === "namespace";
}

/**
 * The annotations of a StatefulSet by which the operator knows later what its NetworkPolicy was.
 *
 * @param mode - who reaches the registry
 */
export function networkRecord(mode: NetworkMode): Record<string, string> {
  return mode === "namespace" ? { [names.networkPolicyAnnotation]: mode } : {};
}
