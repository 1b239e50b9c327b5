import { describe, expect, it } from "vitest";
import { manifestReader, passOf } from "../../../src/retention/read.ts";

const manifest = {
  repository: "a",
  digest: "sha256:1",
  pushed: "2026-01-01T00:00:00Z",
  tags: [{ name: "t", pushed: "2026-01-01T00:00:00Z" }],
  blobs: [{ digest: "sha256:1", size: 1 }],
};

/** As the keeper writes it: each manifest ends its line. */
function linesOf(answer: unknown): string[] {
  const { manifests, ...rest } = (answer ?? {}) as { manifests?: unknown };
  if (!Array.isArray(manifests)) return [JSON.stringify(answer) ?? ""];
  const all = manifests.map((manifest) => JSON.stringify(manifest)).join("\n,");
  const end = JSON.stringify(rest).slice(1);
  return `{"manifests":[${all}${all && "\n"}]${end === "}" ? "" : `,${end}`}`.split("\n");
}

function readManifests(answer: unknown) {
  const reader = manifestReader();
  for (const line of linesOf(answer)) reader.line(line);
  return reader.end();
}

describe("the manifests of a keeper", () => {
  it("may be none", () => {
    expect(readManifests({ manifests: [], problem: "" }).manifests).toEqual([]);
  });

  it.each<[string, string[]]>([
    ["no lines", []],
    ["a line after the end", [`{"manifests":[],"problem":""}`, `,{}`]],
    ["a manifest before the beginning", [JSON.stringify(manifest)]],
    ["two beginnings", [`{"manifests":[${JSON.stringify(manifest)}`, `{"manifests":[`, `],"problem":""}`]],
    ["no comma", [`{"manifests":[${JSON.stringify(manifest)}`, JSON.stringify(manifest), `],"problem":""}`]],
    ["half a manifest", [`{"manifests":[{"repository":"a",`, `],"problem":""}`]],
    ["no problem", [`{"manifests":[]}`]],
    ["a problem that is no text", [`{"manifests":[],"problem":null}`]],
  ])("are refused with %s", (_, lines) => {
    const reader = manifestReader();
    expect(() => {
      for (const line of lines) reader.line(line);
      reader.end();
    }).toThrow(/keeper/);
  });

  it("are held without what is not used, and what several have once", () => {
    const text = JSON.stringify({
      ...manifest,
      config: { more: 1 },
      blobs: [{ ...manifest.blobs[0], more: 1 }],
    });
    const reader = manifestReader();
    for (const line of [`{"manifests":[${text}`, `,${text}`, `],"problem":""}`]) reader.line(line);
    const [first, second] = reader.end().manifests;
    expect(first).toEqual(manifest);
    expect(second?.blobs[0]).toBe(first?.blobs[0]);
  });

  it.each([
    ["manifests", {}],
    ["tags", { tags: Array.from({ length: 10 }, () => manifest.tags[0]) }],
    ["blobs", { blobs: Array.from({ length: 10 }, () => manifest.blobs[0]) }],
    ["inputs", { inputs: Array.from({ length: 10 }, () => "sha256:1") }],
    ["children", { children: Array.from({ length: 10 }, () => "sha256:1") }],
  ])("are refused in words when there are too many %s", (_, over) => {
    const reader = manifestReader();
    const text = `,${JSON.stringify({ ...manifest, ...over })}`;
    reader.line(`{"manifests":[${text.slice(1)}`);
    expect(() => {
      for (let i = 0; i < 300_000; i++) reader.line(text);
    }).toThrow("more than retention can plan with");
  });

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
