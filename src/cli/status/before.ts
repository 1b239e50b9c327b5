import { visible } from "../../annotations/problems.ts";
import { hasEnded, holderWords, withHolders } from "../../lineage/blocked.ts";
import { type Graph, graphOf, type Holder, type StepNode } from "../../lineage/graph.ts";
import { type Objects, stepsOf } from "../graph/steps.ts";
import type { Before } from "./facts.ts";

/**
 * What is before a step that waits.
 *
 * @param objects - of its namespace
 * @param id - `job/NAME` or `pod/NAME`
 * @returns undefined where the step is not among them
 */
export function beforeOf(objects: Objects, id: string): Before | undefined {
  const graph = withHolders(graphOf(stepsOf(objects)));
  const stepOf = new Map(graph.steps.map((step) => [step.id, step]));
  const step = stepOf.get(id);
  if (step === undefined) return undefined;
  const { heldBy, reason, message } = step;
  const makers = makersOf(graph, step).flatMap((maker) => stepOf.get(maker) ?? []);
  return {
    noCache: reason === "CacheNotFound" ? message : undefined,
    heldBy: heldBy && { ...heldBy, text: visible(sentenceOf(heldBy, stepOf.get(heldBy.step))) },
    failedBetween: makers
      .filter((maker) => maker.state === "failed" && heldBy?.why === "failed" && maker.id !== heldBy.step)
      .map((maker) => maker.id),
    isInCycle: graph.cycles.some((cycle) => cycle.includes(id)),
    makers: makers.filter((maker) => !hasEnded(maker)).map((maker) => maker.id),
  };
}

function makersOf({ artifacts }: Graph, { id, inputs }: StepNode): readonly string[] {
  const own = new Set(inputs);
  const makers = artifacts.filter((artifact) => own.has(artifact.id)).flatMap(({ madeBy }) => madeBy);
  return [...new Set(makers)].filter((maker) => maker !== id);
}

function sentenceOf(holder: Holder, step: StepNode | undefined): string {
  const words = holderWords(holder);
  const text = `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
  const why = [holder.why === "failed" ? step?.reason : undefined, step?.message].filter(Boolean).join(": ");
  return why === "" ? `${text}.` : `${text}: ${why.replace(/\.$/, "")}.`;
}
