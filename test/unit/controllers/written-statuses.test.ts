import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { createWrittenStatuses } from "../../../src/controllers/written-statuses.ts";

const cache = (version: number | string, user: string, more: object = {}, memo?: object) =>
  ({
    metadata: {
      ...{ name: "oras", namespace: "work", uid: "one", generation: 1 },
      ...{ resourceVersion: String(version), ...more },
    },
    spec: { deploy: true },
    status: { auth: { user }, ...(memo && { memo }) },
  }) as unknown as StoredOrasCache;
const status = (user: string) => ({ auth: { user } }) as NonNullable<StoredOrasCache["status"]>;
const userOf = ({ status }: StoredOrasCache) => status?.auth?.user;
const as = (version: number | string) => () => Promise.resolve(String(version));

describe("a cache whose status was written", () => {
  it("has that status while the mirror is behind, also with what others have written before it", async () => {
    const written = createWrittenStatuses();
    await written.write(cache(9, "a"), status("b"), as(12));
    for (const version of [9, 10, 11]) expect(userOf(written.latest(cache(version, "a")))).toBe("b");
    expect(userOf(written.latest(cache(12, "b")))).toBe("b");
    // Somebody else has written since.
    expect(userOf(written.latest(cache(13, "c")))).toBe("c");
  });

  it.each([
    ["was changed or gone meanwhile", () => Promise.resolve(undefined)],
    ["could not be reached", () => Promise.reject(new Error("no answer"))],
  ])("in vain, as it %s, has what was written before", async (_, write) => {
    const written = createWrittenStatuses();
    await written.write(cache(1, "a"), status("b"), as(2));
    await written.write(written.latest(cache(1, "a")), status("c"), write).catch(() => {});
    expect(userOf(written.latest(cache(1, "a")))).toBe("b");
    expect(userOf(written.latest(cache(2, "b")))).toBe("b");
  });

  it.each([
    ["has another name", cache(1, "a", { name: "other" })],
    ["is another one of that name", cache(1, "a", { uid: "two" })],
    ["has a version that is no number", cache("x1", "a")],
  ])("is what the mirror has where it %s", async (_, now) => {
    const written = createWrittenStatuses();
    await written.write(cache(1, "a"), status("b"), as(2));
    expect(userOf(written.latest(now))).toBe("a");
  });

  it("is what the mirror has when it is forgotten", async () => {
    const written = createWrittenStatuses();
    await written.write(cache(1, "a"), status("b"), as(2));
    written.forget("work/oras");
    expect(userOf(written.latest(cache(1, "a")))).toBe("a");
  });

  it("is what the mirror has where the API server was restored from a backup, after a minute", async () => {
    const time = { now: 0 };
    const written = createWrittenStatuses(() => time.now);
    await written.write(cache(1, "a"), status("b"), as(200));
    time.now = 60_000;
    expect(userOf(written.latest(cache(100, "a")))).toBe("a");
  });

  it("has what memoization has forgotten since, or nothing of it", async () => {
    const written = createWrittenStatuses();
    await written.write(
      cache(1, "a", {}, { forgotten: ["k"] }),
      { ...status("b"), memo: { epoch: 1 } },
      as(3),
    );
    const memo = { forgotten: ["k", "l"] };
    expect(written.latest(cache(2, "a", {}, memo)).status).toEqual({ ...status("b"), memo });
    expect(written.latest(cache(2, "a")).status).toEqual(status("b"));
  });

  it("changes by that write alone, and not by what somebody does besides", async () => {
    const written = createWrittenStatuses();
    const before = cache(1, "a");
    await written.write(before, status("b"), as(2));
    expect(written.isOwn(cache(2, "b"), before)).toBe(true);
    expect(written.isOwn(cache(2, "c"), before)).toBe(false);
    expect(written.isOwn(cache(2, "b", { generation: 2 }), before)).toBe(false);
    expect(written.isOwn(cache(2, "b", { deletionTimestamp: new Date() }), before)).toBe(false);
    expect(written.isOwn(cache(2, "b", { labels: { new: "label" } }), cache(1, "b"))).toBe(false);
  });
});

it("who looks never sees a status from before the last write, however late the mirror is", async () => {
  const steps = fc.array(fc.constantFrom("write", "other", "hear"), { maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(steps, async (drawn) => {
      const written = createWrittenStatuses();
      const versions = [cache(0, "0")];
      let [heard, own] = [0, 0];
      for (const step of drawn) {
        if (step === "hear") heard = Math.min(heard + 1, versions.length - 1);
        else versions.push(cache(versions.length, String(versions.length)));
        const at = versions.length - 1;
        const seen = versions[heard] as StoredOrasCache;
        if (step === "write") {
          await written.write(written.latest(seen), status(String(at)), as(at));
          own = at;
        }
        expect(Number(userOf(written.latest(seen)))).toBe(Math.max(own, heard));
      }
    }),
  );
});
