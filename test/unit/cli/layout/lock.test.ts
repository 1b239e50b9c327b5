import { spawnSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import { makeLayout } from "../../../../src/cli/layout/index-file.ts";
import { withLock } from "../../../../src/cli/layout/lock.ts";
import { temporaryFolder } from "../../../support/folders.ts";

/** Puts what commands do with files in an order that is chosen, as that of several processes may be any. */
const order = vi.hoisted(() => ({ by: undefined as undefined | (<T>(task: Promise<T>) => Promise<T>) }));

vi.mock("node:fs/promises", async (original) => {
  const real = await original<typeof import("node:fs/promises")>();
  const ordered =
    <A extends unknown[], T>(run: (...all: A) => Promise<T>) =>
    async (...all: A): Promise<T> => {
      await order.by?.(Promise.resolve());
      return run(...all);
    };
  return { ...real, open: ordered(real.open), readFile: ordered(real.readFile), rm: ordered(real.rm) };
});

const { pid } = spawnSync("true");
const killed = `process ${pid} on ${hostname()}\n`;

describe("the lock of a command that was killed", () => {
  test("is taken by one at a time of those that find it, in whatever order they act", async () => {
    const folder = temporaryFolder("lock");
    const path = join(folder, ".index.lock");
    await fc.assert(
      fc
        .asyncProperty(
          fc.scheduler(),
          fc.integer({ min: 2, max: 4 }),
          // Who took one away was killed, too.
          fc.subarray(["", ".dead", ".dead.dead"], { minLength: 1 }),
          async (scheduler, commands, left) => {
            for (const end of left) writeFileSync(`${path}${end}`, killed);
            order.by = (task) => scheduler.schedule(task);
            let [inside, done, most] = [0, 0, 0];
            const command = () =>
              withLock(path, async () => {
                most = Math.max(most, ++inside);
                await scheduler.schedule(Promise.resolve());
                inside--;
                done++;
              });
            await scheduler.waitFor(Promise.all(Array.from({ length: commands }, command)));
            expect([most, done]).toEqual([1, commands]);
          },
        )
        .afterEach(() => {
          order.by = undefined;
        }),
      { numRuns: 60 },
    );
  });

  test("does not keep a folder from becoming a layout, nor does that of one that was taking it away", async () => {
    const folder = temporaryFolder("lock");
    for (const end of ["", ".dead"]) writeFileSync(join(folder, `.index.lock${end}`), killed);
    await makeLayout(folder);
    expect(readdirSync(folder).sort()).toEqual(["blobs", "index.json", "oci-layout"]);
  });
});
