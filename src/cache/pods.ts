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

/** A Pod pulls images, and a node that was restarted starts its Pods, by then. */
const startsWithinMs = 120_000;

/**
 * Whether a registry's Pod is not ready, and has not been for longer than it takes to start or to be replaced.
 *
 * @param pod - as stored
 * @param now - milliseconds since 1970
 */
export function isStarting({ metadata, status }: V1Pod, now: number): boolean {
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status === "True" && metadata?.deletionTimestamp === undefined) return false;
  const since = metadata?.deletionTimestamp ?? ready?.lastTransitionTime ?? metadata?.creationTimestamp;
  return since !== undefined && now - new Date(since).getTime() < startsWithinMs;
}

/** Whether the registry of a Pod answers, also where its keeper does not and the Pod is not ready for that. */
export function registryAnswers({ metadata, status }: V1Pod): boolean {
  const registry = status?.containerStatuses?.find(({ name }) => name === names.registryContainer);
  return registry?.ready === true && metadata?.deletionTimestamp === undefined;
}

/** The address of a Pod, as a host of a URL. */
export function hostOf({ status }: V1Pod): string | undefined {
  const address = status?.podIP;
  return address?.includes(":") ? `[${address}]` : address;
}

/**
 * Which start of a container of a Pod it is.
 *
 * @param pod - with its status
 * @param container - its name
 */
export function startOf({ metadata, status }: V1Pod, container: string): string {
  const found = status?.containerStatuses?.find(({ name }) => name === container);
  // A node that lost what it knew, as by a reboot, counts from 0 again.
  return `${metadata?.uid} ${found?.containerID ?? found?.restartCount ?? 0}`;
}
