import { expect, test } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { toldCaches } from "../../../src/controllers/told-caches.ts";
import { createMetrics } from "../../../src/manager/metrics.ts";

async function series(metrics: ReturnType<typeof createMetrics>, name: string): Promise<string[]> {
  const text = await metrics.registry.metrics();
  return text.split("\n").filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `));
}

const cache = (namespace: string, ready: string) =>
  ({
    metadata: { namespace, name: "oras", uid: namespace },
    spec: { deploy: true },
    status: { conditions: [{ type: "Ready", status: ready }] },
  }) as unknown as StoredOrasCache;

test("who leads tells of caches, and who leads no longer tells of none", async () => {
  const metrics = createMetrics();
  const caches = [cache("a", "True"), cache("b", "False"), cache("b", "False")];
  metrics.tellOfCaches(toldCaches(() => caches, Date.now));
  metrics.observeUsage(
    { namespace: "a", name: "oras" },
    {
      bytes: 1,
      artifacts: 1,
      room: { capacity: 2, used: 1, free: 1 },
    },
  );
  expect(await series(metrics, "orascache_caches")).toEqual([
    'orascache_caches{namespace="a",condition="Ready",status="True"} 1',
    'orascache_caches{namespace="b",condition="Ready",status="False"} 2',
  ]);
  expect(await series(metrics, "oras_operator_cache_stored_bytes")).toHaveLength(1);
  caches.length = 1;
  expect(await series(metrics, "orascache_caches")).toHaveLength(1);
  metrics.forgetCaches();
  expect(await series(metrics, "orascache_caches")).toEqual([]);
  expect(await series(metrics, "oras_operator_cache_stored_bytes")).toEqual([]);
});

test("steps are counted by namespace, with bytes and seconds in both directions", async () => {
  const metrics = createMetrics();
  metrics.countOutcome("a", "Pushed", { bytes: 10, seconds: 2 });
  metrics.countOutcome("a", "PushFailed");
  metrics.countPull("b", { bytes: 5, seconds: 0.5 });
  expect(await series(metrics, "oras_operator_artifacts_total")).toEqual([
    'oras_operator_artifacts_total{namespace="a",reason="Pushed"} 1',
    'oras_operator_artifacts_total{namespace="a",reason="PushFailed"} 1',
  ]);
  expect(await series(metrics, "oras_operator_transferred_bytes_total")).toEqual([
    'oras_operator_transferred_bytes_total{namespace="a",direction="push"} 10',
    'oras_operator_transferred_bytes_total{namespace="b",direction="pull"} 5',
  ]);
  expect(await series(metrics, "oras_operator_transfer_seconds_total")).toHaveLength(2);
});

test("a cluster that makes a namespace for each build has no endless series", async () => {
  const metrics = createMetrics();
  metrics.countOutcome("other", "Pushed");
  for (let i = 1; i < 1_500; i++) metrics.countOutcome(`build-${i}`, "Pushed");
  const all = await series(metrics, "oras_operator_artifacts_total");
  expect(all).toHaveLength(1_001);
  expect(all.at(-1)).toBe('oras_operator_artifacts_total{namespace="<other>",reason="Pushed"} 500');
  // A namespace may have any name.
  expect(all[0]).toBe('oras_operator_artifacts_total{namespace="other",reason="Pushed"} 1');
});

test("nothing is kept of a cache that is gone", async () => {
  const metrics = createMetrics();
  const gone = { namespace: "build-1", name: "oras" };
  const stays = { namespace: "build-10", name: "oras" };
  for (const each of [gone, stays]) {
    metrics.observeUsage(each, { bytes: 1, artifacts: 1, room: { capacity: 2, used: 1, free: 1 } });
    const whole = [undefined, 1, 63].map((rule) => ({
      whole: true,
      ...(rule === undefined ? {} : { rule }),
    }));
    metrics.countRetention(each, whole, 0);
    metrics.countRetention(each, "failed", 0);
  }
  metrics.observeUsage(gone, undefined);
  metrics.forgetRetention(gone);
  const left = (await metrics.registry.metrics()).split("\n");
  expect(left.filter((line) => line.includes('namespace="build-1"'))).toEqual([]);
  expect(left.filter((line) => line.includes('namespace="build-10"'))).toHaveLength(8);
});

test("the version is told", async () => {
  expect((await series(createMetrics(), "oras_operator_build_info")).join()).toContain(
    `version="${packageJson.version}"`,
  );
});

test("who leads tells of steps that wait, and who leads no longer tells of none", async () => {
  const metrics = createMetrics();
  const waiting = ["a", "b", "b"];
  metrics.tellOfWaiting(() => waiting);
  expect(await series(metrics, "oras_operator_steps_waiting")).toEqual([
    'oras_operator_steps_waiting{namespace="a"} 1',
    'oras_operator_steps_waiting{namespace="b"} 2',
  ]);
  waiting.shift();
  expect(await series(metrics, "oras_operator_steps_waiting")).toEqual([
    'oras_operator_steps_waiting{namespace="b"} 2',
  ]);
  metrics.forgetWaiting();
  expect(await series(metrics, "oras_operator_steps_waiting")).toEqual([]);
});

test("steps that wait in very many namespaces have no endless series", async () => {
  const metrics = createMetrics();
  const of = (from: number) => Array.from({ length: 1_500 }, (_, i) => `build-${from + i}`);
  metrics.tellOfWaiting(() => of(0));
  const all = await series(metrics, "oras_operator_steps_waiting");
  expect(all).toHaveLength(1_001);
  expect(all.at(-1)).toBe('oras_operator_steps_waiting{namespace="<other>"} 500');
  // Those of before take nothing from those of now.
  metrics.tellOfWaiting(() => of(5_000).slice(0, 3));
  expect(await series(metrics, "oras_operator_steps_waiting")).toHaveLength(3);
});

test("waits are counted by how they ended, and what came of looking for inputs", async () => {
  const metrics = createMetrics();
  metrics.observeWait("Opened", 2);
  metrics.observeWait("OpenedByHand", 90);
  metrics.observeWait("InputNeverCame", 3_600);
  metrics.countHead("there");
  metrics.countHead("missing");
  metrics.countHead("missing");
  expect(await series(metrics, "oras_operator_step_waited_seconds_sum")).toEqual([
    'oras_operator_step_waited_seconds_sum{result="Opened"} 2',
    'oras_operator_step_waited_seconds_sum{result="OpenedByHand"} 90',
    'oras_operator_step_waited_seconds_sum{result="InputNeverCame"} 3600',
  ]);
  expect(await series(metrics, "oras_operator_input_checks_total")).toEqual([
    'oras_operator_input_checks_total{result="there"} 1',
    'oras_operator_input_checks_total{result="missing"} 2',
  ]);
});
