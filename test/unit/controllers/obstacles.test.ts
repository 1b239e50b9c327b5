import { describe, expect, test } from "vitest";
import { notesOf } from "../../../src/controllers/notes.ts";
import {
  ContestedError,
  FailedTryError,
  NameTakenError,
  NotYetError,
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
    ["an error of the server", answered(500), "ApplyFailed", "backoff"],
    ["one of a moment ago", failed(answered(422), 2), "Invalid", 5],
    ["a namespace that is being deleted", terminating, undefined, "never"],
    ["a namespace that is being deleted, of a moment ago", failed(terminating, 1), undefined, "never"],
  ])("%s", (_, error, reason, retry) => {
    expect(troubleFrom(error)?.reason).toBe(reason);
    expect(retryAfter(error)).toEqual(retry);
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
