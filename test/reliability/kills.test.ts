import { beforeAll, expect, test } from "vitest";
import installed from "../support/cluster.ts";
import { until } from "../support/wait.ts";
import { cache, keptCache } from "./kept-cache.ts";
import { judge, steps } from "./lineage.ts";
import { contentsOf, startWorkflow, triesOf } from "./workflow.ts";

/** A container that ends often is started again later each time, after 0, 10, 20, 40, 80 s. */
const mostKills = 5;
const all = [
  "leader",
  "webhook replica",
  "registry",
  "registry's Pod",
  "keeper",
  "API server",
  "etcd",
  "kubelet",
];

beforeAll(installed);

test.for(all)(
  "50 Jobs pass artifacts to each other while this is killed again and again: %s",
  async (name, { onTestFinished }) => {
    const { ws, victim } = await keptCache(name, onTestFinished);

    const begun = performance.now();
    const flow = startWorkflow(ws, cache);
    let kills = 0;
    const hasEnded = () => flow.complete() === steps.length;
    const kill = async () => {
      for (let before = 0; kills < mostKills; before = flow.complete()) {
        await until(() => flow.complete() > before || hasEnded(), "another Job to be complete", 600_000);
        if (hasEnded()) return;
        await victim.kill();
        kills++;
      }
    };
    await Promise.all([flow.ended, kill()]);

    const tries = await triesOf(ws);
    const verdict = judge(tries, await contentsOf(ws, cache));
    const failed = tries.filter(({ succeeded }) => !succeeded);
    console.info({
      victim: name,
      kills,
      seconds: Math.round((performance.now() - begun) / 1000),
      pods: tries.length,
      failed: failed.length,
      why: failed.map(({ why }) => why),
      ranAgain: failed.filter(({ ran }) => ran).length,
      refused: Object.fromEntries(flow.refused),
      ...verdict,
    });
    expect(kills).toBeGreaterThan(1);
    expect(verdict).toEqual({ lost: [], doubled: [], wrong: [] });
  },
);
