import type { V1Container, V1PodSpec, V1PodTemplateSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isCovered } from "./covered.ts";
import { changesOf } from "./pod-changes.ts";

/** A Pod, or the template of one. */
interface Templated {
  readonly spec?: V1PodSpec;
}

const begin = "--user=";

/** The operator's users that a registry's Pod was made with. */
export function usersIn(spec: V1PodSpec | undefined): string[] {
  const init = spec?.initContainers?.find(({ name }) => name === names.keeperInitContainer);
  return (init?.args ?? []).filter((word) => word.startsWith(begin)).map((word) => word.slice(begin.length));
}

/** Whether a keeper runs beside a registry, which can be told of other users. */
export function hasKeeperIn(spec: V1PodSpec | undefined): boolean {
  return spec?.containers.some(({ name }) => name === names.keeperContainer) ?? false;
}

/**
 * Whether a template differs from the one before by the operator's users alone, which keepers are told of: then no Pod is
 * replaced for it. New Pods are made with them.
 *
 * @param now - as it should be
 * @param before - as it is
 */
export function differsByUsers(now: V1PodTemplateSpec, before: V1PodTemplateSpec | undefined): boolean {
  if (before === undefined || !hasKeeperIn(now.spec) || isCovered(now, before)) return false;
  return isCovered(withoutUsers(now), withoutUsers(before));
}

/** The same of a Pod and its template. */
export function podDiffersByUsers(template: V1PodTemplateSpec, pod: Templated): boolean {
  return (
    hasKeeperIn(pod.spec) &&
    changesOf(template, pod).length > 0 &&
    changesOf(withoutUsers(template), withoutUsers(pod)).length === 0
  );
}

function withoutUsers<T extends Templated>(template: T): T {
  const { spec } = template;
  if (spec === undefined) return template;
  const { initContainers, containers } = spec;
  const others = initContainers === undefined ? {} : { initContainers: initContainers.map(plain) };
  return { ...template, spec: { ...spec, ...others, containers: containers.map(plain) } };
}

function plain(container: V1Container): V1Container {
  const { name, args } = container;
  const isKeepers = name === names.keeperInitContainer || name === names.keeperContainer;
  if (!isKeepers || args === undefined) return container;
  return { ...container, args: args.filter((word) => !word.startsWith(begin)) };
}
