import { describe, expect, test } from "vitest";
import { answered, type FailedTry, type Failing, failsAgain } from "../../../src/cache/emptying-failures.ts";
import { isStarting } from "../../../src/cache/pods.ts";

/** What comes of tries, each at a time in seconds. */
function told(tries: readonly (readonly [number, Partial<FailedTry>])[]) {
  let failing: Failing | undefined;
  return tries.map(([seconds, failed]) => {
    const all = { why: "403", isSaid: true, isStarting: false, ...failed };
    const after = failsAgain(failing, all, seconds * 1000);
    failing = after.failing;
    return [after.isTold, after.againInMs / 1000];
  });
}

describe("a folder that is not emptied", () => {
  test("is told of when the reason is another, and once in a while; the pauses grow to a minute", () => {
    const same = [0, 3, 9, 21, 45, 93, 153].map((at) => [at, {}] as const);
    expect(told(same)).toEqual([...[[true, 3]], ...[6, 12, 24, 48, 60, 60].map((pause) => [false, pause])]);
    expect(
      told([
        [0, {}],
        [3, { why: "503" }],
        [6, { why: "503" }],
        [1806, { why: "503" }],
      ]).map(([is]) => is),
    ).toEqual([true, true, false, true]);
  });

  test("is not told of while the keeper's Pod merely starts, or does not answer for a moment", () => {
    const silent = { why: "Pod oras-0 is not ready", isSaid: false };
    const starting = [0, 30, 100].map((at) => [at, { ...silent, isStarting: true }] as const);
    expect(told(starting)).toEqual([0, 30, 100].map(() => [false, 3]));
    expect(
      told([
        [0, silent],
        [3, silent],
        [12, silent],
      ]),
    ).toEqual([
      [false, 3],
      [false, 3],
      [true, 3],
    ]);
    expect(told([...starting, [130, silent]]).at(-1)).toEqual([true, 3]);
    // A keeper that has just answered, whatever it said, is waited for anew.
    expect(told([[0, {}], ...[60, 69].map((at) => [at, silent] as const)]).map(([is]) => is)).toEqual([
      true,
      false,
      false,
    ]);
    const first = failsAgain(undefined, { why: "silent", isSaid: false, isStarting: false }, 0).failing;
    const again = failsAgain(answered(first), { why: "silent", isSaid: false, isStarting: false }, 60_000);
    expect(again.isTold).toBe(false);
  });
});

describe("a Pod merely starts", () => {
  const at = (seconds: number) => new Date(1_700_000_000_000 + seconds * 1000);
  const ready = (status: string, since: number) => ({
    conditions: [{ type: "Ready", status, lastTransitionTime: at(since) }],
  });
  test.each([
    ["that is made", {}, true],
    ["whose containers do not run", { status: ready("False", 0) }, true],
    ["that is ready", { status: ready("True", 0) }, false],
    ["that is replaced", { metadata: { deletionTimestamp: at(30) }, status: ready("True", 0) }, true],
    ["that has not been ready for long", { status: ready("False", -300) }, false],
    [
      "of a node that was restarted",
      { metadata: { creationTimestamp: at(-9000) }, status: ready("False", 40) },
      true,
    ],
    ["that was made long ago", { metadata: { creationTimestamp: at(-300) } }, false],
  ])("%s", (_name, pod, is) => {
    expect(isStarting({ metadata: { creationTimestamp: at(0) }, ...pod }, at(60).getTime())).toBe(is);
  });
});
