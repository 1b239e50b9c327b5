import { expect, test } from "vitest";
import { expectRight, jobsOf, runAll } from "../support/five-jobs.ts";
import { startJobPlane } from "../support/job-plane.ts";
import type { ObjectsIn } from "../support/objects-in.ts";

function orders<T>(all: readonly T[]): T[][] {
  if (all.length < 2) return [[...all]];
  return all.flatMap((first, i) => orders(all.toSpliced(i, 1)).map((others) => [first, ...others]));
}

/** As after two seconds without a new step an old tag counts. */
const slowMs = 1_500;

/** Runs all. Where this machine has been too slow to create them at once, the round says nothing, and is run again. */
async function runAtOnce(
  ns: ObjectsIn,
  runsIn: Parameters<typeof runAll>[1],
  all: ReturnType<typeof jobsOf>,
) {
  for (;;) {
    const times: { readonly began: number; readonly ended: number }[] = [];
    const create: ObjectsIn["create"] = async (...job) => {
      const began = performance.now();
      const made = await ns.create(...job);
      times.push({ began, ended: performance.now() });
      return made;
    };
    const runs = await runAll({ ...ns, create }, runsIn, all);
    const gaps = times.slice(1).map(({ ended }, i) => ended - (times[i]?.began ?? 0));
    if (Math.max(...gaps) < slowMs) return runs;
  }
}

test("five Jobs that need each other's artifacts run right in all 120 orders, each over the tags of the one before", async ({
  onTestFinished,
}) => {
  const { world, stop } = await startJobPlane();
  onTestFinished(stop);
  const all = orders([0, 1, 2, 3, 4]);
  const namespaces = 4;
  const each = Array.from({ length: namespaces }, async (_, i) => {
    const namespace = `orders-${i}`;
    const ns = await world.namespace(namespace);
    const five = jobsOf(namespace);
    for (const order of all.filter((_order, n) => n % namespaces === i)) {
      const sorted = order.flatMap((n) => five[n] ?? []);
      const words = sorted.map(({ metadata }) => metadata?.name).join(", ");
      const runs = await runAtOnce(ns, world.runsIn, sorted);
      expect(() => expectRight(runs), words).not.toThrow();
    }
  });
  await Promise.all(each);
}, 900_000);
