import type { V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect, test } from "vitest";
import { desiredChildren } from "../../../src/cache/children.ts";
import { type NetworkMode, networkModeOf } from "../../../src/cache/network-mode.ts";
import { statefulSet } from "../../../src/cache/stateful-set.ts";
import { conditionOf, statusOf } from "../../../src/cache/status.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type Spec = Parameters<typeof storedCache>[0];

const peer = { namespaceSelector: { matchLabels: { team: "b" } } };
const made = (spec: Spec, facts = {}) => statefulSet(storedCache(spec), childFacts(facts));
const open = made({});
const closed = made({}, { network: "namespace" });

describe("who reaches a registry", () => {
  test.each<[string, Spec, V1StatefulSet | undefined, NetworkMode, NetworkMode]>([
    ["as the installation wants", {}, undefined, "namespace", "namespace"],
    ["as the installation wants", {}, undefined, "none", "none"],
    ["as the installation wants", { networkPolicy: {} }, undefined, "namespace", "namespace"],
    ["as its spec says", { networkPolicy: { mode: "none" } }, closed, "namespace", "none"],
    [
      "as its spec says, whoever was named",
      { networkPolicy: { mode: "none", from: [peer] } },
      closed,
      "namespace",
      "none",
    ],
    ["as its spec says", { networkPolicy: { mode: "namespace" } }, open, "none", "namespace"],
    ["whom its spec names, and no others", { networkPolicy: { from: [peer] } }, open, "none", "namespace"],
    ["everybody, if it runs so already", {}, open, "namespace", "none"],
    ["as the installation wants, if it had a NetworkPolicy", {}, closed, "namespace", "namespace"],
    ["as the installation wants, if it had a NetworkPolicy", {}, closed, "none", "none"],
  ])("%s: %j", (_, spec, live, network, expected) => {
    expect(networkModeOf(storedCache(spec), { network, statefulSet: live })).toBe(expected);
  });

  test("is said by a NetworkPolicy, and kept in mind by the StatefulSet", () => {
    const children = desiredChildren(storedCache(), childFacts({ network: "namespace" }));
    expect(children.slice(-2).map(({ kind }) => kind)).toEqual(["NetworkPolicy", "StatefulSet"]);
    const again = desiredChildren(storedCache(), childFacts({ network: "namespace", statefulSet: closed }));
    expect(again.map(({ kind }) => kind)).toContain("NetworkPolicy");
    const kept = desiredChildren(storedCache(), childFacts({ network: "namespace", statefulSet: open }));
    expect(kept.map(({ kind }) => kind)).not.toContain("NetworkPolicy");
  });

  test("no change of it restarts the registry", () => {
    expect(closed.spec).toEqual(open.spec);
  });
});

describe("a registry that every Pod still reaches", () => {
  const seen = (spec: Spec, facts: object) =>
    conditionOf(
      statusOf({
        cache: storedCache(spec),
        ...{ statefulSet: open, claim: undefined, pods: [], trouble: undefined },
        ...{ installation: childFacts(facts), time: "2026-01-02T03:04:05Z" },
      }),
      "Open",
    );

  test("says so, and what to do", () => {
    expect(seen({}, { network: "namespace" })).toMatchObject({
      ...{ status: "True", reason: "KeptReachable" },
      message: expect.stringContaining("Set spec.networkPolicy.mode to namespace"),
    });
  });

  test("together with that it asks for no password", () => {
    const both = seen({}, { network: "namespace", auth: "htpasswd" });
    expect(both).toMatchObject({
      reason: "KeptOpen",
      message: expect.stringMatching(/password.*Every Pod of the/),
    });
    expect(seen({}, { auth: "htpasswd" })?.message).not.toContain("Every Pod");
  });

  test("not where somebody wants it so", () => {
    expect(seen({}, {})).toBeUndefined();
    for (const mode of ["none", "namespace"] as const)
      expect(seen({ networkPolicy: { mode } }, { network: "namespace" })).toBeUndefined();
  });
});
