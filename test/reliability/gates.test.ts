import { beforeAll, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheOf } from "../support/builders.ts";
import installed from "../support/cluster.ts";
import { localVolume } from "../support/local-volume.ts";
import { until } from "../support/wait.ts";
import { workspace } from "../support/workspace.ts";
import { judge, steps } from "./lineage.ts";
import { victims } from "./victims.ts";
import { contentsOf, startWorkflow, triesOf } from "./workflow.ts";

const cache = "kept";
const all = [
  ["leader", 20],
  ["registry's Pod", 5],
  ["API server", 3],
] as const;

beforeAll(installed);

test.for(all)(
  "50 Jobs that are created in the wrong order, twice over the same tags, run in the right one while this is killed: %s",
  async ([name, mostKills], { onTestFinished }) => {
    const ws = await workspace();
    const { className, remove } = await localVolume(ws);
    onTestFinished(async () => {
      await ws.kubectl("delete", names.plural, cache, "--ignore-not-found", "--cascade=foreground");
      await ws.kubectl("delete", "pvc", `${cache}-data`, "--ignore-not-found");
      await remove();
      await ws.remove();
    });
    await ws.apply(
      cacheOf(cache, { storage: { persistentVolumeClaim: { size: "1Gi", storageClassName: className } } }),
    );
    await ws.kubectl("wait", `${names.plural}/${cache}`, "--for=condition=Ready", "--timeout=120s");
    const victim = victims(ws.namespace, cache).find((each) => each.name === name);
    if (victim === undefined) throw new Error(`nobody is called ${name}`);

    let kills = 0;
    for (const round of [1, 2]) {
      const begun = performance.now();
      const flow = startWorkflow(ws, cache, "waits");
      const hasEnded = () => flow.complete() === steps.length;
      const kill = async () => {
        for (let before = 0; kills < (mostKills * round) / 2; before = flow.complete()) {
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
    expect(kills).toBeGreaterThan(1);
  },
);
