import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { isWhole, type Pushed, pushArtifact } from "../support/pusher.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";
import { s3Environment, startS3 } from "../support/s3.ts";

/** `make soak` makes it five minutes. */
const seconds = Number(process.env["REPLICAS_SECONDS"] ?? 30);
const killEveryMs = Math.min(10_000, (seconds * 1000) / 5);

test(`two registries on one bucket, of which one is killed again and again for ${seconds} s, lose nothing that eight pushers were told is there`, {
  timeout: (seconds + 300) * 1000,
}, async ({ onTestFinished }) => {
  const s3 = await startS3();
  const environment = s3Environment(s3);
  const replicas = await Promise.all([1, 2].map(() => startRegistry({ environment })));
  onTestFinished(async () => {
    await Promise.all(replicas.map(({ stop }) => stop()));
    await s3.stop();
  });
  const live = new Set<TestRegistry>(replicas);
  let turn = 0;
  /** As a Service of the ready Pods does, sooner or later. */
  const at = () => [...live][turn++ % live.size]?.url ?? "";

  const end = Date.now() + seconds * 1000;
  const pushed: Pushed[] = [];
  let failed = 0;
  const push = async (pusher: number) => {
    for (let i = 0; Date.now() < end; i++) {
      try {
        pushed.push(await pushArtifact(`pusher-${pusher}/run-${i % 20}`, at));
      } catch {
        failed++; // A client pushes again.
      }
    }
  };
  let kills = 0;
  const kill = async () => {
    while (Date.now() + killEveryMs < end) {
      await delay(killEveryMs);
      const which = kills++ % 2;
      const victim = replicas[which] as TestRegistry;
      await victim.kill();
      live.delete(victim);
      const next = await startRegistry({ environment, port: Number(new URL(victim.url).port) });
      replicas[which] = next;
      live.add(next);
    }
  };
  await Promise.all([kill(), ...Array.from({ length: 8 }, (_, pusher) => push(pusher))]);

  const lost: Pushed[] = [];
  const left = pushed.values();
  const look = async () => {
    for (const artifact of left)
      for (const { url } of replicas) if (!(await isWhole(url, artifact))) lost.push(artifact);
  };
  await Promise.all(Array.from({ length: 8 }, look));
  console.info({ seconds, kills, pushed: pushed.length, failed, lost: lost.length });
  expect(kills).toBeGreaterThan(0);
  expect(pushed.length).toBeGreaterThan(8);
  expect(lost).toEqual([]);
});
