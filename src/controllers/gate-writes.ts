import { names } from "../../schema/names.ts";
import type { KubeClient } from "../kube/client.ts";
import { isStatus } from "../kube/errors.ts";
import { type KubeObject, patchMerge, patchStrategic } from "../kube/objects.ts";
import { type Resource, resources } from "../kube/resources.ts";
import type { Gate } from "../workflow/gate.ts";
import { withoutKueueGate } from "../workflow/kueue.ts";

/** A step that waits, as it was when its writes were decided: each is refused where it has changed since. */
export interface Held {
  readonly object: KubeObject;
  readonly isPod: boolean;
  readonly gate: Gate;
  /** Of a Job: whether it is suspended, and whether it has run before. */
  readonly isSuspended: boolean;
  readonly startedBefore: boolean;
  /** Of a Job: whether it is for a queue of Kueue, which resumes it. */
  readonly isQueued: boolean;
  /** Of a Job: who else writes its status, if anybody does. The operator writes nothing there then. */
  readonly otherManager: string | undefined;
  /** Of a Pod: names of all gates that it has. */
  readonly schedulingGates: readonly string[];
}

/** What a condition of a step says. */
export interface Told {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** Remembers what a step waits for. */
export async function remember(client: KubeClient, held: Held, record: string): Promise<void> {
  await patchMerge(client, resourceOf(held), placeOf(held), {
    metadata: { ...versionOf(held), annotations: { [names.waitingForAnnotation]: record } },
  });
}

/**
 * Lets a step start with its inputs as they are now.
 *
 * @param pins - a word for each input
 * @param by - the key by which its result is remembered, where it is; whether Kueue resumes a Job, when it has quota; and whose results
 *   some of its indexes have got, if any
 */
export async function open(
  client: KubeClient,
  held: Held,
  pins: readonly string[],
  {
    key,
    byKueue,
    from,
  }: {
    readonly key?: string | undefined;
    readonly byKueue: boolean;
    readonly from?: string | undefined;
  },
): Promise<void> {
  const { annotations: digests } = pinned(pins).metadata;
  const metadata = {
    ...versionOf(held),
    labels: { [names.waitingLabel]: "false" },
    annotations: {
      ...nothingLeft(held),
      ...(key === undefined ? {} : { [names.memoKeyAnnotation]: key }),
      ...(from === undefined ? {} : { [names.memoizedFromAnnotation]: from }),
    },
  };
  if (held.isPod) {
    const others = held.schedulingGates.filter((name) => name !== names.inputsGate);
    await patchMerge(client, resources.pods, placeOf(held), {
      metadata: { ...metadata, annotations: { ...metadata.annotations, ...digests } },
      spec: { schedulingGates: others.map((name) => ({ name })) },
    });
    return;
  }
  // Its author resumes it, or Kueue.
  const resumed = held.gate === "author" || byKueue ? {} : { suspend: false };
  const write = (spec: object) =>
    patchMerge(client, resources.jobs, placeOf(held), { metadata, spec: { ...resumed, ...spec } });
  try {
    await write({ template: pinned(pins) });
  } catch (error) {
    // Before 1.36 the template of a Job that has started once cannot be changed, also while it is suspended again. Its
    // Pods look for their inputs themselves then.
    if (!held.startedBefore || !isStatus(error, 422)) throw error;
    await write({});
  }
}

/** What a Pod, or the template of a Job, has of what its inputs are. */
export function pinned(pins: readonly string[]) {
  return { metadata: { annotations: { [names.inputDigestsAnnotation]: pins.join(",") } } };
}

/**
 * Says of a step that it does not wait any more: of a Job that somebody else has resumed, which starts with its inputs as they are, as
 * its template cannot be changed any more; and of a step that has ended while it waited.
 */
export async function letGo(client: KubeClient, held: Held): Promise<undefined> {
  await patchMerge(client, resourceOf(held), placeOf(held), {
    metadata: {
      ...versionOf(held),
      labels: { [names.waitingLabel]: "false" },
      annotations: nothingLeft(held),
    },
  });
}

/** A step that has started or ended waits for nothing, and gets the result of no other one. */
function nothingLeft({ object }: Held): Record<string, string | null> {
  const written = { [names.waitingForAnnotation]: null, [names.memoClaimAnnotation]: null };
  return { ...written, ...withoutKueueGate(object.metadata?.annotations) };
}

/** Says in a step's status whether its inputs are there, unless that is somebody else's. */
export async function tellCondition(client: KubeClient, held: Held, told: Told, now: number): Promise<void> {
  if (held.otherManager !== undefined) return;
  await patchStrategic(
    client,
    resourceOf(held),
    { ...placeOf(held), subresource: "status" },
    {
      metadata: { uid: held.object.metadata?.uid },
      status: { conditions: [conditionOf(names.inputsAvailable, told, now)] },
    },
  );
}

/** Ends a step that never starts, as failed. */
export async function fail(
  client: KubeClient,
  held: Held,
  { reason, message }: { readonly reason: string; readonly message: string },
  now: number,
): Promise<void> {
  const place = { ...placeOf(held), subresource: "status" } as const;
  const told = { status: "True", reason, message } as const;
  const available = conditionOf(names.inputsAvailable, { ...told, status: "False" }, now);
  const metadata = versionOf(held);
  if (held.isPod) {
    const scheduled = conditionOf("PodScheduled", { ...told, status: "False" }, now);
    await patchStrategic(client, resources.pods, place, {
      metadata,
      // A condition that a podFailurePolicy can name.
      status: {
        phase: "Failed",
        reason,
        message,
        conditions: [conditionOf(reason, told, now), scheduled, available],
      },
    });
    return;
  }
  await patchStrategic(client, resources.jobs, place, {
    metadata,
    // Without a start the API server refuses what the Job controller writes then (kubernetes#132144).
    // One that has started before has one, which cannot be changed.
    status: {
      ...(held.startedBefore ? {} : { startTime: time(now) }),
      conditions: [conditionOf("FailureTarget", told, now), available],
    },
  });
}

/** A condition as the API server stores it. */
export function conditionOf(type: string, { status, reason, message }: Told, now: number): object {
  const at = time(now);
  return { type, status, reason, message, lastProbeTime: at, lastTransitionTime: at };
}

/** A time as the API server stores it. */
export function time(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
}

/** Of which kind a step is. */
export function resourceOf({ isPod }: Pick<Held, "isPod">): Resource {
  return isPod ? resources.pods : resources.jobs;
}

/** Where a step is. */
export function placeOf({ object }: Pick<Held, "object">) {
  return { namespace: object.metadata?.namespace, name: object.metadata?.name };
}

function versionOf({ object }: Held) {
  return { uid: object.metadata?.uid, resourceVersion: object.metadata?.resourceVersion };
}
