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
