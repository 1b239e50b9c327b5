import { describe, expect, test } from "vitest";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { runsKeeper } from "../../../src/cache/storage.ts";
import { usersOf, usersVerdict } from "../../../src/cache/users.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

const others = storedCache({ auth: { type: "htpasswd", usersSecretRef: { name: "people" } } });

test("the Secret with other users is for the keeper alone, and may come later", () => {
  const pod = statefulSet(others, childFacts()).spec?.template.spec;
  expect(pod?.volumes).toContainEqual({
    name: "registry-users",
    secret: { secretName: "people", optional: true, defaultMode: 0o440 },
  });
  for (const { name, args = [], volumeMounts = [] } of [
    ...(pod?.initContainers ?? []),
    ...(pod?.containers ?? []),
  ]) {
    const isKeeper = name !== "registry";
    expect(args.includes("--users=/var/run/oras/users")).toBe(isKeeper);
    expect(volumeMounts.some((mount) => mount.name === "registry-users" && mount.readOnly === true)).toBe(
      isKeeper,
    );
  }
  expect(runsKeeper(others)).toBe(true);
});

describe("what a keeper says of other users", () => {
  const told = (...usersProblems: unknown[]) => usersVerdict(others, usersOf({ usersProblems }));

  test("stands in the status by line, and keeps the registry from nothing", () => {
    expect(
      told({ line: 3, problem: "left out: it has no colon", leftOut: true }, { line: 4, problem: "twice" }),
    ).toEqual({
      status: "True",
      reason: "UsersLeftOut",
      message: "Secret people: line 3: left out: it has no colon; line 4: twice.",
    });
    expect(told({ line: 1, problem: "the hash of dan has cost 12" })?.reason).toBe("UsersSlow");
    expect(told({ line: 0, problem: "it is not there", leftOut: true })?.message).toBe(
      "Secret people: it is not there.",
    );
    const failed = usersVerdict(others, usersOf({ usersProblems: [], usersFailure: "no space left" }));
    expect(failed).toMatchObject({ reason: "UsersLeftOut", message: "Secret people: no space left." });
  });

  test("is bounded, and believed as far as it can be true", () => {
    const many = Array.from({ length: 9 }, (_, i) => ({ line: i + 1, problem: "x".repeat(1000) }));
    expect(told(...many)?.message).toMatch(
      /^Secret people: (line \d: x{192}; ){4}line 5: x{192}; and 4 more\.$/,
    );
    // The keeper itself tells of the first few.
    const one = [{ line: 1, problem: "x" }];
    const moreOf = (usersMore: unknown) =>
      usersVerdict(others, usersOf({ usersProblems: one, usersMore }))?.message;
    expect(moreOf(7)).toBe("Secret people: line 1: x; and 7 more.");
    for (const wrong of ["7", -1, 0.5, 1e300, {}]) expect(moreOf(wrong)).toBe("Secret people: line 1: x.");
    expect(told()).toBeUndefined();
    for (const nothing of [undefined, null, {}, { usersProblems: "x" }])
      expect(usersOf(nothing)).toBeUndefined();
    expect(usersVerdict(others, undefined)).toBeUndefined();
    expect(
      usersVerdict(storedCache(), usersOf({ usersProblems: [{ line: 1, problem: "x" }] })),
    ).toBeUndefined();
    expect(told(null, 1)?.reason).toBe("UsersSlow");
  });
});
