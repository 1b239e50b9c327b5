import { expect, test } from "vitest";
import { createSparing } from "../../../src/controllers/sparing.ts";

/** A registry that takes so long to answer. */
function registryThatTakes(
  ms: number,
  answer: { againInMs?: number; trouble?: string } = { againInMs: 30_000 },
) {
  let time = 0;
  let asked = 0;
  const spared = createSparing<typeof answer>(() => time);
  return {
    look: (start = "a") =>
      spared("work/oras", start, async () => {
        asked++;
        time += ms;
        return answer;
      }),
    pass: (passed: number) => {
      time += passed;
    },
    time: () => time,
    asked: () => asked,
  };
}

test.each([500, 5_000, 15_000])(
  "a registry that takes %d ms costs little, however often it is looked at",
  async (ms) => {
    const registry = registryThatTakes(ms);
    let waited = 0;
    while (registry.time() < 3_600_000) {
      const begun = registry.time();
      await registry.look();
      waited += registry.time() - begun;
      registry.pass(10);
    }
    expect(waited / registry.time()).toBeLessThan(0.1);
    expect(registry.asked()).toBeGreaterThan(10);
  },
);

test("one that answers at once is asked each time", async () => {
  const registry = registryThatTakes(10);
  for (let i = 0; i < 10; i++) {
    expect(await registry.look()).toEqual({ againInMs: 30_000 });
    registry.pass(10);
  }
  expect(registry.asked()).toBe(10);
});

test("what a slow one has said stays until it is asked again", async () => {
  const registry = registryThatTakes(5_000, { trouble: "taken" });
  expect(await registry.look()).toEqual({ trouble: "taken" });
  registry.pass(1_000);
  expect(await registry.look()).toEqual({ trouble: "taken", againInMs: 299_000 });
  expect(await registry.look("b")).toEqual({ againInMs: 299_000 });
  registry.pass(299_000);
  await registry.look();
  expect(registry.asked()).toBe(2);
});
