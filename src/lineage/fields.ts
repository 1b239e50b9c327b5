import type { V1Container, V1ObjectFieldSelector, V1ResourceFieldSelector } from "@kubernetes/client-node";
import { quoted } from "../annotations/problems.ts";
import { amountOf } from "../annotations/quantity.ts";
import { completionIndexKey, jobNameLabel } from "../workload/pod.ts";
import { isPod } from "../workload/workload.ts";
import { hidden } from "./canonical.ts";
import { type Reading, refuseUnless, type Step } from "./step.ts";

/** A value that the kubelet fills in, as it is in a key: the value itself where it is known, else what was written. */
export type Filled =
  | { readonly resolved: string }
  | { readonly fieldRef: object }
  | { readonly resourceFieldRef: object };

/** The API server and the Job controller give them to the Pods of a Job; the values are other ones in each run. */
const ofOneRun = new Set(["batch.kubernetes.io/controller-uid", jobNameLabel, "controller-uid", "job-name"]);

/**
 * What a program reads of its Pod by a `fieldRef`.
 *
 * @param reading - of the step; gets a refusal where the value is another one in each Pod
 * @param selector - of a variable or of a file
 * @param path - of the selector, for messages
 */
export function fieldValue(reading: Reading, selector: V1ObjectFieldSelector, path: string): Filled {
  const value = knownValue(reading.step, selector.fieldPath);
  if (value !== undefined) return { resolved: hidden(value) };
  const message = `found ${quoted(selector.fieldPath)}, which is different in each Pod or not known before it runs.`;
  refuseUnless(reading, "identity", "IdentityNotSeen", `${path}.fieldPath`, message);
  return { fieldRef: selector };
}

/** @returns undefined where it is another one in each Pod, or not known */
function knownValue(step: Step, fieldPath: string): unknown {
  const [, map, key = ""] = /^metadata\.(labels|annotations)\['(.*)'\]$/s.exec(fieldPath) ?? [];
  if (map === "labels" || map === "annotations") return knownItem(step, map, key);
  const { metadata, template } = step.workload;
  switch (fieldPath) {
    case "metadata.namespace":
      return metadata?.namespace;
    case "metadata.annotations":
      return allAnnotations(step);
    case "metadata.labels":
      return allLabels(step);
    case "spec.serviceAccountName":
      return template.spec.serviceAccountName ?? "default";
    default:
      return undefined;
  }
}

function knownItem(
  { workload, completionIndex }: Step,
  map: "labels" | "annotations",
  key: string,
): string | undefined {
  const value = workload.template.metadata?.[map]?.[key];
  if (key === completionIndexKey) return completionIndex === undefined ? value : `${completionIndex}`;
  return map === "labels" && ofOneRun.has(key) ? undefined : (value ?? "");
}

/** Of a Pod. The Pods of an Indexed Job get one more than its template has. */
function allAnnotations({ workload, completionIndex }: Step): object {
  const annotations = workload.template.metadata?.annotations ?? {};
  if (completionIndex === undefined) return annotations;
  return { ...annotations, [completionIndexKey]: `${completionIndex}` };
}

function allLabels({ workload }: Step): object | undefined {
  const labels = workload.template.metadata?.labels ?? {};
  return isPod(workload) && !Object.keys(labels).some((label) => ofOneRun.has(label)) ? labels : undefined;
}

/**
 * What a program reads of its resources by a `resourceFieldRef`. An amount that is not set is the node's, or that of a
 * LimitRange, which counts when the Pod is made.
 *
 * @param reading - of the step; gets a refusal where the amount is not set
 * @param selector - of a variable or of a file
 * @param path - of the selector, for messages
 * @param own - the container that reads it, where there is one
 */
export function resourceValue(
  reading: Reading,
  selector: V1ResourceFieldSelector,
  path: string,
  own?: V1Container,
): Filled {
  const { spec } = reading.step.workload.template;
  const containers = [...(spec.initContainers ?? []), ...spec.containers];
  const named = selector.containerName;
  const container = named ? containers.find(({ name }) => name === named) : own;
  const [, part, resource = ""] = /^(limits|requests)\.(.+)$/s.exec(selector.resource) ?? [];
  const { limits, requests } = container?.resources ?? {};
  // Requests that are not set are the limits: in a Pod the API server writes that down, in a template it does not.
  const quantity = part === "requests" ? (requests?.[resource] ?? limits?.[resource]) : limits?.[resource];
  const value = quantity === undefined ? Number.NaN : divided(quantity, selector.divisor);
  if (part !== undefined && Number.isFinite(value)) return { resolved: hidden(`${value}`) };
  const message = `found ${quoted(selector.resource)}, and the container does not set it.`;
  refuseUnless(reading, "identity", "AmountNotSet", `${path}.resource`, message);
  return { resourceFieldRef: selector };
}

/** As the kubelet counts: whole divisors, rounded up. A divisor of 0, which the API server stores, is 1. */
function divided(quantity: string, divisor: string | undefined): number {
  const thousandths = (amount: string) => Math.round(amountOf(`${amount}`) * 1000);
  return Math.ceil(thousandths(quantity) / (thousandths(divisor ?? "1") || 1000));
}
