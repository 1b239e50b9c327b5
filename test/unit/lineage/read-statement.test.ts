import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changesBetween } from "../../../src/lineage/changes.ts";
import { readStatement } from "../../../src/lineage/read-statement.ts";
import { statementOf } from "../../../src/lineage/statement.ts";
import { readBundle } from "../../../src/lineage/statement-media.ts";
import { digestOfLetter, endedPod, provenanceOfPod } from "../../support/ended-step.ts";

const spec = { containers: [{ name: "main", image: "busybox:1", command: ["sh"], args: ["-c", "x"] }] };
const provenance = provenanceOfPod(endedPod({ "input-uri": "a/b:1", "output-uri": "made/result:v1" }, spec));
const text = JSON.stringify(statementOf(provenance));

describe("reading a statement", () => {
  it("tells what was written", () => {
    expect(readStatement(text, digestOfLetter("a"))).toMatchObject({
      ...{ step: "pod/make", pod: "make", invocation: "uid-of-make", node: "node-1", bytes: 12 },
      ...{ exitCodes: { main: 0 }, annotations: provenance.annotations },
      dependencies: [
        { name: "main", isImage: true, digest: digestOfLetter("e") },
        { isImage: false, digest: digestOfLetter("b") },
      ],
    });
  });

  it("of another artifact is none", () => {
    expect(readStatement(text, digestOfLetter("f"))).toBeUndefined();
  });

  it("never throws, whatever is in it", () => {
    const statement = JSON.parse(text) as object;
    const paths = [...pathsIn(statement)];
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.jsonValue(), (path, value) => {
        const changed = JSON.stringify(withAt(statement, path, value));
        expect(() => readStatement(changed, digestOfLetter("a"))).not.toThrow();
      }),
    );
    fc.assert(fc.property(fc.string(), (any) => void readStatement(readBundle(any).statement, any)));
  });
});

describe("what changed between two runs", () => {
  const made = readStatement(text, digestOfLetter("a"));
  if (made === undefined) throw new Error("it is a statement");

  it("is nothing where all is the same", () => {
    expect(changesBetween(made, structuredClone(made))).toEqual([]);
  });

  it("is each input, image, program and annotation", () => {
    const dependencies = made.dependencies.map((one) => ({ ...one, digest: digestOfLetter("9") }));
    const containers = { main: { image: "busybox:1", program: "another" } };
    const now = { ...made, dependencies, containers, annotations: { ...made.annotations, new: "1" } };
    expect(changesBetween(made, now).map(({ what }) => what)).toEqual([
      expect.stringMatching(/^input oci:.*a\/b:1$/) as string,
      "image of container main",
      "program of container main",
      "annotation new",
    ]);
  });
});

type Path = readonly (string | number)[];

function* pathsIn(value: unknown, path: Path = []): Generator<Path> {
  yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, member] of Object.entries(value))
    yield* pathsIn(member, [...path, Array.isArray(value) ? Number(key) : key]);
}

function withAt(value: unknown, [first, ...rest]: Path, put: unknown): unknown {
  if (first === undefined) return put;
  const copy = structuredClone(value) as Record<string | number, unknown>;
  copy[first] = withAt(copy[first], rest, put);
  return copy;
}
