import { names } from "../../schema/names.ts";
import { indexText } from "../common/indexes.ts";
import type { KubeClient } from "../kube/client.ts";
import { type KubeObject, patchMerge, patchStrategic } from "../kube/objects.ts";
import { conditionOf, type Held, pinned, placeOf, resourceOf, time } from "./gate-writes.ts";
import { memoizedReason, type StepJob } from "./step-jobs.ts";

/** What is about to be given to a step: which result, and what its tag was before. */
export interface Claim {
  readonly key: string;
  /** Of the result. */
  readonly digest: string;
  /** `none` where there was no tag. */
  readonly before: string;
  /** Who made it, and when. */
  readonly from: string;
}

/** The claim of a step, if it has one. */
export function claimOf({ metadata }: KubeObject): Claim | undefined {
  const [key, digest, before, ...from] = metadata?.annotations?.[names.memoClaimAnnotation]?.split(" ") ?? [];
  return key && digest && before ? { key, digest, before, from: from.join(" ") } : undefined;
}

/**
 * The first of three writes: says on a step which result it is about to get. Refused where it has changed since it was seen.
 *
 * @param pins - what its inputs are, of a Job of which some indexes may run: whoever opens it then reads the same
 * @returns the step as it is then: the third write is refused where it has changed since
 */
export async function claim(
  client: KubeClient,
  held: Held,
  { key, digest, before, from }: Claim,
  pins?: readonly string[],
): Promise<Held> {
  const { uid, resourceVersion } = held.object.metadata ?? {};
  const object = await patchMerge<KubeObject>(client, resourceOf(held), placeOf(held), {
    metadata: {
      ...{ uid, resourceVersion },
      annotations: { [names.memoClaimAnnotation]: `${key} ${digest} ${before} ${from}` },
    },
    ...(pins && { spec: { template: pinned(pins) } }),
  });
  return { ...held, object };
}

/**
 * The third: ends a step that has its result, without a Pod.
 *
 * @param held - as it was claimed
 * @param indexes - how many an Indexed Job has; undefined for another one
 * @param message - what people read
 */
export async function endAsMemoized(
  client: KubeClient,
  held: Held,
  { indexes, message }: { readonly indexes: number | undefined; readonly message: string },
): Promise<void> {
  const now = client.now();
  const place = { ...placeOf(held), subresource: "status" } as const;
  const { uid, resourceVersion } = held.object.metadata ?? {};
  const metadata = { uid, resourceVersion };
  const told = { status: "True", reason: memoizedReason, message } as const;
  const ended = (type: string, status: "True" | "False") => conditionOf(type, { ...told, status }, now);
  if (held.isPod) {
    await patchStrategic(client, resourceOf(held), place, {
      metadata,
      status: {
        ...{ phase: "Succeeded", reason: memoizedReason, message },
        // kubectl would go on to say SchedulingGated.
        conditions: [ended("PodScheduled", "False"), ended(names.inputsAvailable, "True")],
      },
    });
    return;
  }
  const { spec } = held.object as StepJob;
  const succeeded = indexes ?? spec?.completions ?? spec?.parallelism ?? 1;
  await patchStrategic(client, resourceOf(held), place, {
    metadata,
    status: {
      // Without a start the API server refuses what the Job controller writes then (kubernetes#132144).
      ...(held.startedBefore ? {} : { startTime: time(now) }),
      succeeded,
      ...(indexes === undefined ? {} : { completedIndexes: indexText(Array(indexes).keys()) }),
      conditions: [
        // Some health checks look at this one first.
        ended("Suspended", "False"),
        ended("SuccessCriteriaMet", "True"),
        ended(names.inputsAvailable, "True"),
      ],
    },
  });
}

/**
 * The third write where only some indexes of a Job have their results: they are complete, and get no Pods when it is resumed. The Job
 * controller counts from there.
 *
 * @param held - as it was claimed
 * @param which - as the Job controller writes them, and how many they are
 * @returns the step as it is then: it is refused to be opened where it has changed since
 */
export async function giveIndexes(
  client: KubeClient,
  held: Held,
  { indexes, count }: { readonly indexes: string; readonly count: number },
): Promise<Held> {
  const { uid, resourceVersion } = held.object.metadata ?? {};
  const place = { ...placeOf(held), subresource: "status" } as const;
  const object = await patchMerge<KubeObject>(client, resourceOf(held), place, {
    metadata: { uid, resourceVersion },
    status: { succeeded: count, completedIndexes: indexes },
  });
  return { ...held, object };
}

/** Says on a step that has ended so that it did not run, and who made its result. Refused where it has changed since it was seen. */
export async function markMemoized(client: KubeClient, held: Held, from: string): Promise<void> {
  const { uid, resourceVersion } = held.object.metadata ?? {};
  await patchMerge(client, resourceOf(held), placeOf(held), {
    metadata: {
      ...{ uid, resourceVersion },
      labels: { [names.memoizedLabel]: "true", [names.waitingLabel]: "false" },
      annotations: {
        [names.memoizedFromAnnotation]: from,
        [names.memoClaimAnnotation]: null,
        [names.waitingForAnnotation]: null,
      },
    },
  });
}

/** Says on a step that ran what has become of its result. */
export async function markRecorded(
  client: KubeClient,
  held: Pick<Held, "object" | "isPod">,
  key: string,
  word: string,
): Promise<void> {
  await patchMerge(client, resourceOf(held), placeOf(held), {
    metadata: {
      uid: held.object.metadata?.uid,
      annotations: { [names.memoKeyAnnotation]: `${key} ${word}` },
    },
  });
}
