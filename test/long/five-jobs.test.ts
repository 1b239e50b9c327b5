import { expect, test } from "vitest";
import { expectRight, jobsOf, runAll } from "../support/five-jobs.ts";
import { startJobPlane } from "../support/job-plane.ts";

function orders<T>(all: readonly T[]): T[][] {
  if (all.length < 2) return [[...all]];
  return all.flatMap((first, i) => orders(all.toSpliced(i, 1)).map((others) => [first, ...others]));
}

test("five Jobs that need each other's artifacts run right in all 120 orders, each over the tags of the one before", async ({
  onTestFinished,
}) => {
  const { world, stop } = await startJobPlane();
  onTestFinished(stop);
  const all = orders([0, 1, 2, 3, 4]);
  // Without a batch, steps that are created more than two seconds after each other take what is there: few at a time.
  const namespaces = 4;
  const each = Array.from({ length: namespaces }, async (_, i) => {
    const namespace = `orders-${i}`;
    const ns = await world.namespace(namespace);
    const five = jobsOf(namespace);
    for (const order of all.filter((_order, n) => n % namespaces === i)) {
      const sorted = order.flatMap((n) => five[n] ?? []);
      const words = sorted.map(({ metadata }) => metadata?.name).join(", ");
      const runs = await runAll(ns, world.runsIn, sorted);
      expect(() => expectRight(runs), words).not.toThrow();
    }
  });
  await Promise.all(each);
}, 900_000);
