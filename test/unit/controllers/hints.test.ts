import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createHints } from "../../../src/controllers/hints.ts";

/** Time goes on when somebody waits. */
vi.mock("node:timers/promises", () => ({
  setTimeout: async (ms: number) => void vi.advanceTimersByTime(ms),
}));

beforeEach(() => void vi.useFakeTimers({ toFake: ["performance"], now: 0 }));
afterEach(() => void vi.useRealTimers());

const minutes = 20;

/** How often it is looked at the Pods of a registry, if steps wait for something of it, and others read. */
async function looksWhere({ waits, reads }: { waits: boolean; reads: boolean }): Promise<number> {
  let looks = 0;
  const isSoon = () => performance.now() < minutes * 60_000;
  const ended = Promise.withResolvers<number>();
  const client = {
    now: () => 0,
    request: () => {
      looks++;
      return Promise.resolve({ items: [] });
    },
  };
  const any = (is: boolean) => () => {
    if (!isSoon()) ended.resolve(looks);
    return is && isSoon();
  };
  const follow = createHints({
    ...{ client, caches: { store: new Map() }, operatorKey: "key", signal: new AbortController().signal },
    ...{ waiters: { anyFor: any(waits) }, moved: { anyFor: any(reads) } },
  } as never);
  follow("ns/oras");
  follow("ns/oras");
  return ended.promise;
}

it("while steps wait, the Pods of a registry are looked at each ten seconds", async () => {
  expect(await looksWhere({ waits: true, reads: true })).toBe(minutes * 6);
});

it("for those that only read, as services do for months, each two minutes", async () => {
  expect(await looksWhere({ waits: false, reads: true })).toBe(minutes / 2);
});
