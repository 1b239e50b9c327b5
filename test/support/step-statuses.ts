import type { V1Container, V1ContainerState, V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { keepStep, type StepPod } from "../../src/controllers/step-pods.ts";

/** What a test says of a container: its state, and more of its status and spec. */
export interface Told {
  readonly state: object;
  readonly status?: Partial<V1ContainerStatus>;
  readonly container?: Partial<V1Container>;
}

/** When the containers of the Pods here begin and end, in seconds after their Pod. */
const begun = Date.UTC(2026, 0, 1);
export const at = (seconds: number): string => new Date(begun + seconds * 1000).toISOString();

export const states = {
  waiting: (reason: string, message?: string) => ({ waiting: { reason, ...(message && { message }) } }),
  running: (startedAt: number) => ({ running: { startedAt: at(startedAt) } }),
  ended: (exitCode: number, from: number, to: number, more: object = {}) => ({
    terminated: { exitCode, startedAt: at(from), finishedAt: at(to), reason: "Error", ...more },
  }),
  /** As containerd 2.4 and a kubelet of 1.36 tell it. */
  startError: (finishedAt = 2) => ({
    terminated: {
      exitCode: 128,
      reason: "StartError",
      message: 'exec: "/no/such": stat /no/such: no such file or directory',
      startedAt: "1970-01-01T00:00:00Z",
      finishedAt: at(finishedAt),
    },
  }),
};

/** The arguments of a container that pushes, as far as they are looked at. */
export const pushes = { args: ['--policy={"restart":"Never"}'] };

/**
 * An injected Pod as the API server has it; its last container is the one that pushes.
 *
 * @param restartPolicy - of the Pod
 * @param told - of each container, by its name
 * @param pod - more of the Pod
 */
export function injectedPod(
  restartPolicy: string,
  told: Readonly<Record<string, Told>>,
  pod: { metadata?: object; spec?: object; status?: object } = {},
): V1Pod {
  const volumeMounts = [{ name: names.shareVolume, mountPath: names.sharePath }];
  const entries = Object.entries(told);
  return {
    metadata: { name: "step", namespace: "work", uid: "u", resourceVersion: "7", ...pod.metadata },
    spec: {
      restartPolicy,
      containers: entries.map(([name, { container }]) => ({ name, volumeMounts, ...container })),
      ...pod.spec,
    },
    status: {
      phase: "Running",
      startTime: at(0) as unknown as Date,
      containerStatuses: entries.map(([name, { state, status }]) => ({
        ...{ name, image: "x", imageID: "", ready: false, restartCount: 0, lastState: {} },
        state: state as V1ContainerState,
        ...status,
      })),
      ...pod.status,
    },
  };
}

/** What is kept of such a Pod. */
export function stepOf(...pod: Parameters<typeof injectedPod>): StepPod {
  return kept({}, ...pod);
}

/** The same without an init container. */
export function servedStepOf(...pod: Parameters<typeof injectedPod>): StepPod {
  return kept({ env: [names.readyVariable] }, ...pod);
}

function kept(wrapped: object, ...pod: Parameters<typeof injectedPod>): StepPod {
  const all = Object.keys(pod[1]);
  const named = (list: readonly string[], what: object) =>
    Object.fromEntries(list.map((name) => [name, what]));
  return keepStep(injectedPod(...pod) as StepPod, {
    containers: named(all.slice(-1), {}),
    wrapped: named(all.slice(0, -1), wrapped),
  });
}
