import { describe, expect, test } from "vitest";
import { readReview, uidIn, writeReview } from "../../../src/webhook/review.ts";

const apiVersion = "admission.k8s.io/v1";
const kind = "AdmissionReview";
const request = {
  uid: "1",
  kind: { group: "", version: "v1", kind: "Pod" },
  operation: "CREATE",
  namespace: "default",
  object: { metadata: { annotations: { a: "b" } }, spec: {} },
};
const read = (changes: object) =>
  readReview(JSON.stringify({ apiVersion, kind, request: { ...request, ...changes } }));

describe("reading", () => {
  test("the request of a review", () => {
    expect(read({})).toEqual(request);
    expect(read({ operation: "UPDATE", oldObject: {} }).oldObject).toEqual({});
    expect(read({ operation: "DELETE", object: null, oldObject: {}, namespace: "" }).object).toBeNull();
  });

  test.each([
    ["", "not JSON"],
    ["{", "not JSON"],
    ["null", "no AdmissionReview"],
    ["[]", "no AdmissionReview"],
    ["1", "no AdmissionReview"],
    [JSON.stringify({ apiVersion: "admission.k8s.io/v1beta1", kind, request }), "no AdmissionReview"],
    [JSON.stringify({ apiVersion, kind }), "no request"],
    [JSON.stringify({ apiVersion, kind, request: [] }), "no request"],
  ])("%j is none", (body, why) => {
    expect(() => readReview(body)).toThrow(why);
  });

  test.each<readonly [string, object]>([
    ...[undefined, "", 7, { a: 1 }, "x".repeat(300)].map((uid) => ["uid", { uid }] as const),
    ...[undefined, null, "Pod", [], {}, { kind: 7 }, { kind: "Pod", group: {} }].map(
      (type) => ["kind", { kind: type }] as const,
    ),
    ...[undefined, "create", "PATCH", "__proto__", ["CREATE"]].map(
      (operation) => ["operation", { operation }] as const,
    ),
    ...[7, "..", "a/b", "a%2fb", "a b", "é", "A", "-a", "a".repeat(64), {}].map(
      (namespace) => ["namespace", { namespace }] as const,
    ),
    ...[7, {}, ["x"]].map((name) => ["name", { name }] as const),
    ...[undefined, null, "x", [], 7, { metadata: 7 }, { metadata: { annotations: "x" } }, { spec: [] }].map(
      (object) => ["object", { object }] as const,
    ),
    ...[{ a: 7 }, { a: null }, ["x"]].map(
      (annotations) => ["object", { object: { metadata: { annotations } } }] as const,
    ),
    ["oldObject", { operation: "UPDATE", oldObject: null }],
    ["oldObject", { operation: "UPDATE", oldObject: "x" }],
  ])("%s is looked at: %j", (field, changes) => {
    expect(() => read(changes)).toThrow(`${field} must`);
  });

  test("every wrong field is reported at once", () => {
    expect(() => read({ uid: 1, namespace: "..", operation: "x" })).toThrow(
      /uid must .*; operation must .*; namespace must/,
    );
  });
});

describe("the uid of a review that is too long to be read", () => {
  const begin = `{"kind":"${kind}","apiVersion":"${apiVersion}","request":{"uid":"`;
  test.each([
    [`${begin}3a1f-5f0e","kind":{"group"`, "3a1f-5f0e"],
    [`${begin}`, undefined],
    [`${begin}","kind"`, undefined],
    [`${begin}a\\u0022b","kind"`, undefined],
    [`${begin}${"x".repeat(300)}"`, undefined],
    [` ${begin}x"`, undefined],
    ["", undefined],
  ])("%.90j", (head, uid) => expect(uidIn(Buffer.from(head))).toBe(uid));
});

describe("writing", () => {
  const warning = { code: "RepeatedStep", path: "x" } as const;
  const answer = (verdict: Parameters<typeof writeReview>[1]) =>
    (JSON.parse(writeReview("1", verdict)) as { response: Record<string, unknown> }).response;

  test("allowed, with a patch or without", () => {
    const allowed = { kind: "allowed", warnings: [], outcome: "injected" } as const;
    const patch = [{ op: "add" as const, path: "/x", value: "é" }];
    expect(answer(allowed)).toEqual({ uid: "1", allowed: true });
    expect(answer({ ...allowed, patch: [] })).toEqual({ uid: "1", allowed: true });
    const { patch: encoded, ...rest } = answer({ ...allowed, patch });
    expect(rest).toEqual({ uid: "1", allowed: true, patchType: "JSONPatch" });
    expect(JSON.parse(Buffer.from(encoded as string, "base64").toString())).toEqual(patch);
  });

  test("denied, in the API server's terms", () => {
    expect(
      answer({ kind: "denied", message: "no", code: 422, warnings: [{ ...warning, message: "w." }] }),
    ).toEqual({
      uid: "1",
      allowed: false,
      status: { code: 422, reason: "Invalid", message: "no" },
      warnings: ["x: w. (RepeatedStep)"],
    });
  });

  test("nothing in a refusal that a terminal would obey, whoever wrote it", () => {
    const { status } = answer({ kind: "denied", message: "a\u202eb\n- c\u009b", code: 500, warnings: [] });
    expect(status).toMatchObject({ message: "a\\u202eb\n- c\\u009b" });
  });

  test("nothing in warnings that a terminal would obey", () => {
    const warnings = [
      { ...warning, message: "a\u202eb" },
      { ...warning, message: "c\u009bd\n- e" },
      { ...warning, message: "", path: "f\ud800\ng" },
    ];
    const told = answer({ kind: "allowed", outcome: "skipped", warnings })["warnings"] as string[];
    expect(told[0]).toContain("a\\u202eb");
    expect(told[1]).toContain("c\\u009bd\n- e");
    expect(told[2]).toContain("f\\ud800\\u000ag: ");
  });

  test("no more warnings than the API server passes on", () => {
    const warnings = [4000, 200, 50].map((length) => ({ ...warning, message: "a".repeat(length) }));
    expect(answer({ kind: "allowed", outcome: "skipped", warnings })["warnings"]).toEqual([
      `x: ${"a".repeat(4000)} (RepeatedStep)`,
    ]);
  });
});
