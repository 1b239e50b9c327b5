import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { V1Pod } from "@kubernetes/client-node";
import { expect, it, onTestFinished, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { fallbackTagOf } from "../../../src/common/fallback-tag.ts";
import { provenanceController } from "../../../src/controllers/provenance.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { digestOf } from "../../../src/registry/blobs.ts";
import { referrersIn } from "../../../src/registry/referrers.ts";
import { podOf } from "../../support/builders.ts";

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const digest = `sha256:${"a".repeat(64)}`;
const now = Date.parse("2026-01-01T12:00:00Z");

const told = (number: number, what = digest) =>
  JSON.stringify({
    ...{ artifact: `oras-0.oras.work.svc.cluster.local:5000/made/x:${number}`, digest: what },
    ...{ bytes: 1, seconds: 1 },
  });

function ended(number: number, ageMs: number, message = told(number)): [string, StepPod] {
  const terminated = { exitCode: 0, finishedAt: new Date(now - ageMs), message };
  const pod: V1Pod = {
    metadata: { name: `p-${number}`, namespace: "work", uid: `${number}` },
    status: { containerStatuses: [{ name: names.pushContainer, state: { terminated } }] as never },
  };
  return [`work/p-${number}`, pod as StepPod];
}

function controllerOf(
  pods: ReadonlyMap<string, StepPod>,
  spec: object = { deploy: true },
  clock = { now },
  access?: object,
) {
  const to = vi.fn(() =>
    access ? Promise.resolve(access as never) : Promise.reject(new Error("no answer")),
  );
  const publish = vi.fn();
  const cache = { metadata: { name: "oras", namespace: "work", uid: "c" }, spec } as StoredOrasCache;
  const controller = provenanceController({
    client: {
      now: () => clock.now,
      request: () => Promise.resolve({ metadata: {}, items: [...pods.values()] }),
    } as unknown as KubeClient,
    log: { debug: () => {}, warn: () => {} } as never,
    publish,
    pods: { store: pods as never, subscribe: () => () => {}, synced: Promise.resolve() },
    caches: { store: new Map([["work/oras", cache]]) as never },
    access: { to, forget: () => {} },
    keys: { of: () => Promise.resolve({ problem: "the Secret is not there" }) },
    ...{
      leads: () => true,
      mayWrite: () => {},
      before: new Date(clock.now),
      signal: new AbortController().signal,
    },
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

it.each(["oras-registry.work.svc.cluster.local:5000", "oras.work.svc:5000", "oras-0.oras:5000"])(
  "what was pushed to a cache by its host %s gets a statement",
  async (host) => {
    const [key, pod] = ended(1, 1_000);
    const text = JSON.stringify(pod).replace("oras-0.oras.work.svc.cluster.local:5000", host);
    const { controller, to } = controllerOf(new Map([[key, JSON.parse(text) as StepPod]]));
    await controller.reconcile(key);
    expect(to).toHaveBeenCalledTimes(1);
  },
);

const minute = 60_000;

it.each([
  ["just now", 0],
  ["minutes ago, when nobody looked", 9],
])("a statement that is to be signed, of what was pushed %s, waits for its key", async (_, age) => {
  const spec = { deploy: true, lineage: { signingKeySecret: "key" } };
  const clock = { now };
  const { controller, keys, to, publish } = controllerOf(new Map([ended(1, age * minute)]), spec, clock);
  const isAsked = async (after: number) => {
    clock.now = now + after * minute;
    expect(await controller.reconcile(keys[0] ?? "")).toBeGreaterThan(0);
    return to.mock.calls.length > 0;
  };
  expect(await isAsked(0)).toBe(false);
  expect(await isAsked(4.9)).toBe(false);
  expect(publish.mock.calls[0]?.[1]).toMatchObject({ type: "Warning", reason: "ProvenanceNotSigned" });
  // Then it is written without a signature.
  expect(await isAsked(5)).toBe(true);
});

it("a statement that would soon not be tried any more does not wait for a key", async () => {
  const spec = { deploy: true, lineage: { signingKeySecret: "key" } };
  const clock = { now: now - 56 * minute };
  const { controller, keys, to } = controllerOf(new Map([ended(1, 56 * minute)]), spec, clock);
  clock.now = now;
  await controller.reconcile(keys[0] ?? "");
  expect(to).toHaveBeenCalledTimes(1);
});

/** A registry in memory. */
async function registryOf(held: Map<string, Buffer>) {
  const server = createServer((request, response) => {
    const reference = (request.url ?? "").split("/").at(-1) ?? "";
    void buffer(request).then((bytes) => {
      if (request.method === "PUT") held.set(reference, bytes);
      if (request.method === "POST") return response.writeHead(202, { location: `${request.url}one` }).end();
      if (request.method === "PUT") return response.writeHead(201).end();
      const found = held.get(reference);
      return response.writeHead(found ? 200 : 404, { "content-type": manifestType }).end(found);
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  return { peer: { host: `127.0.0.1:${(server.address() as AddressInfo).port}` }, authorization: undefined };
}

it("statements about one artifact that several Pods have pushed at once are all there", async () => {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, layers: [] }));
  const pushed = digestOf(bytes);
  const held = new Map([[pushed, bytes]]);
  const pods = new Map(
    [1, 2, 3].map((number) => {
      const [key, pod] = ended(number, 1_000, told(number, pushed));
      const { annotations } = podOf("p", { "output-uri": `made/x:${number}` }, "true").metadata;
      const spec = { containers: [{ name: "main", image: "app" }] };
      return [key, { ...pod, spec, metadata: { ...pod.metadata, annotations } } as unknown as StepPod];
    }),
  );
  const { controller, keys } = controllerOf(pods, undefined, undefined, await registryOf(held));
  expect(await Promise.all(keys.map((key) => controller.reconcile(key)))).toEqual([
    ...keys.map(() => undefined),
  ]);
  const index = referrersIn({ bytes: held.get(fallbackTagOf(pushed)) ?? Buffer.from("{}") });
  expect(index.map(({ annotations }) => annotations?.[names.invocationAnnotation]).toSorted()).toEqual([
    ...["1", "2", "3"],
  ]);
});
