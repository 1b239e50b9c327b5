import { names } from "../../schema/names.ts";
import { lifeAnnotations, lifeLabels } from "../annotations/map.ts";
import { type Defaults, type Settings, waitsForInputs } from "../annotations/settings.ts";
import { variablesOf } from "../annotations/variables.ts";
import {
  isPod,
  ownedBy,
  ownedByController,
  type PodTemplate,
  putBack,
  type Workload,
} from "../workload/workload.ts";

import { hasKueueGate, isQueued, withKueueGate, withoutKueueGate } from "./kueue.ts";

/**
 * How a step is held until its inputs are there: a Job is suspended by the operator, or was by its author, who resumes it;
 * its Pods have a scheduling gate each, as a Pod has; or nothing holds it, and the container that pulls waits.
 */
export type Gate = "suspend" | "author" | "pod" | "in-pod";

/**
 * Chooses how a step is held.
 *
 * @param workload - the step, as it is created
 * @param settings - what its author asked for
 * @param holds - whether the installation holds steps at all
 * @returns undefined where it does not wait
 */
export function gateOf(workload: Workload, settings: Settings, holds: boolean): Gate | undefined {
  if (!waitsForInputs(settings)) return undefined;
  if (!holds) return "in-pod";
  if (workload.template.spec.nodeName) return "in-pod";
  // A node is known when the Pod is scheduled.
  if (variablesOfInputs(settings).includes("NODE_NAME")) return "in-pod";
  if (isPod(workload)) return "pod";
  // JobSet resumes each Job that it has made and that is suspended.
  if (variesByPod(settings) || isMadeByOthers(workload)) return "pod";
  const { metadata } = workload;
  const isOurs = metadata?.annotations?.[names.gateAnnotation] === "suspend";
  // Kueue suspends each Job of a queue before this is called, and resumes it, whoever has suspended it.
  const isTheirs = suspends(workload) && !isOurs && !isQueued(metadata?.labels);
  return isTheirs ? "author" : "suspend";
}

/**
 * What counts for a step where its annotations do not say it: what its OrasCache said when it was created.
 *
 * @param gate - the annotation gate, if it has one
 */
export function decidedDefaults(gate: string | undefined): Defaults {
  return { ...(gate !== undefined && { "wait-for-inputs": "true" }) };
}

/** Whether the Pods of a step may have different inputs. */
export function variesByPod(settings: Settings): boolean {
  return variablesOfInputs(settings).some((name) =>
    ["POD_NAME", "POD_UID", "JOB_COMPLETION_INDEX"].includes(name),
  );
}

function variablesOfInputs({ inputs }: Settings) {
  return variablesOf(...inputs.flatMap(({ repository, version }) => [repository, version]));
}

/** A CronJob does not look whether its Jobs are suspended. */
function isMadeByOthers(workload: Workload): boolean {
  return ownedByController(workload) && !ownedBy(workload, "CronJob");
}

function suspends({ object }: Workload): boolean {
  return (object as { readonly spec: { readonly suspend?: unknown } }).spec.suspend === true;
}

/**
 * A step that is held, from its creation on.
 *
 * @param workload - the step, without what an earlier life has left
 * @param gate - how
 */
export function hold(workload: Workload, gate: Gate): Workload {
  const { template, metadata } = workload;
  const kueue = isQueued(metadata?.labels) ? withKueueGate(metadata?.annotations) : {};
  const mark = { annotations: { [names.gateAnnotation]: gate }, labels: { [names.waitingLabel]: "true" } };
  if (gate === "in-pod") return withMetadata(workload, { annotations: mark.annotations });
  if (gate === "pod") {
    const gates = (template.spec.schedulingGates ?? []).filter(({ name }) => name !== names.inputsGate);
    const ofPod = isPod(workload) ? { ...mark, annotations: { ...mark.annotations, ...kueue } } : mark;
    const gated: PodTemplate = {
      metadata: merged(template.metadata, ofPod),
      spec: { ...template.spec, schedulingGates: [...gates, { name: names.inputsGate }] },
    };
    if (isPod(workload)) return putBack(workload, gated);
    return putBack(workload, gated, merged(metadata, { annotations: mark.annotations }));
  }
  const held = withMetadata(workload, { ...mark, annotations: { ...mark.annotations, ...kueue } });
  const object = held.object as { readonly spec: object };
  return { ...held, object: { ...object, spec: { ...object.spec, suspend: true } } };
}

/**
 * A step that nothing of the operator's holds any more.
 *
 * @param held - the step, with its annotations
 */
export function release(held: Workload): Workload {
  const workload = withoutKueue(held);
  const { template } = workload;
  const { schedulingGates = [] } = template.spec;
  const others = schedulingGates.filter(({ name }) => name !== names.inputsGate);
  const { schedulingGates: _, ...rest } = template.spec;
  const spec = others.length > 0 ? { ...rest, schedulingGates: others } : rest;
  const ungated =
    others.length === schedulingGates.length ? workload : putBack(workload, { ...template, spec });
  if (isPod(workload) || workload.metadata?.annotations?.[names.gateAnnotation] !== "suspend") return ungated;
  const object = ungated.object as { readonly spec: { readonly suspend?: unknown } };
  const { suspend: __, ...running } = object.spec;
  return { ...ungated, object: { ...object, spec: running } };
}

function withoutKueue(workload: Workload): Workload {
  const { annotations } = workload.metadata ?? {};
  if (!hasKueueGate(annotations)) return workload;
  const left = Object.entries({ ...annotations, ...withoutKueueGate(annotations) });
  const metadata = {
    ...workload.metadata,
    annotations: Object.fromEntries(left.flatMap(([key, value]) => (value === null ? [] : [[key, value]]))),
  };
  if (isPod(workload)) return putBack(workload, { ...workload.template, metadata });
  return putBack(workload, workload.template, metadata);
}

interface Marks {
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

function withMetadata(workload: Workload, marks: Marks): Workload {
  const metadata = merged(workload.metadata, marks);
  if (isPod(workload)) return putBack(workload, { ...workload.template, metadata });
  return putBack(workload, workload.template, metadata);
}

function merged(metadata: PodTemplate["metadata"], { annotations, labels }: Marks) {
  return {
    ...metadata,
    annotations: { ...metadata?.annotations, ...annotations },
    ...(labels && { labels: { ...metadata?.labels, ...labels } }),
  };
}

/**
 * A step without what the operator writes while it waits: a manifest that was read from a cluster has it of another life.
 *
 * @param workload - as it is created
 */
export function withoutOutputs(workload: Workload): Workload {
  const template = { ...workload.template, ...cleaned(workload.template.metadata) };
  if (isPod(workload))
    return template.metadata === workload.metadata ? workload : putBack(workload, template);
  const own = cleaned(workload.metadata).metadata;
  const isSame = template.metadata === workload.template.metadata && own === workload.metadata;
  return isSame ? workload : putBack(workload, template, own);
}

function cleaned(metadata: PodTemplate["metadata"]): Pick<PodTemplate, "metadata"> {
  const annotations = without(metadata?.annotations, [names.gateAnnotation, ...lifeAnnotations]);
  const labels = without(metadata?.labels, lifeLabels);
  if (annotations === metadata?.annotations && labels === metadata?.labels)
    return metadata ? { metadata } : {};
  return { metadata: { ...metadata, annotations, labels } as NonNullable<PodTemplate["metadata"]> };
}

function without(map: Record<string, string> | undefined, keys: readonly string[]) {
  if (!map || !keys.some((key) => key in map)) return map;
  return Object.fromEntries(Object.entries(map).filter(([key]) => !keys.includes(key)));
}
