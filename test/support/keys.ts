import type { V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { parseAnnotations } from "../../src/annotations/parse.ts";
import { type Key, keyOfStep } from "../../src/lineage/key.ts";
import type { Refusal } from "../../src/lineage/refusals.ts";
import type { Step } from "../../src/lineage/step.ts";
import { readWorkload, workloadKinds } from "../../src/workload/read.ts";
import { keyed, podOf, type StepAnnotations } from "./builders.ts";

/** A digest that consists of one digit. */
export function digest(digit: string): string {
  return `sha256:${digit.repeat(64)}`;
}

/** What a step is without its object. */
export type Around = Partial<Omit<Step, "workload">>;

/**
 * A step of an object that makes an output, with the image `busybox:1.36` and no inputs.
 *
 * @param object - a Pod or a Job
 * @param around - what differs
 * @param map - its annotations besides `output-uri`
 */
export function stepOf(object: { kind?: string }, around: Around = {}, map: StepAnnotations = {}): Step {
  const kind = workloadKinds.find((known) => known.kind === object.kind);
  const workload = kind && readWorkload(kind, object);
  if (workload === undefined || "expected" in workload) throw new Error(JSON.stringify(workload));
  const read = parseAnnotations(keyed({ "output-uri": "a/b:c", ...map }));
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  return {
    ...{ workload, settings: read.value, launchers: [0], inputs: [] },
    images: new Map([["busybox:1.36", digest("b")]]),
    ...{ ignoreEnv: new Set(), assume: new Set() },
    ...around,
  };
}

/** A Pod whose only container is the one given, and more of its spec. */
export function podWith(container: object = {}, spec: Partial<V1PodSpec> = {}): V1Pod {
  return podOf("step", {}, "true", container, spec);
}

/** The key; throws where there is none. */
export function keyFor(step: Step): Key {
  const result = keyOfStep(step);
  if (!result.ok) throw new Error(JSON.stringify(result.refusals));
  return result.value;
}

/** Why there is none. */
export function refusalsOf(step: Step): readonly Refusal[] {
  const result = keyOfStep(step);
  return result.ok ? [] : result.refusals;
}
