// How long after a push the step that waits for it is started: from the answer to the push of the manifest to what a watch
// of Jobs shows. API server, policies, webhook, operator, registry and keeper are the real ones, on this machine, without a
// kubelet. Steps without a known producer, so that nothing but the push tells of the input. Then the same where the registry tells
// nobody of pushes, one step at a time: only the operator's own questions find the input.
import { setTimeout as sleep } from "node:timers/promises";
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

const { values: options } = parseArgs({
  options: { steps: { type: "string", default: "100" }, unheard: { type: "string", default: "40" } },
});
const count = Number(options.steps);
/** Longer than from one question to the next: each push comes at another moment between two. */
const betweenMs = 4_000;
const plane = await startControlPlane();
const client = await adminClient(plane);
const operator = await startAsInstalled(plane, client);

/** A namespace whose cache has a registry of its own. */
async function cacheIn(namespace: string, tells: boolean) {
  const ns = await objectsIn(client, namespace);
  await ns.createCache("oras", { auth: { type: "htpasswd" } });
  const secret = await get<V1Secret & KubeObject>(client, resources.secrets, {
    namespace: names.operatorNamespace,
    name: names.cacheKeySecret,
  });
  const operatorKey = Buffer.from(secret?.data?.["key"] ?? "", "base64").toString();
  const key = cacheKey(operatorKey, { name: "oras", namespace });
  const registry = await startKeptRegistry(await agentProgram(), key, { tells });
  const ip = registry.address;
  await registryPod(ns, "oras", { ...readyPod("2026-01-01T00:00:00Z"), podIP: ip, podIPs: [{ ip }] });
  await ns.rollOut();
  await ns.untilReason("oras", "Ready", "RegistryReady");
  const create = (name: string, input: string) =>
    ns.create(
      resources.jobs,
      jobOf(name, { "input-uri": input, "wait-for-inputs": "true" }, "true") as never,
    );
  /** From the answer to the push on, in milliseconds. */
  const pushed = async (name: string, input: string) => {
    const resumed = new Promise<number>((resolve) => waits.set(`${namespace}/${name}`, resolve));
    await registry.push(input);
    const at = performance.now();
    return (await resumed) - at;
  };
  const isTold = (name: string) =>
    jobs.store
      .get(`${namespace}/${name}`)
      ?.status?.conditions?.some(({ type }) => type === names.inputsAvailable) ?? false;
  return { create, pushed, isTold, stop: registry.stop };
}

const waits = new Map<string, (at: number) => void>();
const ends = new AbortController();
const jobs = startReflector<V1Job & KubeObject>({
  ...{ client, resource: resources.jobs, signal: ends.signal },
  onTrouble: (error) => console.error(error),
  onChange: (key, now) => {
    if (now?.spec?.suspend === false) waits.get(key)?.(performance.now());
  },
});
await jobs.synced;

const heard = await cacheIn("bench", true);
const all = Array.from({ length: count }, (_, i) => i);
for (const i of all) await heard.create(`s${i}`, `bench/r${i}:1`);
await until(() => all.every((i) => heard.isTold(`s${i}`)), "all Jobs to wait");
const delays: number[] = [];
for (const i of all) delays.push(await heard.pushed(`s${i}`, `bench/r${i}:1`));
await heard.stop();

const quiet = await cacheIn("unheard", false);
const late: number[] = [];
for (let i = 0; i < Number(options.unheard); i++) {
  await quiet.create(`s${i}`, `unheard/r${i}:1`);
  await until(() => quiet.isTold(`s${i}`), "the Job to wait");
  await sleep(Math.random() * betweenMs);
  late.push(await quiet.pushed(`s${i}`, `unheard/r${i}:1`));
}
await quiet.stop();

ends.abort();
await jobs.stopped;
await operator.stop();
client.close();
await plane.stop();

const row = (name: string, found: readonly number[]) => {
  const sorted = [...found].sort((a, b) => a - b);
  const at = (part: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN).toFixed(0);
  return [name, at(0.5), at(0.9), at(0.99), at(1)];
};
console.log(
  table(
    ["pushed to resumed, ms", "p50", "p90", "p99", "longest"],
    [row(`${count} steps`, delays), row(`${late.length} steps, of whose push nobody tells`, late)],
  ),
);
