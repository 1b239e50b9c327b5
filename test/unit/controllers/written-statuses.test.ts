import { describe, expect, it } from "vitest";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { createWrittenStatuses } from "../../../src/controllers/written-statuses.ts";

const cache = (resourceVersion: string, user: string, more: object = {}) =>
  ({
    metadata: { name: "oras", namespace: "work", resourceVersion, generation: 1, ...more },
    spec: { deploy: true },
    status: { auth: { user } },
  }) as unknown as StoredOrasCache;
const status = (user: string) => ({ auth: { user } }) as NonNullable<StoredOrasCache["status"]>;
const userOf = ({ status }: StoredOrasCache) => status?.auth?.user;
const done = () => Promise.resolve(true);

describe("a cache whose status was written", () => {
  it("has that status while the mirror is behind, also after another look that writes nothing", async () => {
    const written = createWrittenStatuses();
    await written.write(cache("1", "a"), status("b"), done);
    expect(userOf(written.latest(cache("1", "a")))).toBe("b");
    expect(userOf(written.latest(cache("1", "a")))).toBe("b");
    expect(userOf(written.latest(cache("2", "b")))).toBe("b");
    // Somebody else has written since.
    expect(userOf(written.latest(cache("3", "c")))).toBe("c");
  });

  it.each([
    ["was changed or gone meanwhile", () => Promise.resolve(false)],
    ["could not be reached", () => Promise.reject(new Error("no answer"))],
  ])("in vain, as it %s, is what the mirror has", async (_, write) => {
    const written = createWrittenStatuses();
    await written.write(cache("1", "a"), status("b"), done);
    await written.write(written.latest(cache("1", "a")), status("c"), write).catch(() => {});
    expect(userOf(written.latest(cache("1", "a")))).toBe("a");
  });

  it("is another one when it is forgotten, or of another name", async () => {
    const written = createWrittenStatuses();
    await written.write(cache("1", "a"), status("b"), done);
    expect(userOf(written.latest(cache("1", "a", { name: "other" })))).toBe("a");
    written.forget("work/oras");
    expect(userOf(written.latest(cache("1", "a")))).toBe("a");
  });

  it("changes by that write alone, and not by what somebody does besides", async () => {
    const written = createWrittenStatuses();
    const before = cache("1", "a");
    await written.write(before, status("b"), done);
    expect(written.isOwn(cache("2", "b"), before)).toBe(true);
    expect(written.isOwn(cache("2", "c"), before)).toBe(false);
    expect(written.isOwn(cache("2", "b", { generation: 2 }), before)).toBe(false);
    expect(written.isOwn(cache("2", "b", { deletionTimestamp: new Date() }), before)).toBe(false);
    expect(written.isOwn(cache("2", "b", { labels: { new: "label" } }), cache("1", "b"))).toBe(false);
  });
});
