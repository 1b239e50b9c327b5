import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type FaultKind,
  type KeeperFault,
  keeperVerdict,
  wayAfter,
} from "../../../src/cache/keeper-fault.ts";
import { conditionOf, statusOf } from "../../../src/cache/status.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

const kinds = ["timeout", "refused", "tls", "unauthorized", "answer"] as const satisfies FaultKind[];
const fault = (kind: FaultKind, detail = "as it says"): KeeperFault => ({ kind, detail });
const reachAfter = (answers: readonly (KeeperFault | undefined)[]) =>
  answers.reduce(wayAfter, { reach: undefined }).reach;

const answer = fc.option(fc.record({ kind: fc.constantFrom(...kinds), detail: fc.constantFrom("a", "b") }), {
  nil: undefined,
});

describe("the way to a keeper", () => {
  test("is open after each answer, and closed by two failures in a row, not by one", () => {
    fc.assert(
      fc.property(fc.array(answer), answer, (before, last) => {
        expect(reachAfter([...before, undefined])).toBe("answers");
        expect(reachAfter([...before, undefined, last])).toBe("answers");
        if (last !== undefined)
          expect(reachAfter([...before, last, last])).toMatchObject({ kind: last.kind });
      }),
    );
  });

  test("does not change its reason while two take turns, or its message while details do", () => {
    fc.assert(
      fc.property(fc.constantFrom(...kinds), fc.constantFrom(...kinds), fc.nat(20), (one, other, turns) => {
        fc.pre(one !== other);
        const shown = reachAfter([fault(one), fault(one)]);
        const taking = Array.from({ length: turns }, (_, i) => fault(i % 2 === 0 ? other : one));
        expect(reachAfter([fault(one), fault(one), ...taking])).toEqual(shown);
        expect(reachAfter([fault(one), fault(one), fault(one, "another address")])).toEqual(shown);
        expect(reachAfter([fault(one), fault(one), fault(other), fault(other)])).toEqual(fault(other));
      }),
    );
  });

  test("is not known before it was asked, and after one failure", () => {
    expect(reachAfter([])).toBeUndefined();
    expect(reachAfter([fault("timeout")])).toBeUndefined();
  });
});

const before = { status: "True", reason: "KeeperTimesOut", message: "as stored" } as const;
const closed = { network: "namespace", statefulSet: undefined, operatorNamespace: "operators" } as const;
const open = { ...closed, network: "none" } as const;
const said = (kind: FaultKind, facts: typeof closed | typeof open = closed) =>
  keeperVerdict(storedCache(), facts, fault(kind), undefined)?.message ?? "";

describe("what is said of a keeper that is not reached", () => {
  test("is what was said before, until this process knows", () => {
    expect(keeperVerdict(storedCache(), closed, undefined, before)).toBe(before);
    expect(keeperVerdict(storedCache(), closed, undefined, undefined)).toBeUndefined();
    expect(keeperVerdict(storedCache(), closed, "answers", before)).toBeUndefined();
  });

  test.each(["timeout", "refused"] as const)("%s: the NetworkPolicies that have to allow it", (kind) => {
    const operator =
      "namespace operators (its label kubernetes.io/metadata.name) with the label app.kubernetes.io/name: oras-operator";
    expect(said(kind)).toContain(`NetworkPolicy oras lets in Pods of ${operator}`);
    expect(said(kind)).toContain("hostNetwork");
    expect(said(kind, open)).toContain(
      `one of namespace work that selects its Pod has to let in Pods of ${operator} at TCP port 5002`,
    );
    for (const facts of [closed, open])
      expect(said(kind, facts)).toContain("A NetworkPolicy of namespace operators that limits egress");
  });

  test("something else: no NetworkPolicy", () => {
    for (const kind of ["tls", "unauthorized", "answer"] as const)
      expect(said(kind)).not.toContain("NetworkPolic");
    expect(said("tls")).toContain("exclude port 5002");
    expect(said("unauthorized")).toContain("Secret oras-operator-cache-key of namespace operators");
    expect(said("answer")).toContain("kubectl logs --namespace work --container keeper statefulset/oras.");
  });

  test("each has a reason of its own, and stands in the status only where there is a keeper to ask", () => {
    const reasonOf = (way: object | undefined) =>
      conditionOf(
        statusOf({
          ...{ cache: storedCache(), statefulSet: undefined, claim: undefined, pods: [], trouble: undefined },
          ...{ installation: childFacts(), time: "2026-01-02T03:04:05Z" },
          ...(way === undefined ? {} : { way: way as { reach: KeeperFault } }),
        }),
        "KeeperUnreachable",
      )?.reason;
    expect(new Set(kinds.map((kind) => reasonOf({ reach: fault(kind) }))).size).toBe(kinds.length);
    expect(reasonOf(undefined)).toBeUndefined();
    expect(reasonOf({ reach: undefined })).toBeUndefined();
  });
});
