import { beforeAll, expect, test } from "vitest";
import installed from "../support/cluster.ts";
import { until } from "../support/wait.ts";
import { cache, keptCache } from "./kept-cache.ts";
import { judge, steps } from "./lineage.ts";
import { contentsOf, startWorkflow, triesOf } from "./workflow.ts";

const all = [
  ["leader's Pod", 20],
  ["registry's Pod", 5],
  ["API server", 3],
] as const;

const mostRounds = 10;

beforeAll(installed);

test.for(all)(
  "50 Jobs that are created in the wrong order, more than once over the same tags, run in the right one while this is killed: %s",
  async ([name, mostKills], { onTestFinished }) => {
    const { ws, victim } = await keptCache(name, onTestFinished);

    let kills = 0;
    // Jobs end faster than what is killed comes back: it takes some rounds.
    for (let round = 1; round <= 2 || (kills < mostKills && round <= mostRounds); round++) {
      const begun = performance.now();
      const flow = startWorkflow(ws, cache, "waits");
      const hasEnded = () => flow.complete() === steps.length;
      const kill = async () => {
        for (let before = 0; kills < Math.min(mostKills, (mostKills * round) / 2); before = flow.complete()) {
          await until(() => flow.complete() > before || hasEnded(), "another Job to be complete", 600_000);
          if (hasEnded()) return;
          await victim.kill();
          kills++;
        }
      };
      await Promise.all([flow.ended, kill()]);
      const tries = await triesOf(ws);
      const verdict = judge(tries, await contentsOf(ws, cache));
      console.info({
        ...{ victim: name, round, kills, pods: tries.length, refused: Object.fromEntries(flow.refused) },
        seconds: Math.round((performance.now() - begun) / 1000),
        ...verdict,
      });
      expect(verdict).toEqual({ lost: [], doubled: [], wrong: [] });
      await ws.kubectl("delete", "jobs", "--all");
    }
    expect(kills).toBeGreaterThanOrEqual(mostKills);
  },
);
