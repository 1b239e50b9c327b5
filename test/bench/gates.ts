// How long after a push the step that waits for it is started: from the answer to the push of the manifest to what a watch
// of Jobs shows. API server, policies, webhook, operator, registry and keeper are the real ones, on this machine, without a
// kubelet. Steps without a known producer, so that nothing but the push tells of the input.
import { parseArgs } from "node:util";
import type { V1Job, V1Secret } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { cacheKey } from "../../src/cache/access.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { startReflector } from "../../src/kube/reflector.ts";
import { resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { startAsInstalled } from "../support/as-installed.ts";
import { jobOf } from "../support/builders.ts";
import { startControlPlane } from "../support/control-plane.ts";
import { adminClient } from "../support/installation.ts";
import { startKeptRegistry } from "../support/kept-registry.ts";
import { objectsIn } from "../support/objects-in.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";
import { table } from "./table.ts";

const { values: options } = parseArgs({ options: { steps: { type: "string", default: "100" } } });
const count = Number(options.steps);
const namespace = "bench";
const plane = await startControlPlane();
const client = await adminClient(plane);
const operator = await startAsInstalled(plane, client);
const ns = await objectsIn(client, namespace);
await ns.createCache("oras", { auth: { type: "htpasswd" } });
const secret = await get<V1Secret & KubeObject>(client, resources.secrets, {
  namespace: names.operatorNamespace,
  name: names.cacheKeySecret,
});
const operatorKey = Buffer.from(secret?.data?.["key"] ?? "", "base64").toString();
const registry = await startKeptRegistry(
  await agentProgram(),
  cacheKey(operatorKey, { name: "oras", namespace }),
);
const ip = registry.address;
await registryPod(ns, "oras", { ...readyPod("2026-01-01T00:00:00Z"), podIP: ip, podIPs: [{ ip }] });
await ns.rollOut();
await ns.untilReason("oras", "Ready", "RegistryReady");

const waits = new Map<string, (at: number) => void>();
const ends = new AbortController();
const jobs = startReflector<V1Job & KubeObject>({
  ...{ client, resource: resources.jobs, signal: ends.signal },
  onTrouble: (error) => console.error(error),
  onChange: (_key, now) => {
    if (now?.spec?.suspend === false) waits.get(now.metadata?.name ?? "")?.(performance.now());
  },
});
await jobs.synced;
const all = Array.from({ length: count }, (_, i) => i);
for (const i of all)
  await ns.create(
    resources.jobs,
    jobOf(`s${i}`, { "input-uri": `bench/r${i}:1`, "wait-for-inputs": "true" }, "true") as never,
  );
const isTold = (job: V1Job | undefined) =>
  job?.status?.conditions?.some(({ type }) => type === names.inputsAvailable);
await until(() => all.every((i) => isTold(jobs.store.get(`${namespace}/s${i}`))), "all Jobs to wait");
const delays: number[] = [];
for (const i of all) {
  const resumed = new Promise<number>((resolve) => waits.set(`s${i}`, resolve));
  await registry.push(`bench/r${i}:1`);
  const pushed = performance.now();
  delays.push((await resumed) - pushed);
}
ends.abort();
await jobs.stopped;
await operator.stop();
await registry.stop();
client.close();
await plane.stop();
delays.sort((a, b) => a - b);
const at = (part: number) => (delays[Math.min(count - 1, Math.floor(count * part))] ?? Number.NaN).toFixed(0);
console.log(
  table(
    ["pushed to resumed, ms", "p50", "p90", "p99", "longest"],
    [[`${count} steps`, at(0.5), at(0.9), at(0.99), at(1)]],
  ),
);
