import type { V1ContainerStatus } from "@kubernetes/client-node";
import { pino } from "pino";
import { expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import { stepController } from "../../../src/controllers/steps.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const digest = `sha256:${"a".repeat(64)}`;
const pushed = JSON.stringify({ artifact: "ghcr.io/a/b:1", digest, bytes: 10, seconds: 2 });
const pulled = JSON.stringify({ pulled: { bytes: 5, seconds: 0.5 } });

function ended(name: string, message: string, at: Date): V1ContainerStatus {
  return {
    name,
    containerID: `containerd://${name}`,
    state: { terminated: { exitCode: 0, finishedAt: at, message } },
  } as V1ContainerStatus;
}

function stepOf(name: string, at: Date): StepPod {
  const volumeMounts = [{ name: names.shareVolume, mountPath: names.sharePath }];
  return {
    metadata: { name, namespace: "a", uid: name },
    spec: {
      initContainers: [{ name: names.pullContainer, volumeMounts }],
      containers: [{ name: names.pushContainer, volumeMounts }],
    },
    status: {
      initContainerStatuses: [ended(names.pullContainer, pulled, at)],
      containerStatuses: [ended(names.pushContainer, pushed, at)],
    },
  } as StepPod;
}

/** What a leader counts and tells, when it sees all Pods twice. */
async function term(steps: readonly StepPod[], countedUntil: Date | undefined) {
  const counted: string[] = [];
  const told: string[] = [];
  const controller = stepController({
    client: { now: Date.now } as KubeClient,
    log: pino({ enabled: false }),
    countOutcome: (namespace, reason, by) => counted.push(`${namespace} ${reason} ${by?.bytes}`),
    countPull: (namespace, { bytes, seconds }) => counted.push(`${namespace} pulled ${bytes} ${seconds}`),
    countedUntil,
    publish: (_, { reason }) => told.push(reason),
    pods: mirrorOf(steps),
    caches: mirrorOf<StoredOrasCache>(),
    makers: { isAgain: () => false, recall: () => Promise.resolve() },
  });
  for (const _ of [1, 2]) for (const { metadata } of steps) await controller.reconcile(`a/${metadata?.name}`);
  return { counted, told };
}

test("each step is counted by one of two leaders, and Events, which have one name, are told by both", async () => {
  const handover = new Date(Date.now() - 5_000);
  const early = stepOf("early", new Date(handover.getTime() - 10_000));
  const late = stepOf("late", new Date(handover.getTime() + 2_000));
  const one = ["a pulled 5 0.5", "a Pushed 10"];
  expect(await term([early], new Date(0))).toEqual({ counted: one, told: ["Pushed"] });
  expect(await term([early, late], handover)).toEqual({ counted: one, told: ["Pushed", "Pushed"] });
});

test("what ends in the second in which a leader starts is counted: a Pod has no finer times", async () => {
  const second = Math.floor(Date.now() / 1_000) * 1_000 - 5_000;
  const step = stepOf("now", new Date(second));
  expect((await term([step], new Date(second + 900))).counted).toEqual(["a pulled 5 0.5", "a Pushed 10"]);
});

test("without a leader before, what had ended before the start is not counted", async () => {
  const found = await term([stepOf("early", new Date(Date.now() - 10_000))], undefined);
  expect(found).toEqual({ counted: [], told: ["Pushed"] });
});

test("a message that is not the operator's is no pull", async () => {
  for (const message of ["", "done", "null", '{"pulled":1}', '{"pulled":{"bytes":-1,"seconds":1}}']) {
    const step = stepOf("any", new Date());
    Object.assign(step.status?.initContainerStatuses?.[0]?.state?.terminated ?? {}, { message });
    expect((await term([step], new Date(0))).counted).toEqual(["a Pushed 10"]);
  }
});
