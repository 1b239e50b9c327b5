import type { V1Job, V1Pod } from "@kubernetes/client-node";
import type { StepNode } from "../../lineage/graph.ts";
import type { Times } from "../../lineage/prov.ts";

/**
 * When steps ran, as Jobs and Pods say.
 *
 * @param objects - of one namespace
 */
export function timesIn({
  jobs,
  pods,
}: {
  readonly jobs: readonly V1Job[];
  readonly pods: readonly V1Pod[];
}): (step: StepNode) => Times {
  const known = new Map<string, Times>([
    ...jobs.map((job) => [`job/${job.metadata?.name}`, timesOfJob(job)] as const),
    ...pods.map((pod) => [`pod/${pod.metadata?.name}`, timesOfPod(pod)] as const),
  ]);
  return ({ id }) => known.get(id) ?? {};
}

function timesOfJob({ status }: V1Job): Times {
  const { startTime, completionTime, conditions = [] } = status ?? {};
  const failed = conditions.find(({ type, status: is }) => type === "Failed" && is === "True");
  return { startedOn: textOf(startTime), finishedOn: textOf(completionTime ?? failed?.lastTransitionTime) };
}

function timesOfPod({ status }: V1Pod): Times {
  const ends = (status?.containerStatuses ?? []).flatMap(({ state }) => state?.terminated?.finishedAt ?? []);
  const isOver = ["Succeeded", "Failed"].includes(status?.phase ?? "");
  const last = ends
    .flatMap((time) => textOf(time) ?? [])
    .sort()
    .at(-1);
  return { startedOn: textOf(status?.startTime), finishedOn: isOver ? last : undefined };
}

/** What the API server sends is a text, whatever the types of its client say. */
function textOf(time: Date | string | undefined): string | undefined {
  const read = new Date(time ?? Number.NaN);
  return Number.isNaN(read.getTime()) ? undefined : read.toISOString();
}
