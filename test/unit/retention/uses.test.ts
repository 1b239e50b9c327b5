import { describe, expect, it } from "vitest";
import { keepList, selectionOf } from "../../../src/retention/uses.ts";

const digest = `sha256:${"a".repeat(64)}`;
const other = `sha256:${"b".repeat(64)}`;

describe("what steps use", () => {
  const uses = selectionOf([
    "runs/a:v1",
    "runs/$(POD_NAME)/x:$(JOB_COMPLETION_INDEX)",
    `pinned@${digest}`,
    `both:tag@${digest}`,
    "oci://oras-0.oras:5000/far:v1",
  ]);

  it.each([
    ["runs/a", "v1", true],
    ["runs/a", "v2", false],
    ["runs/pod-1/x", "7", true],
    ["runs/pod-1/y", "7", false],
    ["far", "v1", true],
    // By a registry with a prefix, as in `http://oras-0.oras:5000/team`, of the step or of another OrasCache.
    ["team/runs/a", "v1", true],
    ["a/team/runs/pod-1/x", "7", true],
    ["teamruns/a", "v1", false],
    ["team/a", "v1", false],
    ["pinned", "any", false],
  ])("%s:%s: %s", (repository, tag, is) => {
    expect(uses.hasTag(repository, tag)).toBe(is);
  });

  it.each([
    ["pinned", digest, true],
    ["pinned", other, false],
    ["both", digest, true],
    ["team/pinned", digest, true],
    ["elsewhere", digest, false],
  ])("%s@%s: %s", (repository, is, used) => {
    expect(uses.hasDigest({ repository, digest: is })).toBe(used);
  });
});

describe("the annotation keep of an OrasCache", () => {
  it("keeps repositories, tags and digests", () => {
    const kept = keepList(`models/**, runs/a:v1\nruns/b:rel-*  data@${digest},`);
    if (!("hasTag" in kept)) throw new Error("it is refused");
    expect(kept.hasTag("models/a/b", "x")).toBe(true);
    expect(kept.hasDigest({ repository: "models/a", digest: other })).toBe(true);
    expect(kept.hasTag("runs/a", "v1")).toBe(true);
    expect(kept.hasTag("runs/a", "v2")).toBe(false);
    expect(kept.hasDigest({ repository: "runs/a", digest })).toBe(false);
    expect(kept.hasTag("runs/b", "rel-1")).toBe(true);
    expect(kept.hasDigest({ repository: "data", digest })).toBe(true);
    expect(kept.hasDigest({ repository: "data", digest: other })).toBe(false);
    expect(kept.hasTag("data", "x")).toBe(false);
  });

  it("says what it does not understand", () => {
    expect(keepList("a:b, Models/**, c:d:e, oci://x/y")).toEqual([
      { entry: "Models/**" },
      { entry: "c:d:e" },
      { entry: "oci://x/y" },
    ]);
    expect(keepList("")).toHaveProperty("hasTag");
  });
});
