import { describe, expect, it } from "vitest";
import { differences } from "../../../src/lineage/difference.ts";
import type { StepAnnotations } from "../../support/builders.ts";
import { type Around, digest, keyFor, podWith, stepOf } from "../../support/keys.ts";

const partsOf = (object: { kind?: string }, around: Around = {}, map: StepAnnotations = {}) =>
  keyFor(stepOf(object, around, map)).parts;
const plain = podWith();
const arm64 = podWith({}, { nodeSelector: { "kubernetes.io/arch": "arm64" } });
const env = (...variables: [string, string][]) =>
  podWith({ env: variables.map(([name, value]) => ({ name, value })) });
const labels = (sample: string) => {
  const read = { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.labels['sample']" } } }] };
  return { ...podWith(read), metadata: { labels: { sample } } };
};
const inputs = (...files: [string, string][]) => ({
  inputs: [files.map(([title, digit]) => ({ title, digest: digest(digit) }))],
});
const image = (digit: string) => ({ images: new Map([["busybox:1.36", digest(digit)]]) });

describe("the difference of two keys", () => {
  it.each<[string, unknown, unknown, string[]]>([
    ["nothing", partsOf(plain), partsOf(podWith({ name: "other" })), []],
    [
      "an image",
      partsOf(plain, image("a")),
      partsOf(plain, image("b")),
      ["pod.containers[0].image was sha256:aaaaaaaaaaaa, is sha256:bbbbbbbbbbbb"],
    ],
    [
      "a command",
      partsOf(plain),
      partsOf(podWith({ command: ["x"] })),
      ["pod.containers[0].command has another value"],
    ],
    [
      "a variable",
      partsOf(env(["a.b", "1"], ["B", "2"])),
      partsOf(env(["C", "3"], ["a.b", "4"])),
      [
        "pod.containers[0].env a.b has another value",
        "pod.containers[0].env B is gone",
        "pod.containers[0].env C is new",
      ],
    ],
    [
      "a variable from a label",
      partsOf(labels("x")),
      partsOf(labels("y")),
      ["pod.containers[0].env A has another value"],
    ],
    [
      "where a variable comes from",
      partsOf(env(["A", "x"])),
      partsOf(labels("x")),
      ["pod.containers[0].env A has another value"],
    ],
    [
      "the order of variables",
      partsOf(env(["A", "1"], ["B", "2"])),
      partsOf(env(["B", "2"], ["A", "1"])),
      ["pod.containers[0].env has another order"],
    ],
    [
      "a file of an input",
      partsOf(plain, inputs(["a.csv", "a"], ["b.csv", "b"])),
      partsOf(plain, inputs(["a.csv", "c"], ["c.csv", "b"])),
      [
        "input 1 a.csv.digest was sha256:aaaaaaaaaaaa, is sha256:cccccccccccc",
        "input 1 b.csv is gone",
        "input 1 c.csv is new",
      ],
    ],
    [
      "what is beside the Pod",
      partsOf(plain, { extra: "1", completionIndex: 1 }),
      partsOf(arm64, { extra: "2" }, { compression: "none" }),
      [
        "the architecture is new",
        "the completion index is gone",
        "memoize-extra has another value",
        "settings.compression has another value",
      ],
    ],
    ["a field", partsOf(plain), partsOf(podWith({}, { hostNetwork: true })), ["pod.hostNetwork is new"]],
    ["no parts", "text", { pod: [1] }, ["the key has another value"]],
    ["parts with control characters", {}, { "a\u001b[31m": 1 }, ["a\\u001b[31m is new"]],
  ])("says what differs: %s", (_, before, now, expected) => {
    expect(differences(before, now)).toEqual(expected);
  });

  it("shows no value", () => {
    const [one, other] = ["kept-from-all", "kept-as-well"].map((hidden) =>
      partsOf(podWith({ args: [hidden], env: [{ name: "PASSWORD", value: hidden }], workingDir: hidden })),
    );
    expect(differences(one, other).join("\n")).not.toMatch(/kept/);
    expect(differences(one, other)).toHaveLength(3);
  });
});

it.each([
  ["marks alone in words", { marks: "b" }, ["input 1 raw.csv has the same bytes and another mode or type"]],
  [
    "no marks beside other bytes, whose size is in them",
    { marks: "b", digest: `sha256:${"b".repeat(64)}` },
    [`input 1 raw.csv.digest was sha256:${"a".repeat(12)}, is sha256:${"b".repeat(12)}`],
  ],
])("tells of a file %s", (_, change, said) => {
  const file = { title: "raw.csv", digest: `sha256:${"a".repeat(64)}`, marks: "a" };
  expect(differences({ inputs: [[file]] }, { inputs: [[{ ...file, ...change }]] })).toEqual(said);
});
