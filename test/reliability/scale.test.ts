import { readFileSync } from "node:fs";
import type { V1Job } from "@kubernetes/client-node";
import { expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { startAsInPod } from "../bench/as-in-pod.ts";
import { jobOf, podOf } from "../support/builders.ts";
import type { ControlPlane } from "../support/control-plane.ts";
import { metric, ready } from "../support/operator.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";
import { apiServer } from "./installed.ts";

/** Half of the limit that the installation sets. */
const mostMiB = 256;
const [caches, pods] = [1_000, 5_000];
/** A leader renews its Lease every two seconds. */
const renewalsAtRest = 60;

/** Runs work for each number below a count, some at once. */
async function each(count: number, work: (i: number) => Promise<unknown>): Promise<void> {
  const numbers = Array.from({ length: count }, (_, i) => i).values();
  const worker = async () => {
    for (const i of numbers) await work(i);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

test(`${caches} OrasCaches and ${pods} injected Pods: at rest nothing is written, in ${mostMiB} MiB`, async () => {
  const { plane, client, addCaches, settled, all } = await apiServer();
  const operator = await startAsInPod(plane);
  onTestFinished(operator.stop);
  await installWebhooks(client, operator.webhookPort);
  await ready(operator, client);
  const namespaces = Array.from({ length: 10 }, (_, i) => `team-${i}`);
  await Promise.all(namespaces.map((namespace) => addCaches(namespace, caches / namespaces.length)));
  await settled();
  // No controller makes Pods of registries here.
  const rolledOut = {
    ...{ replicas: 1, readyReplicas: 1, updatedReplicas: 1, observedGeneration: 1 },
    ...{ currentRevision: "a", updateRevision: "a" },
  };
  const of = (i: number) => ({
    namespace: `team-${i % namespaces.length}`,
    name: `cache-${Math.floor(i / namespaces.length)}`,
  });
  await each(caches, (i) =>
    client.request({
      method: "PATCH",
      path: pathOf(resources.statefulSets, { ...of(i), subresource: "status" }),
      contentType: "application/merge-patch+json",
      body: { status: rolledOut },
    }),
  );
  const isAvailable = ({ status }: StoredOrasCache) =>
    status?.conditions?.some((one) => one.type === "Available" && one.status === "True");
  await until(
    async () =>
      (await all<StoredOrasCache & object>(resources.orasCaches as never)).every(isAvailable as never),
    "every OrasCache to be available",
    300_000,
  );
  await each(pods, (i) => {
    const { namespace, name } = of(i % caches);
    const map = { "oras-cache": name, "output-uri": `a/b:${i}`, "output-path": "out" };
    return client.request({
      method: "POST",
      path: pathOf(resources.pods, { namespace }),
      body: podOf(`step-${i}`, map),
    });
  });
  const asked = () => plane.operatorRequests();
  const renewals = (requests: readonly string[]) =>
    requests.filter((request) => request === "update leases").length;
  const since = async (count: number, begin: number) => {
    await until(
      async () => renewals((await asked()).slice(begin)) >= count,
      `${count} renewals of the Lease`,
      600_000,
    );
    return (await asked()).slice(begin);
  };
  // Events are sent beside the work and come later, and a minute after the last step the Secrets with its login are looked at.
  await since(45, (await asked()).length);
  const atRest = await since(renewalsAtRest, (await asked()).length);
  const writes = atRest.filter(
    (request) => !/^(get|list|watch) /.test(request) && request !== "update leases",
  );
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${operator.pid}/status`, "utf8"))?.[1];
  const peak = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${operator.pid}/status`, "utf8"))?.[1];
  const [restMiB, peakMiB] = [rss, peak].map((kib) => Math.round(Number(kib) / 1024));
  console.info({
    caches,
    pods,
    seconds: renewalsAtRest * 2,
    requests: atRest.length,
    writes,
    restMiB,
    peakMiB,
  });
  expect(writes).toEqual([]);
  expect(restMiB).toBeLessThanOrEqual(mostMiB);
});

/** Beside what the operator takes without them. */
const mostMoreMiB = 30;
const waiting = 5_000;

test(`${waiting} Jobs that wait: at rest nothing is written, and a registry is asked once a second at most`, async () => {
  const { plane, client, addCaches, settled } = await apiServer();
  const operator = await startAsInPod(plane);
  onTestFinished(operator.stop);
  await installWebhooks(client, operator.webhookPort);
  await ready(operator, client);
  await addCaches("flow", 1);
  await settled();
  const memory = () => rssMiB(operator.pid);
  await untilRenewed(plane, 10);
  const before = memory();
  // Most wait for the one before them, and each tenth for what nobody makes.
  await each(waiting, (i) => {
    const input = i % 10 === 0 ? `nobody/r${i}:1` : `flow/r${i - 1}:1`;
    const map = { "oras-cache": "cache-0", "input-uri": input, "wait-for-inputs": "true" } as const;
    return client.request({
      method: "POST",
      path: pathOf(resources.jobs, { namespace: "flow" }),
      body: jobOf(`step-${i}`, { ...map, "output-uri": `flow/r${i}:1`, "output-path": "/tmp/out" }, "true"),
    });
  });
  const isTold = ({ status }: V1Job) =>
    status?.conditions?.some(({ type }) => type === names.inputsAvailable);
  await until(
    async () => {
      const { items } = await client.request<{ items: V1Job[] }>({
        path: pathOf(resources.jobs, { namespace: "flow" }),
      });
      return items.length === waiting && items.every(isTold);
    },
    "each Job to say what it waits for",
    400_000,
  );
  // Events are sent beside the work, and what a step waits for may be told anew when the last ones have come.
  await untilRenewed(plane, 30);
  const [looks, begin] = [await metric(operator, looksMetric), (await plane.operatorRequests()).length];
  await untilRenewed(plane, renewalsAtRest);
  const perSecond = ((await metric(operator, looksMetric)) - looks) / (renewalsAtRest * 2);
  const requests = (await plane.operatorRequests()).slice(begin);
  const writes = requests.filter(
    (request) => !/^(get|list|watch) /.test(request) && request !== "update leases",
  );
  const moreMiB = memory() - before;
  console.info({ waiting, seconds: renewalsAtRest * 2, perSecond, writes: writes.length, before, moreMiB });
  expect(writes).toEqual([]);
  expect(perSecond).toBeLessThanOrEqual(1);
  expect(moreMiB).toBeLessThanOrEqual(mostMoreMiB);
});

const looksMetric = "oras_operator_input_checks_total";

/** What a process has in memory. */
function rssMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024);
}

/** Waits until the leader has renewed its Lease so many times. */
async function untilRenewed(plane: ControlPlane, count: number): Promise<void> {
  const renewals = async () =>
    (await plane.operatorRequests()).filter((request) => request === "update leases").length;
  const begin = await renewals();
  await until(async () => (await renewals()) >= begin + count, `${count} renewals of the Lease`, 600_000);
}
