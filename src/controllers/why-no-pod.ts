import type { V1Pod, V1StatefulSet } from "@kubernetes/client-node";
import { refusedPod, type Trouble } from "../cache/trouble.ts";
import { createBackoff } from "../common/backoff.ts";
import type { KubeClient } from "../kube/client.ts";
import { forgetOldest } from "../kube/forget.ts";
import { indexBy } from "../kube/index-by.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { pathOf, resources } from "../kube/resources.ts";
import { nameTaken } from "./child-owner.ts";

/** An Event about a StatefulSet, as far as it is looked at. */
export interface StatefulSetEvent extends KubeObject {
  regarding?: { namespace?: string; name?: string; uid?: string };
  note?: string;
}

/** The Events that are watched: the StatefulSet controller's when the API server refuses a Pod. */
export const failedCreations = "regarding.kind=StatefulSet,reason=FailedCreate";

/** Keeps of such an Event what is looked at. */
export function keepEvent({
  apiVersion,
  kind,
  metadata,
  regarding,
  note,
}: StatefulSetEvent): StatefulSetEvent {
  const { name, namespace, resourceVersion } = metadata ?? {};
  return {
    ...{ ...(apiVersion && { apiVersion }), ...(kind && { kind }), ...(regarding && { regarding }) },
    ...(note && { note }),
    metadata: {
      ...(name && { name }),
      ...(namespace && { namespace }),
      ...(resourceVersion && { resourceVersion }),
    },
  };
}

/** The key of the StatefulSet that an Event is about. */
export function regardingKey({ regarding }: StatefulSetEvent): string {
  return `${regarding?.namespace}/${regarding?.name}`;
}

/** The controller makes a Pod within moments; earlier there is nothing to ask. */
const firstAskMs = 5_000;
const longestAskMs = 600_000;
const nameTakenAskMs = 15_000;
const mostRemembered = 1_000;

/**
 * Finds out why a StatefulSet has no Pod. Its status does not say: its controller writes an Event when the API server
 * refuses the Pod (quota, policies), and nothing at all when another Pod has the name.
 *
 * @param client - of the API server
 * @param events - a mirror of {@link failedCreations}
 * @returns (statefulSet) => what is known, and when to ask again
 */
export function createWhyNoPod(
  client: KubeClient,
  events: Pick<Reflector<StatefulSetEvent>, "store" | "subscribe">,
): (statefulSet: V1StatefulSet) => Promise<{ trouble?: Trouble; againInMs?: number }> {
  const eventsAbout = indexBy(events, regardingKey);
  const asked = new Map<string, { wait: () => number; nextAt: number }>();
  return async ({ metadata }) => {
    const { namespace = "", name = "", uid = "" } = metadata ?? {};
    const event = eventsAbout(`${namespace}/${name}`).findLast(({ regarding }) => regarding?.uid === uid);
    if (event) return { trouble: refusedPod(event.note ?? "no reason given") };
    const now = performance.now();
    const turn = asked.get(uid) ?? {
      wait: createBackoff(firstAskMs, longestAskMs).next,
      nextAt: now + firstAskMs,
    };
    asked.set(uid, turn);
    forgetOldest(asked, mostRemembered);
    if (now < turn.nextAt) return { againInMs: turn.nextAt - now };
    const pod = await podNamed(client, namespace, `${name}-0`);
    const foreign = pod && !pod.metadata?.ownerReferences?.some((owner) => owner.uid === uid);
    const againInMs = foreign ? nameTakenAskMs : turn.wait();
    turn.nextAt = performance.now() + againInMs;
    if (!foreign) return { againInMs };
    const controller = pod.metadata?.ownerReferences?.find((owner) => owner.controller);
    return { trouble: { reason: "NameTaken", message: nameTaken(`Pod ${name}-0`, controller) }, againInMs };
  };
}

/** By a list: the operator has no other right to Pods. */
async function podNamed(client: KubeClient, namespace: string, name: string): Promise<V1Pod | undefined> {
  const { items } = await client.request<{ items: V1Pod[] }>({
    path: pathOf(resources.pods, { namespace }),
    query: { fieldSelector: `metadata.name=${name}`, limit: 1 },
  });
  return items[0];
}
