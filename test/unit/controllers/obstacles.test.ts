import { describe, expect, test } from "vitest";
import { notesOf } from "../../../src/controllers/notes.ts";
import {
  ContestedError,
  FailedTryError,
  freshOf,
  isOfOneChild,
  NameTakenError,
  NotYetError,
  refusedBy,
  retryAfter,
  troubleFrom,
} from "../../../src/controllers/obstacles.ts";
import { KubeError, sentenceOf } from "../../../src/kube/errors.ts";

const answered = (status: number, body = {}) =>
  new KubeError("PATCH /x", status, { message: "why", ...body });
const terminating = answered(403, { details: { causes: [{ reason: "NamespaceTerminating" }] } });

const failed = (cause: Error, tries: number) =>
  new FailedTryError(cause, { retryInMs: 5, tries, isNew: false });

describe("an error", () => {
  test.each([
    ["no answer", new Error("ECONNREFUSED"), undefined, "backoff"],
    ["a conflict", answered(409), undefined, expect.any(Number)],
    ["what is being deleted", failed(new NotYetError("x"), 1), undefined, 5],
    ["what is being deleted for long", failed(new NotYetError("x"), 4), "BeingDeleted", 5],
    ["a name that is taken", new NameTakenError("x"), "NameTaken", "backoff"],
    ["a child that others change", new ContestedError("Service x", 7), "Contested", 7],
    ["an invalid object", answered(422), "Invalid", "backoff"],
    ["a policy", answered(403), "Forbidden", "backoff"],
    ["lif-03: a quota", answered(403, { message: "exceeded quota: x" }), "QuotaExceeded", "backoff"],
    [
      "a volume that a LimitRange refuses",
      answered(403, {
        message: "minimum storage usage per PersistentVolumeClaim is 5Gi, but request is 1Gi",
      }),
      "LimitRangeViolation",
      "backoff",
    ],
    ["an error of the server", answered(500), "ApplyFailed", "backoff"],
    ["one of a moment ago", failed(answered(422), 2), "Invalid", 5],
    ["a namespace that is being deleted", terminating, undefined, "never"],
    ["a namespace that is being deleted, of a moment ago", failed(terminating, 1), undefined, "never"],
  ])("%s", (_, error, reason, retry) => {
    expect(troubleFrom(error)?.reason).toBe(reason);
    expect(retryAfter(error)).toEqual(retry);
  });
});

describe("several children that are refused", () => {
  const one = (child: string, error: unknown) => ({ child, error });
  const quota = failed(answered(403, { message: "exceeded quota: x" }), 1);

  test("are all named, under the reason of the first", () => {
    const error = refusedBy([
      one("Service a", quota),
      one("NetworkPolicy a", failed(answered(403), 1)),
      one("PodDisruptionBudget a", failed(answered(403), 1)),
      one("ConfigMap a", failed(new NotYetError("x"), 1)),
    ]);
    expect(troubleFrom(error)).toEqual({
      reason: "QuotaExceeded",
      message:
        "Service a: exceeded quota: x. Also Forbidden: NetworkPolicy a: why. Also Forbidden: PodDisruptionBudget a: why.",
    });
  });

  test("are one error where it is one, and none where it is none", () => {
    expect(refusedBy([one("Service a", quota)])).toBe(quota);
    expect(refusedBy([])).toBeUndefined();
  });

  test.each([
    ["the soonest", [new ContestedError("Service a", 3), quota], 3],
    ["soon, where nothing is known of one", [quota, new Error("ECONNREFUSED")], "backoff"],
    ["never, where the namespace goes", [failed(terminating, 1), failed(terminating, 1)], "never"],
  ])("are tried again: %s", (_, errors, retry) => {
    expect(retryAfter(refusedBy(errors.map((error, i) => one(`Service ${i}`, error))))).toBe(retry);
  });

  test("are logged where they were tried just now", () => {
    const isNew = new FailedTryError(answered(422), { retryInMs: 5, tries: 1, isNew: true });
    expect(freshOf(refusedBy([one("Service a", quota), one("Service b", isNew)]))).toBe(isNew.cause);
    expect(freshOf(refusedBy([one("Service a", quota), one("Service b", quota)]))).toBeUndefined();
    const both = freshOf(refusedBy([one("Service a", isNew), one("Service b", new Error("x"))]));
    expect(sentenceOf(both)).toMatch(/^Service a: PATCH .*why; Service b: x$/);
  });

  test("keep the others from being made where nothing can be", () => {
    expect([quota, new ContestedError("a", 1)].map(isOfOneChild)).toEqual([true, true]);
    expect([failed(terminating, 1), answered(409), new Error("x")].map(isOfOneChild)).toEqual([
      false,
      false,
      false,
    ]);
  });
});

describe("Events about changes", () => {
  test("one for each sort", () => {
    const changes = [
      { kind: "created", child: "Service a" },
      { kind: "created", child: "StatefulSet a" },
      { kind: "updated", child: "Service a" },
      { kind: "deleted", child: "Service a" },
      { kind: "recreated", child: "StatefulSet a" },
    ] as const;
    expect(notesOf(changes).map(({ reason }) => reason)).toEqual([
      "Created",
      "Updated",
      "Deleted",
      "Recreated",
    ]);
    expect(notesOf(changes)[0]?.note).toBe("Created Service a and StatefulSet a.");
    expect(notesOf([])).toEqual([]);
  });

  test("lif-10: who changed what", () => {
    const corrected = (fields: object[]) =>
      notesOf([{ kind: "corrected", child: "StatefulSet a", fields }] as Parameters<typeof notesOf>[0])[0]
        ?.note;
    expect(corrected([])).toBe("Corrected StatefulSet a.");
    expect(
      corrected([
        { manager: "kubectl-edit", fields: [".spec.x"] },
        { manager: "kube-controller-manager", subresource: "scale", fields: [".spec.replicas"] },
      ]),
    ).toBe(
      "Corrected StatefulSet a: .spec.x (set by kubectl-edit), .spec.replicas (set by kube-controller-manager, scale).",
    );
    const many = Array.from({ length: 12 }, (_, i) => `.spec.f${i}`);
    expect(corrected([{ manager: "m", fields: many }])).toContain(" and 2 more");
  });
});

test("an error is reported with what caused it", () => {
  expect(sentenceOf(new Error("a", { cause: new Error("b") }))).toBe("a: b");
  expect(sentenceOf(new AggregateError([new Error("first")], "all"))).toBe("all: first");
  expect(sentenceOf(Object.assign(new Error(""), { code: "ECONNREFUSED" }))).toBe("ECONNREFUSED");
  expect(sentenceOf("text")).toBe("text");
});
