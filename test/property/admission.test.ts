import type { V1Pod } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { names } from "../../schema/names.ts";
import type { AdmissionRequest } from "../../src/injection/admission-types.ts";
import { created } from "../support/patched.ts";
import { admit, createRequest, pod, podSpec, stepAnnotations } from "../support/pods.ts";

/** Values of every kind, with the names that JavaScript has where they are not expected. */
const wrong = fc.oneof(
  { arbitrary: fc.jsonValue({ maxDepth: 2 }), weight: 1 },
  {
    arbitrary: fc.constantFrom<unknown>(
      null,
      [],
      {},
      "",
      "x",
      0,
      -1,
      "constructor",
      { length: 3 },
      [null],
      [[]],
    ),
    weight: 3,
  },
  { arbitrary: fc.constantFrom<unknown>(undefined, null), weight: 3 },
);

const job = fc.tuple(podSpec, stepAnnotations, fc.boolean()).map(([spec, own, both]) => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name: "j", annotations: own },
  spec: { template: { metadata: both ? { annotations: own } : {}, spec } },
}));
const annotatedPod = fc
  .tuple(pod, stepAnnotations)
  .map(([p, annotations]): V1Pod => ({ ...p, metadata: { ...p.metadata, annotations } }));
/** Objects, and what is stored of them: drawn once, as making them costs far more than a review. */
const around = { hookShape: true };
const bases = fc.sample(fc.oneof(annotatedPod, job), { numRuns: 200, seed: 1 }).map((object) => {
  const stored = created(object, around);
  return { object, stored, copy: { ...stored, metadata: { name: "copy" } } };
});

/** An object in which some values, wherever they stand, are of another kind. */
function spoiled(object: object, changes: readonly (readonly [number, unknown])[]): unknown {
  const copy = structuredClone(object);
  const places = placesIn(copy);
  for (const [at, value] of changes) put(copy, places[at % places.length] ?? [], value);
  return copy;
}

function placesIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, below]) => placesIn(below, [...path, key]))];
}

function put(object: unknown, path: readonly string[], value: unknown): void {
  const parent = path
    .slice(0, -1)
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | null)?.[key], object);
  const key = path.at(-1);
  if (typeof parent === "object" && parent !== null && key !== undefined)
    (parent as Record<string, unknown>)[key] = value;
}

const changes = fc.array(fc.tuple(fc.nat(), wrong), { maxLength: 2 });
const requests = fc
  .record({
    base: fc.constantFrom(...bases),
    which: fc.constantFrom("object" as const, "stored" as const, "copy" as const),
    changes,
    changesOfOld: fc.oneof(fc.constant([]), changes),
    operation: fc.constantFrom("CREATE", "UPDATE", "DELETE"),
    instead: fc.option(wrong, { freq: 20 }),
  })
  .map(({ base, which, changes, changesOfOld, operation, instead }) => ({
    ...createRequest({ kind: base.object.kind ?? "" }),
    object: instead ?? spoiled(base[which], changes),
    oldObject: operation === "CREATE" ? null : spoiled(base.stored, changesOfOld),
    operation,
  }));

describe("no review fails", () => {
  it("whatever its objects hold: 10,000 of them", { timeout: 60_000 }, () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(requests, (request) => {
        const verdict = admit(request as AdmissionRequest, around);
        const outcome = verdict.kind === "denied" ? "denied" : verdict.outcome;
        seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      }),
      { numRuns: Number(process.env["REVIEWS"] ?? 10_000) },
    );
    // Each way through it is taken, or the test would say little.
    for (const outcome of ["injected", "restored", "untouched", "stripped"]) {
      expect(seen.get(outcome), outcome).toBeGreaterThan(20);
    }
  });

  it.each([
    [
      "a marker with the name of what every object has",
      { [names.markerAnnotation]: '{"wrapped":{"constructor":1}}' },
    ],
    ["a marker that is null", { [names.markerAnnotation]: "null" }],
    ["a marker that is a number", { [names.markerAnnotation]: "1" }],
  ])("%s", (_, annotations) => {
    const object = {
      kind: "Pod",
      metadata: { annotations },
      spec: { containers: [{ name: "constructor" }] },
    };
    expect(admit(createRequest(object))).toMatchObject({ kind: "allowed", outcome: "stripped" });
  });
});
