import { describe, expect, test } from "vitest";
import { notesOf } from "../../../src/controllers/notes.ts";
import { assess, NameTakenError, NotYetError } from "../../../src/controllers/obstacles.ts";
import { KubeError, sentenceOf } from "../../../src/kube/errors.ts";

const answered = (status: number, body = {}) =>
  new KubeError("PATCH /x", status, { message: "why", ...body });

describe("assess", () => {
  test.each([
    ["nothing", undefined, undefined, "never"],
    ["no answer", new Error("ECONNREFUSED"), undefined, "backoff"],
    ["a conflict", answered(409), undefined, expect.any(Number)],
    ["what is on its way", new NotYetError("x"), undefined, expect.any(Number)],
    ["a name that is taken", new NameTakenError("x"), "NameTaken", expect.any(Number)],
    ["an invalid object", answered(422), "Invalid", expect.any(Number)],
    ["a quota", answered(403), "Forbidden", "backoff"],
    ["an error of the server", answered(500), "ApplyFailed", "backoff"],
    [
      "a namespace on its way out",
      answered(403, { details: { causes: [{ reason: "NamespaceTerminating" }] } }),
      undefined,
      "never",
    ],
  ])("%s", (_, error, reason, retry) => {
    const assessment = assess(error);
    expect(assessment.obstacle?.reason).toBe(reason);
    expect(assessment.retry).toEqual(retry);
  });
});

test("one event for each sort of change; drift is told from a new spec", () => {
  const changes = [
    { kind: "created", child: "Service a" },
    { kind: "created", child: "StatefulSet a" },
    { kind: "updated", child: "Service a" },
    { kind: "cleaned", child: "Service a", removed: ["/spec/x (set by y)"] },
    { kind: "deleted", child: "Service a" },
  ] as const;
  expect(notesOf(changes, false).map(({ reason }) => reason)).toEqual([
    "Created",
    "DriftCorrected",
    "DriftRemoved",
    "Deleted",
  ]);
  expect(notesOf(changes, true)[0]?.note).toBe("Created Service a and StatefulSet a.");
  expect(notesOf(changes, true)[1]?.reason).toBe("Updated");
  expect(notesOf([], true)).toEqual([]);
});

test("an error is told with what caused it", () => {
  expect(sentenceOf(new Error("a", { cause: new Error("b") }))).toBe("a: b");
  expect(sentenceOf(new AggregateError([new Error("first")], "all"))).toBe("all: first");
  expect(sentenceOf(Object.assign(new Error(""), { code: "ECONNREFUSED" }))).toBe("ECONNREFUSED");
  expect(sentenceOf("text")).toBe("text");
});
