import { describe, expect, it } from "vitest";
import { whatElseRan } from "../../../src/memo/ran.ts";
import { shortKey } from "../../../src/memo/short-key.ts";
import { missSentence } from "../../../src/memo/told.ts";
import { digest } from "../../support/keys.ts";

const containers = [{ name: "main", image: "a:1" }];
const images = new Map([["a:1", [digest("a"), digest("b"), digest("c")]]]);
const ran = (...ids: (string | undefined)[]) => ids.map((imageID) => ({ name: "main", imageID }));

describe("the images that a step has run", () => {
  it.each([
    ["the index", `docker.io/library/a@${digest("a")}`],
    ["the manifest for the architecture", `docker.io/library/a@${digest("b")}`],
    ["the configuration, where it was loaded", digest("c")],
  ])("are those of its key by %s", (_, id) => {
    expect(whatElseRan(containers, images, ran(id))).toBeUndefined();
  });

  it.each<[string, ReturnType<typeof ran>]>([
    ["another image", ran(`a@${digest("d")}`)],
    ["another image in one attempt", ran(digest("a"), digest("d"))],
    ["nothing that is known", ran()],
    ["an image that the kubelet does not name", ran(undefined)],
    ["a name without a digest", ran("a:1")],
  ])("are not, where it ran %s", (_, statuses) => {
    expect(whatElseRan(containers, images, statuses)).toMatch(/container main/);
  });

  it("are not known of one that was started again by its tag, and are by a digest", () => {
    const again = [{ name: "main", imageID: digest("a"), restartCount: 1 }];
    expect(whatElseRan(containers, images, again)).toMatch(/main was started again/);
    const image = `a@${digest("a")}`;
    const named = new Map([[image, [digest("a")]]]);
    expect(whatElseRan([{ name: "main", image }], named, again)).toBeUndefined();
  });

  it("are not compared where the author vouches for the tag", () => {
    expect(whatElseRan(containers, new Map(), ran(digest("d")))).toBeUndefined();
  });

  it("count of init containers, too, and not of what was added", () => {
    const both = [...containers, { name: "init", image: "a:1" }];
    expect(whatElseRan(both, images, ran(digest("a")))).toMatch(/container init/);
    const others = [...ran(digest("a")), { name: "oras", imageID: digest("d") }];
    expect(whatElseRan(containers, images, others)).toBeUndefined();
  });
});

describe("the sentence of a miss", () => {
  const key = "0123456789abcdef";
  const last = {
    ...{ key: "f".repeat(64), parts: '{"extra":"a"}', at: "2026-01-01T00:00:00Z" },
    by: { kind: "Job", name: "split", uid: "u" },
    output: { repository: "a/b", digest: digest("a"), mediaType: "x", size: 1 },
  };
  const because = "nothing is remembered of it";

  it("says what differs from the last run with the same output", () => {
    expect(missSentence(key, because, last, { extra: "b" })).toBe(
      `Runs, as there is no result with the key ${shortKey(key)}: ${because}. Since Job split made this output at ${last.at}: memoize-extra has another value.`,
    );
  });

  it.each([
    ["there was none", undefined],
    ["what was written of it cannot be read", { ...last, parts: "{" }],
    ["it is of the same key", { ...last, key }],
  ])("does not fail where %s", (_, before) => {
    expect(missSentence(key, because, before, { extra: "b" })).toContain(because);
  });
});
