import { spawnSync } from "node:child_process";
import { hostname } from "node:os";
import fc from "fast-check";
import { expect, test, vi } from "vitest";
import { withLock } from "../../../../src/cli/layout/lock.ts";

/** A folder, on which commands act in an order that is chosen, as that of several processes may be any. */
const folder = vi.hoisted(() => {
  const files = new Map<string, string>();
  const turn = { next: async (): Promise<unknown> => undefined };
  const failure = (code: string) => Object.assign(new Error(code), { code });
  const open = async (path: string) => {
    await turn.next();
    if (files.has(path)) throw failure("EEXIST");
    files.set(path, "");
    const writeFile = async (text: string) => {
      await turn.next();
      files.set(path, text);
    };
    return { writeFile, close: async () => {} };
  };
  const readFile = async (path: string) => {
    await turn.next();
    const text = files.get(path);
    if (text === undefined) throw failure("ENOENT");
    return text;
  };
  const rm = async (path: string) => {
    await turn.next();
    files.delete(path);
  };
  return { files, turn, rmSync: (path: string) => files.delete(path), async: { open, readFile, rm } };
});

vi.mock("node:fs", async (original) => ({ ...(await original<object>()), rmSync: folder.rmSync }));
vi.mock("node:fs/promises", async (original) => ({ ...(await original<object>()), ...folder.async }));
vi.mock("node:timers/promises", () => ({ setTimeout: () => folder.turn.next() }));

const { pid } = spawnSync("true");
const killed = `process ${pid} on ${hostname()}\n`;
/** A lock, that for taking it away, and that for taking that away: who did either was killed, too. */
const locks = ["lock", "lock.dead", "lock.dead.dead"];

test("of commands that find the lock of one that was killed one at a time takes it, in whatever order they act", async () => {
  const run = async (scheduler: fc.Scheduler, commands: number, left: readonly string[]) => {
    for (const path of left) folder.files.set(path, killed);
    folder.turn.next = () => scheduler.schedule(Promise.resolve());
    let [inside, done, most] = [0, 0, 0];
    const command = () =>
      withLock("lock", async () => {
        most = Math.max(most, ++inside);
        await folder.turn.next();
        inside--;
        done++;
      });
    await scheduler.waitFor(Promise.all(Array.from({ length: commands }, command)));
    expect([most, done]).toEqual([1, commands]);
    // The one that nobody had to take away may stay, and keeps nobody out.
    expect(folder.files.has("lock")).toBe(false);
  };
  const commands = fc.integer({ min: 2, max: 4 });
  await fc.assert(
    fc
      .asyncProperty(fc.scheduler(), commands, fc.subarray(locks), run)
      .beforeEach(() => folder.files.clear()),
    { numRuns: 300 },
  );
});
