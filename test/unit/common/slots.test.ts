import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSlots } from "../../../src/common/slots.ts";

const refuse = () => new Error("no turn");
const forEver = new AbortController().signal;

/** Slots, the work that runs in the order in which it began, and what ends it. */
function watched(room = { most: 8, mostWaiting: 16, parts: 4 }) {
  const slots = createSlots(room, refuse);
  const running: { owner: string; end: () => void }[] = [];
  const begun: string[] = [];
  const refused: string[] = [];
  const ask = (owner: string, signal = forEver) =>
    slots(
      owner,
      () => {
        begun.push(owner);
        const { promise, resolve } = Promise.withResolvers<void>();
        running.push({ owner, end: resolve });
        return promise;
      },
      signal,
    ).catch(() => {
      refused.push(owner);
    });
  const settle = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  const end = async (owner?: string) => {
    const at = running.findIndex((one) => owner === undefined || one.owner === owner);
    running.splice(at, 1)[0]?.end();
    await settle();
  };
  return { ask, settle, end, running, begun, refused };
}

const times = (count: number, work: () => void) => {
  for (let i = 0; i < count; i++) work();
};

describe("one owner does not starve the others", () => {
  it("it gets its part of the places, and the others begin at once", async () => {
    const { ask, settle, begun } = watched();
    times(100, () => void ask("greedy"));
    for (const owner of ["a", "b", "c"]) void ask(owner);
    await settle();
    expect(begun).toEqual(["greedy", "greedy", "a", "b", "c"]);
  });

  it("it gets its part of the queue: others can wait too, and what is beyond is refused at once", async () => {
    const { ask, settle, refused, end, begun } = watched();
    for (const owner of ["a", "b", "c", "d"]) times(2, () => void ask(owner));
    times(10, () => void ask("a"));
    void ask("late");
    await settle();
    expect(refused).toEqual(Array(6).fill("a"));
    await end("b");
    await end("c");
    expect(begun.slice(8)).toEqual(["late"]);
  });

  it("owners take turns, however long their queues are", async () => {
    const { ask, end, begun } = watched({ most: 1, mostWaiting: 100, parts: 1 });
    times(5, () => void ask("a"));
    times(2, () => void ask("b"));
    void ask("c");
    for (let i = 0; i < 8; i++) await end();
    expect(begun).toEqual(["a", "a", "b", "c", "a", "b", "a", "a"]);
  });

  it("who does not wait any longer takes no place in the queue", async () => {
    const { ask, settle, refused, end, begun } = watched();
    const leaving = new AbortController();
    times(2, () => void ask("a"));
    times(4, () => void ask("a", leaving.signal));
    await settle();
    leaving.abort();
    await settle();
    expect(refused).toHaveLength(4);
    times(4, () => void ask("a"));
    await settle();
    expect(refused).toHaveLength(4);
    for (let i = 0; i < 6; i++) await end();
    expect(begun).toHaveLength(6);
  });
});

it("whatever is asked, no bound is passed, and who is not refused gets a turn", async () => {
  const owner = fc.constantFrom("a", "b", "c", "d", "e", "f");
  const step = fc.oneof(
    owner.map((name) => ({ ask: name })),
    fc.constant({ end: true }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120 }), async (steps) => {
      const { ask, end, settle, running, begun, refused } = watched();
      let asked = 0;
      for (const one of steps) {
        if ("ask" in one) {
          asked++;
          void ask(one.ask);
          await settle();
        } else await end();
        expect(running.length).toBeLessThanOrEqual(8);
        for (const { owner: name } of running) {
          expect(running.filter((other) => other.owner === name).length).toBeLessThanOrEqual(2);
        }
      }
      while (running.length > 0) await end();
      expect(begun.length + refused.length).toBe(asked);
    }),
  );
});
