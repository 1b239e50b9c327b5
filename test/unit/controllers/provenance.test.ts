import type { V1Pod } from "@kubernetes/client-node";
import { expect, it, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { provenanceController } from "../../../src/controllers/provenance.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import type { KubeClient } from "../../../src/kube/client.ts";

const digest = `sha256:${"a".repeat(64)}`;
const now = Date.parse("2026-01-01T12:00:00Z");

function ended(number: number, ageMs: number): [string, StepPod] {
  const artifact = `oras-0.oras.work.svc.cluster.local:5000/made/x:${number}`;
  const message = JSON.stringify({ artifact, digest, bytes: 1, seconds: 1 });
  const terminated = { exitCode: 0, finishedAt: new Date(now - ageMs), message };
  const pod: V1Pod = {
    metadata: { name: `p-${number}`, namespace: "work", uid: `${number}` },
    status: { containerStatuses: [{ name: names.pushContainer, state: { terminated } }] as never },
  };
  return [`work/p-${number}`, pod as StepPod];
}

function controllerOf(pods: ReadonlyMap<string, StepPod>, spec: object = { deploy: true }) {
  const to = vi.fn(() => Promise.reject(new Error("no answer")));
  const publish = vi.fn();
  const cache = { metadata: { name: "oras", namespace: "work", uid: "c" }, spec } as StoredOrasCache;
  const controller = provenanceController({
    client: { now: () => now } as KubeClient,
    log: { debug: () => {}, warn: () => {} } as never,
    publish,
    pods: { store: pods as never, subscribe: () => () => {}, synced: Promise.resolve() },
    caches: { store: new Map([["work/oras", cache]]) as never },
    access: { to, forget: () => {} },
    keys: { of: () => Promise.resolve({ problem: "the Secret is not there" }) },
    ...{ leads: () => true, mayWrite: () => {}, before: new Date(now), signal: new AbortController().signal },
  });
  const keys: string[] = [];
  controller.watches[0]?.start((key) => keys.push(key));
  return { controller, keys, to, publish };
}

it("a new leader looks at what ended lately alone, however many Pods there are", () => {
  const old = Array.from({ length: 10_000 }, (_, at) => ended(at, 3_600_000));
  const { keys } = controllerOf(new Map([...old, ended(10_001, 60_000)]));
  expect(keys).toEqual(["work/p-10001"]);
});

it("a registry that does not answer is not asked for each of those that wait", async () => {
  const pods = new Map(Array.from({ length: 1_000 }, (_, at) => ended(at, 1_000)));
  const { controller, keys, to, publish } = controllerOf(pods);
  expect(keys).toHaveLength(1_000);
  for (const key of keys) expect(await controller.reconcile(key)).toBeGreaterThan(0);
  expect(to).toHaveBeenCalledTimes(1);
  expect(publish).toHaveBeenCalledTimes(1);
});

it.each([
  ["a remote registry", { deploy: false }],
  ["a cache that wants none", { deploy: true, lineage: { provenance: false } }],
])("%s is not asked at all", async (_, spec) => {
  const { controller, keys, to } = controllerOf(new Map([ended(1, 1_000)]), spec);
  expect(await controller.reconcile(keys[0] ?? "")).toBeUndefined();
  expect(to).not.toHaveBeenCalled();
});

it.each([
  ["waits for its key", 60_000, 0],
  ["is written without a signature when there is none after some minutes", 300_000, 1],
])("a statement that is to be signed %s", async (_, ageMs, asked) => {
  const spec = { deploy: true, lineage: { signingKeySecret: "key" } };
  const { controller, keys, to, publish } = controllerOf(new Map([ended(1, ageMs)]), spec);
  expect(await controller.reconcile(keys[0] ?? "")).toBeGreaterThan(0);
  expect(to).toHaveBeenCalledTimes(asked);
  expect(publish.mock.calls[0]?.[1]).toMatchObject({ type: "Warning", reason: "ProvenanceNotSigned" });
});
