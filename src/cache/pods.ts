import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";

/** The registry's container in the spec of a Pod. */
export function registryIn(spec: V1PodSpec | undefined): V1Container | undefined {
  return spec?.containers.find(({ name }) => name === names.registryContainer);
}

/** Whether a registry's Pod is ready, and not about to end. */
export function isReady({ metadata, status }: V1Pod): boolean {
  const conditions = status?.conditions ?? [];
  const isTrue = conditions.some(({ type, status }) => type === "Ready" && status === "True");
  return isTrue && metadata?.deletionTimestamp === undefined;
}
