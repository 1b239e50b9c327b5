import fc from "fast-check";
import { expect, it } from "vitest";
import { parseAnnotations } from "../../src/annotations/parse.ts";
import { indexesIn } from "../../src/common/indexes.ts";
import { indexManifest, isAmong, partsOf } from "../../src/workflow/output-index.ts";
import { planOf } from "../../src/workflow/step.ts";
import { keyed } from "../support/builders.ts";

const piece = fc.constantFrom("a", "b", "0", "1", "-", ".", "$(JOB_COMPLETION_INDEX)", "$(JOB_NAME)");
const tag = fc.array(piece, { minLength: 1, maxLength: 6 }).map((pieces) => `t${pieces.join("")}`);
const known = { JOB_NAME: "job", POD_NAMESPACE: "ns" };

it("an index that is accepted takes the place of none of its parts, which have names of their own", () => {
  fc.assert(
    fc.property(tag, tag, (output, index) => {
      const map = keyed({ "output-uri": `a/b:${output}`, "output-index": `a/b:${index}` });
      const plan = planOf(map, {});
      if (!parseAnnotations(map).ok || plan?.output === undefined || plan.index === undefined) return;
      const parts = partsOf(plan.output, [...indexesIn(undefined, 20)]);
      expect(isAmong(plan.index, parts)).toBe(false);
      expect(new Set(parts.map(({ artifact }) => artifact.version)).size).toBe(20);
      // The name of the Job is known later: what it makes equal then is refused by who writes the index.
      const later = planOf(map, known);
      expect(`${later?.index?.version}`).not.toContain("$(");
    }),
  );
});

it("any reference beside any other is accepted, or refused with sentences", () => {
  fc.assert(
    fc.property(tag, tag, fc.constantFrom("a/b", "a/c", "oci://ghcr.io/a/b"), (output, index, place) => {
      const map = keyed({ "output-uri": `a/b:${output}`, "output-index": `${place}:${index}` });
      const result = parseAnnotations(map);
      if (place !== "a/b" || !output.includes("$(JOB_COMPLETION_INDEX)")) expect(result.ok).toBe(false);
      if (!result.ok)
        for (const { message, path } of result.problems) expect([message, path]).not.toContain("");
    }),
  );
});

it("the bytes of an index do not depend on the order in which its parts are found", () => {
  const part = fc.record({
    index: fc.nat(9_999),
    mediaType: fc.constant("application/vnd.oci.image.manifest.v1+json"),
    digest: fc.stringMatching(/^sha256:[a-f0-9]{64}$/),
    size: fc.nat(),
  });
  fc.assert(
    fc.property(fc.uniqueArray(part, { selector: ({ index }) => index }), fc.nat(), (parts, turn) => {
      const other = [...parts.slice(turn % (parts.length + 1)), ...parts.slice(0, turn % (parts.length + 1))];
      expect(indexManifest(other).bytes).toEqual(indexManifest(parts).bytes);
      const { manifests } = JSON.parse(indexManifest(parts).bytes.toString()) as { manifests: unknown[] };
      expect(manifests).toHaveLength(parts.length);
    }),
  );
});

it("indexes are read as Kubernetes writes them", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(200)), (some) => {
      const sorted = [...some].sort((a, b) => a - b);
      const ranges: string[] = [];
      for (let at = 0; at < sorted.length; ) {
        let end = at;
        while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end++;
        ranges.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
        at = end + 1;
      }
      expect([...indexesIn(ranges.join(","), 201)]).toEqual(sorted);
    }),
  );
});
