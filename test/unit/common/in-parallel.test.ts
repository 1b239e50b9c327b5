import { expect, it } from "vitest";
import { inParallel } from "../../../src/common/in-parallel.ts";

it("what fails is thrown, and no other begins then", async () => {
  const begun: number[] = [];
  const ends = Promise.withResolvers<void>();
  const all = inParallel(
    [0, 1, 2, 3, 4],
    async (i) => {
      begun.push(i);
      if (i === 1) throw new Error("the second one");
      await ends.promise;
    },
    2,
  );
  await expect(all).rejects.toThrow("the second one");
  ends.resolve();
  await ends.promise;
  expect(begun).toEqual([0, 1]);
});
