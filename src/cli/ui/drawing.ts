import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { visible } from "../../annotations/problems.ts";
import { withHolders } from "../../lineage/blocked.ts";
import { foldGraph } from "../../lineage/fold.ts";
import { type Graph, graphOf, type StepNode } from "../../lineage/graph.ts";
import type { Drawing, Message, PageArtifact, PageStep } from "../../page/protocol.ts";
import { type Objects, stepsOf } from "../graph/steps.ts";
import { quoted } from "./artifacts.ts";
import { positionsOf } from "./positions.ts";

/**
 * What a page shows of a namespace, and what has changed.
 *
 * @param objects - as the API server has them
 * @param before - what the page has
 * @param run - to whose steps the objects are limited
 * @returns the drawing, and the message that makes the one before it: undefined where nothing has changed
 */
export function draw(
  objects: Objects,
  before: Drawing | undefined,
  run?: string,
): { readonly drawing: Drawing; readonly message: Message | undefined } {
  const graph = withHolders(graphOf(stepsOf(objects)));
  const runs = runsOf(objects);
  const steps = graph.steps.map((step) => ({ ...shown(step), ...runs.get(step.id) }));
  const artifacts = graph.artifacts.map(shownArtifact);
  if (before === undefined || !isSameShape(before, steps, artifacts)) {
    const { namespace } = objects;
    const drawing = { ...whole(graph, steps, artifacts, namespace), only: onlyOf(namespace, run) };
    return { drawing, message: { type: "drawing", drawing } };
  }
  const changes = {
    steps: changesOf(before.steps, steps),
    artifacts: changesOf(before.artifacts, artifacts),
  };
  if (changes.steps.length + changes.artifacts.length === 0) return { drawing: before, message: undefined };
  return { drawing: { ...before, steps, artifacts }, message: { type: "changes", ...changes } };
}

function onlyOf(namespace: string, run: string | undefined): Drawing["only"] {
  if (run === undefined) return undefined;
  return { run: visible(run), command: `kubectl oras-cache ui -n ${namespace} --run ${quoted(run)}` };
}

function whole(
  graph: Graph,
  steps: readonly PageStep[],
  artifacts: readonly PageArtifact[],
  namespace: string,
): Drawing {
  const folded = foldGraph(graph);
  const [right, down] = [positionsOf(folded, "right"), positionsOf(folded, "down")];
  const places = new Map([...steps, ...artifacts].map(({ id }, at) => [id, at]));
  const offset = { steps: 0, artifacts: steps.length };
  const nodes = folded.nodes.map(({ type, label, members }, at) => ({
    type,
    label: visible(label),
    members: members.map(({ id }) => (places.get(id) ?? 0) - offset[type]),
    right: right[at] ?? { x: 0, y: 0 },
    down: down[at] ?? { x: 0, y: 0 },
  }));
  return { namespace, steps, artifacts, nodes, edges: folded.edges, cycles: graph.cycles };
}

/** Whoever may create objects has written these words. How a step is held that waits for inputs matters to nobody. */
function shown({ stem, message, leaves, pushed: _, ...step }: StepNode): PageStep {
  const state = step.reason === "WaitingForInputs" ? "waiting" : step.state;
  const left = leaves?.map(({ id, reference, digest }) => ({ id, reference: visible(reference), digest }));
  return {
    ...{ ...step, state },
    ...(message !== undefined && { message: visible(message) }),
    ...(left !== undefined && { leaves: left }),
  };
}

function shownArtifact({ reference, ...artifact }: Graph["artifacts"][number]): PageArtifact {
  return { ...artifact, reference: visible(reference) };
}

function isSameShape(
  before: Drawing,
  steps: readonly PageStep[],
  artifacts: readonly PageArtifact[],
): boolean {
  const isSame = (a: readonly { readonly id: string }[], b: readonly { readonly id: string }[]) =>
    a.length === b.length && a.every(({ id }, at) => id === b[at]?.id);
  return (
    isSame(before.steps, steps) &&
    isSame(before.artifacts, artifacts) &&
    steps.every(
      ({ inputs, outputs }, at) =>
        inputs.join("\n") === before.steps[at]?.inputs.join("\n") &&
        outputs.join("\n") === before.steps[at]?.outputs.join("\n"),
    )
  );
}

function changesOf<T>(before: readonly T[], now: readonly T[]): (readonly [number, T])[] {
  return now.flatMap((each, at) =>
    JSON.stringify(each) === JSON.stringify(before[at]) ? [] : [[at, each] as const],
  );
}

type Run = Pick<PageStep, "createdAt" | "startedAt" | "endedAt">;

function runsOf({ jobs, pods }: Objects): ReadonlyMap<string, Run> {
  return new Map([
    ...pods.map((pod) => [`pod/${pod.metadata?.name}`, runOfPod(pod)] as const),
    ...jobs.map((job) => [`job/${job.metadata?.name}`, runOfJob(job)] as const),
  ]);
}

function runOfJob(job: V1Job): Run {
  const { metadata, status } = job;
  const end = status?.conditions?.find(({ type, status: met }) => type === "Failed" && met === "True");
  return {
    createdAt: written(metadata?.creationTimestamp),
    startedAt: written(status?.startTime),
    endedAt: written(status?.completionTime ?? end?.lastTransitionTime),
  };
}

function runOfPod(pod: V1Pod): Run {
  const { metadata, status } = pod;
  const ends = (status?.containerStatuses ?? []).flatMap(
    ({ state }) => written(state?.terminated?.finishedAt) ?? [],
  );
  const isEnded = ["Succeeded", "Failed"].includes(status?.phase ?? "");
  return {
    createdAt: written(metadata?.creationTimestamp),
    startedAt: written(status?.startTime),
    endedAt: isEnded ? ends.sort().at(-1) : undefined,
  };
}

/** The client library's types say that it is a Date; what the API server sends is text. */
function written(time: unknown): string | undefined {
  if (time instanceof Date) return time.toISOString();
  return typeof time === "string" ? time : undefined;
}
