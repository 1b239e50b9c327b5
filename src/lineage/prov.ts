import type { Json } from "./canonical.ts";
import { type Graph, leftOf, madeOutputs, type StepNode } from "./graph.ts";

/** When a step ran. */
export interface Times {
  readonly startedOn?: string | undefined;
  readonly finishedOn?: string | undefined;
}

const prefix = "https://github.com/converged-computing/oras-operator/blob/main/docs/lineage.md#";

/** Whether a step has used something. */
export function hasRun({ state }: Pick<StepNode, "state">): boolean {
  return ["running", "succeeded", "failed"].includes(state);
}

/**
 * A graph as W3C PROV in JSON: artifacts are entities, steps activities. A step that has not run has neither used nor made anything,
 * and is not in it. What a step has left when it failed is generated, too, with the role `failure-uri`.
 *
 * @param graph - who makes what from what
 * @param namespace - of all steps
 * @param timesOf - of a step
 * @see https://www.w3.org/submissions/prov-json/
 */
export function provOf(graph: Graph, namespace: string, timesOf: (step: StepNode) => Times): Json {
  const ran = graph.steps.filter(hasRun);
  const used = ran.flatMap(({ id, inputs }) => inputs.map((input) => [id, input] as const));
  const generated = ran.flatMap((step) => madeOutputs(step).map((output) => [step.id, output] as const));
  const left = ran.flatMap((step) => leftOf(step).map((artifact) => [step.id, artifact.id] as const));
  const named = new Set([...used, ...generated, ...left].map(([, artifact]) => artifact));
  const entities = [...graph.artifacts, ...graph.left].filter(({ id }) => named.has(id));
  return {
    prefix: { oras: prefix, step: `${prefix}step-`, artifact: `${prefix}artifact-` },
    entity: Object.fromEntries(
      entities.map(({ id, reference, digest }) => [
        nameOf("artifact", id),
        { "prov:label": reference, "prov:location": `oci://${id}`, ...(digest && { "oras:digest": digest }) },
      ]),
    ),
    activity: Object.fromEntries(
      ran.map((step) => [nameOf("step", step.id), activityOf(step, namespace, timesOf(step))]),
    ),
    agent: { "oras:builder": { "prov:type": { $: "prov:SoftwareAgent", type: "prov:QUALIFIED_NAME" } } },
    used: relations(used, "prov:activity", "prov:entity", "u"),
    wasGeneratedBy: {
      ...relations(generated, "prov:activity", "prov:entity", "g"),
      ...relations(left, "prov:activity", "prov:entity", "l", { "prov:role": "failure-uri" }),
    },
    wasAssociatedWith: Object.fromEntries(
      ran.map(({ id }, at) => [
        `_:a${at}`,
        { "prov:activity": nameOf("step", id), "prov:agent": "oras:builder" },
      ]),
    ),
  };
}

function activityOf(
  { id, state, memoizedFrom }: StepNode,
  namespace: string,
  { startedOn, finishedOn }: Times,
): Json {
  return {
    "prov:label": id,
    "oras:namespace": namespace,
    "oras:state": state,
    ...(memoizedFrom !== undefined && { "oras:memoizedFrom": memoizedFrom }),
    ...(startedOn !== undefined && { "prov:startTime": startedOn }),
    ...(finishedOn !== undefined && { "prov:endTime": finishedOn }),
  };
}

function relations(
  pairs: readonly (readonly [string, string])[],
  of: string,
  to: string,
  letter: string,
  more: { readonly [attribute: string]: Json } = {},
): Readonly<Record<string, Json>> {
  return Object.fromEntries(
    pairs.map(([step, artifact], at) => [
      `_:${letter}${at}`,
      { [of]: nameOf("step", step), [to]: nameOf("artifact", artifact), ...more },
    ]),
  );
}

/** A qualified name may not have every character of an address. */
function nameOf(kind: "step" | "artifact", id: string): string {
  return `${kind}:${encodeURIComponent(id)}`;
}
