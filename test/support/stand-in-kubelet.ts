import { setTimeout as delay } from "node:timers/promises";
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { isStatus } from "../../src/kube/errors.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";

/** What a Pod of a step comes to. */
export interface Ran {
  readonly exitCode: number;
  /** What the container that pushes says in the end. */
  readonly message?: string;
  /** What it says that each container ran; without it, what the container's image names by a digest. */
  readonly imageID?: ((container: string) => string) | undefined;
}

/**
 * Does for the Pods of steps what scheduler and kubelet do, which do not run beside an API server alone: one without a
 * scheduling gate gets a node, runs, and ends.
 *
 * @param client - with every right
 * @param run - what the Pod does
 * @returns ends it; rejects with what went wrong
 */
export function standInKubelet(client: KubeClient, run: (pod: V1Pod) => Promise<Ran>): () => Promise<void> {
  const stopped = new AbortController();
  const seen = new Set<string>();
  const working = new Set<Promise<void>>();
  const failures: unknown[] = [];
  const loop = (async () => {
    while (!stopped.signal.aborted) {
      const { items } = await client.request<{ items: V1Pod[] }>({
        path: pathOf(resources.pods, {}),
        query: { labelSelector: `${names.injectedLabel}=true`, fieldSelector: "status.phase=Pending" },
      });
      for (const pod of items) {
        const uid = pod.metadata?.uid ?? "";
        if (seen.has(uid) || pod.spec?.schedulingGates?.length || pod.metadata?.deletionTimestamp) continue;
        seen.add(uid);
        const work = runPod(client, pod, run)
          // Deleted meanwhile.
          .catch(
            (error: unknown) => void (isStatus(error, 404) || isStatus(error, 409) || failures.push(error)),
          )
          .finally(() => working.delete(work));
        working.add(work);
      }
      await delay(50);
    }
  })();
  return async () => {
    stopped.abort();
    await loop;
    await Promise.all(working);
    if (failures.length > 0) throw new AggregateError(failures, "the stand-in of the kubelet failed");
  };
}

async function runPod(client: KubeClient, pod: V1Pod, run: (pod: V1Pod) => Promise<Ran>): Promise<void> {
  const { name = "", namespace = "" } = pod.metadata ?? {};
  const path = pathOf(resources.pods, { namespace, name });
  const target = { kind: "Node", name: "stand-in" };
  await client.request({ method: "POST", path: `${path}/binding`, body: { metadata: { name }, target } });
  const status = (body: object) =>
    client.request({
      method: "PATCH",
      path: `${path}/status`,
      contentType: "application/merge-patch+json",
      body: { status: body },
    });
  const startedAt = new Date().toISOString();
  await status({ phase: "Running", startTime: startedAt });
  const { exitCode, message, imageID } = await run(pod);
  const finishedAt = new Date().toISOString();
  const ended = (told: object) => ({ terminated: { exitCode, startedAt, finishedAt, ...told } });
  const statusOf = ({ name: of, image = "" }: V1Container, state: object) => ({
    ...{ name: of, image, ready: false, restartCount: 0, state },
    imageID: imageID?.(of) ?? (image.includes("@") ? image : ""),
  });
  const containerStatuses = (pod.spec?.containers ?? []).map((container) => {
    const says = container.name === names.pushContainer && message !== undefined ? { message } : {};
    return statusOf(container, ended(says));
  });
  const initContainerStatuses = (pod.spec?.initContainers ?? []).map((container) =>
    statusOf(container, ended({ exitCode: 0 })),
  );
  const phase = exitCode === 0 ? "Succeeded" : "Failed";
  await status({ phase, containerStatuses, initContainerStatuses });
}
