import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { resolveKey } from "../annotations/keys.ts";

type Annotations = Readonly<Record<string, string>> | undefined;

/**
 * The inputs that the annotations of a Pod name, unless it has ended. From which cache does not matter: what a step of the
 * namespace needs of another one is kept here, too.
 *
 * @param pod - any
 */
export function inputsOfPod({ metadata, status }: V1Pod): string[] {
  const hasEnded = ["Succeeded", "Failed"].includes(status?.phase ?? "");
  return hasEnded ? [] : inputsIn(metadata?.annotations);
}

/**
 * The inputs that a Job names, unless it has ended: its Pods may be made later, or again.
 *
 * @param job - any
 */
export function inputsOfJob({ metadata, spec, status }: V1Job): string[] {
  const hasEnded = status?.conditions?.some(
    ({ type, status: is }) => (type === "Complete" || type === "Failed") && is === "True",
  );
  return hasEnded
    ? []
    : [...inputsIn(metadata?.annotations), ...inputsIn(spec?.template.metadata?.annotations)];
}

function inputsIn(annotations: Annotations): string[] {
  return Object.entries(annotations ?? {}).flatMap(([key, value]) => {
    if (!key.startsWith(names.prefix)) return [];
    const slot = resolveKey(key);
    return "name" in slot && slot.name === "input-uri" ? [value] : [];
  });
}
