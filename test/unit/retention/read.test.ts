import { describe, expect, it } from "vitest";
import { passOf, readManifests } from "../../../src/retention/read.ts";

const manifest = {
  repository: "a",
  digest: "sha256:1",
  pushed: "2026-01-01T00:00:00Z",
  tags: [{ name: "t", pushed: "2026-01-01T00:00:00Z" }],
  blobs: [{ digest: "sha256:1", size: 1 }],
};

describe("the manifests of a keeper", () => {
  it("are read whole", () => {
    const pulled = "2026-01-02T00:00:00Z";
    const all = [manifest, { ...manifest, subject: "s", children: ["c"], inputs: ["i"], keep: true, pulled }];
    expect(readManifests({ manifests: all, problem: "" })).toEqual({ manifests: all, pullsSince: undefined });
  });

  it.each<[unknown, number | undefined]>([
    ["2026-01-01T00:00:00Z", Date.parse("2026-01-01T00:00:00Z")],
    ["ever", undefined],
    [0, undefined],
    [null, undefined],
  ])("know of pulls since %j", (pullsSince, since) => {
    expect(readManifests({ manifests: [], problem: "", pullsSince }).pullsSince).toBe(since);
  });

  it.each<[string, unknown]>([
    ["nothing", undefined],
    ["a word", "manifests"],
    ["another answer", { repositories: [] }],
    ["one that was cut off", { manifests: [manifest] }],
    ["one with a problem", { manifests: [manifest], problem: "input/output error" }],
    ["no digest", { manifests: [{ ...manifest, digest: 1 }], problem: "" }],
    ["tags without a time", { manifests: [{ ...manifest, tags: [{ name: "t" }] }], problem: "" }],
    ["a pull without a time", { manifests: [{ ...manifest, pulled: 5 }], problem: "" }],
    ["no tags", { manifests: [{ ...manifest, tags: null }], problem: "" }],
    ["a blob without a size", { manifests: [{ ...manifest, blobs: [{ digest: "x" }] }], problem: "" }],
    [
      "a blob of less than nothing",
      { manifests: [{ ...manifest, blobs: [{ digest: "x", size: -1 }] }], problem: "" },
    ],
    ["a name of megabytes", { manifests: [{ ...manifest, repository: "a".repeat(2 ** 21) }], problem: "" }],
    ["a digest of megabytes", { manifests: [{ ...manifest, digest: "a".repeat(2 ** 21) }], problem: "" }],
    [
      "a tag of megabytes",
      {
        manifests: [{ ...manifest, tags: [{ ...manifest.tags[0], name: "a".repeat(2 ** 21) }] }],
        problem: "",
      },
    ],
    ["inputs of numbers", { manifests: [{ ...manifest, inputs: [1] }], problem: "" }],
    ["a list of nothing", { manifests: [null], problem: "" }],
  ])("are refused: %s", (_, answer) => {
    expect(() => readManifests(answer)).toThrow(/keeper/);
  });
});

describe("the last pass of a keeper", () => {
  it.each<[unknown, unknown]>([
    [{ sweeping: true, lastPass: null }, undefined],
    [{ sweeping: false, lastPass: null }, "none"],
    [
      { sweeping: false, lastPass: { began: "x", freed: 5 } },
      { began: "x", freed: 5, failure: undefined },
    ],
    [
      { sweeping: false, lastPass: { began: "x", freed: 5, failure: "full" } },
      { began: "x", freed: 5, failure: "full" },
    ],
    // A status with such a number would be refused as a whole.
    [{ sweeping: false, lastPass: { began: "x", freed: -1 } }, "none"],
    [{ sweeping: false, lastPass: { began: "x", freed: 1e300 } }, "none"],
    [{ sweeping: false, lastPass: { began: "x", freed: 0.5 } }, "none"],
    [undefined, undefined],
  ])("%j is %j", (answer, pass) => {
    expect(passOf(answer)).toEqual(pass);
  });
});
