import { describe, expect, test } from "vitest";
import { readReview, writeReview } from "../../../src/webhook/review.ts";

const review = { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", request: { uid: "1" } };

describe("reading", () => {
  test("the request of a review", () => {
    expect(readReview(JSON.stringify(review))).toEqual({ uid: "1" });
  });

  test.each([
    "",
    "{",
    "null",
    "[]",
    "1",
    JSON.stringify({ ...review, apiVersion: "admission.k8s.io/v1beta1" }),
    JSON.stringify({ ...review, request: {} }),
  ])("%j is none", (body) => {
    expect(() => readReview(body)).toThrow(/expected an AdmissionReview|not JSON/);
  });
});

describe("writing", () => {
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
    expect(answer({ kind: "denied", message: "no", code: 422, warnings: ["w"] })).toEqual({
      uid: "1",
      allowed: false,
      status: { code: 422, reason: "Invalid", message: "no" },
      warnings: ["w"],
    });
  });

  test("no more warnings than the API server passes on", () => {
    const warnings = ["a".repeat(4000), "b".repeat(200), "c".repeat(50)];
    expect(answer({ kind: "allowed", outcome: "skipped", warnings })["warnings"]).toEqual([warnings[0]]);
  });
});
