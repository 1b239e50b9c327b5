import type { V1Job, V1Secret } from "@kubernetes/client-node";
import { expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey } from "../../src/cache/access.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { startAsInPod } from "../bench/as-in-pod.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { jobOf } from "../support/builders.ts";
import { operatorUser } from "../support/control-plane.ts";
import { startKeptRegistry } from "../support/kept-registry.ts";
import { objectsIn } from "../support/objects-in.ts";
import { metric, ready } from "../support/operator.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";
import {
  collectedMemory,
  each,
  memoryOf,
  renewalsAtRest,
  requestsUntilRenewed,
  writesIn,
} from "./at-rest.ts";
import { apiServer } from "./installed.ts";

/** Of V8's heap, beside what the operator takes without them. */
const mostMoreMiB = 30;
const waiting = 5_000;
const looksMetric = "oras_operator_input_checks_total";

test.each([true, false])(
  `${waiting} Jobs that wait: at rest nothing is written, and a registry is asked once a second at most; it answers: %s`,
  async (isThere) => {
    const { plane, client } = await apiServer();
    const operator = await startAsInPod(plane);
    onTestFinished(operator.stop);
    await installWebhooks(client, operator.webhookPort, operatorUser);
    await ready(operator, client);
    const ns = await objectsIn(client, "flow");
    await ns.createCache("oras", { auth: { type: "htpasswd" } });
    if (isThere) {
      const secret = await get<V1Secret & KubeObject>(client, resources.secrets, {
        namespace: names.operatorNamespace,
        name: names.cacheKeySecret,
      });
      const operatorKey = Buffer.from(secret?.data?.["key"] ?? "", "base64").toString();
      const key = cacheKey(operatorKey, { name: "oras", namespace: "flow" });
      const registry = await startKeptRegistry(await agentProgram(), key);
      onTestFinished(registry.stop);
      const podIP = registry.address;
      const status = { ...readyPod("2026-01-01T00:00:00Z"), podIP, podIPs: [{ ip: podIP }] };
      await registryPod(ns, "oras", status);
      await ns.rollOut();
      await ns.untilReason("oras", "Ready", "RegistryReady");
    }
    await requestsUntilRenewed(plane, 10);
    const before = await collectedMemory(operator);
    // Most wait for the one before them, and each tenth for what nobody makes.
    await each(waiting, (i) => {
      const input = i % 10 === 0 ? `nobody/r${i}:1` : `flow/r${i - 1}:1`;
      const map = { "input-uri": input, "wait-for-inputs": "true", "output-uri": `flow/r${i}:1` } as const;
      return ns.create(
        resources.jobs,
        jobOf(`step-${i}`, { ...map, "output-path": "/tmp/out" }, "true") as never,
      );
    });
    const isTold = ({ status }: V1Job) =>
      status?.conditions?.some(({ type }) => type === names.inputsAvailable);
    await until(
      async () => {
        const { items } = await client.request<{ items: V1Job[] }>({
          path: `/apis/batch/v1/namespaces/${ns.namespace}/jobs`,
        });
        return items.length === waiting && items.every(isTold);
      },
      "each Job to say what it waits for",
      400_000,
    );
    // Events are sent beside the work, and what a step waits for may be told anew when the last ones have come.
    await requestsUntilRenewed(plane, 30);
    const [looks, begun] = [await metric(operator, looksMetric), performance.now()];
    const requests = await requestsUntilRenewed(plane, renewalsAtRest);
    const looked = (await metric(operator, looksMetric)) - looks;
    const seconds = (performance.now() - begun) / 1000;
    const writes = writesIn(requests);
    const rest = memoryOf(operator.pid, "VmRSS");
    const after = await collectedMemory(operator);
    console.info({
      ...{ waiting, isThere, seconds, requests: requests.length },
      ...{ looked, writes: writes.length, before, after, rest },
    });
    expect(writes).toEqual([]);
    expect(looked).toBeLessThanOrEqual(seconds + 1);
    expect(after.heap - before.heap).toBeLessThanOrEqual(mostMoreMiB);
  },
);
