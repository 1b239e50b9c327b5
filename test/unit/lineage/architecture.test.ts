import { describe, expect, it } from "vitest";
import { keyFor, podWith, stepOf } from "../../support/keys.ts";

const arch = "kubernetes.io/arch";
type Expression = readonly [key: string, operator: string, ...values: string[]];
/** A Pod that needs a node for which all expressions of one of the terms hold. */
const needs = (...terms: Expression[][]) => ({
  affinity: {
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((expressions) => ({
          matchExpressions: expressions.map(([key, operator, ...values]) => ({ key, operator, values })),
        })),
      },
    },
  },
});

const keyOf = (spec: object) => keyFor(stepOf(podWith({}, spec))).key;

describe("the architecture of a Pod", () => {
  it("is in the key, however it is written", () => {
    const ways = [
      {},
      { nodeSelector: { [arch]: "arm64" } },
      { nodeSelector: { [arch]: "amd64" } },
      needs([[arch, "In", "arm64"]]),
      needs([[arch, "In", "amd64"]]),
      needs([[arch, "NotIn", "amd64"]]),
      needs([[arch, "In", "arm64"]], [["disk", "In", "ssd"]]),
      needs([
        [arch, "In", "arm64", "amd64"],
        [arch, "In", "arm64"],
      ]),
      { nodeSelector: { "beta.kubernetes.io/arch": "s390x" } },
    ];
    expect(new Set(ways.map(keyOf)).size).toBe(ways.length);
  });

  it("is all of where the Pod runs that counts", () => {
    const selector = { [arch]: "arm64" };
    expect(keyOf({ nodeSelector: { disk: "ssd" } })).toBe(keyOf({}));
    expect(keyOf(needs([["disk", "In", "ssd"]]))).toBe(keyOf({}));
    expect(keyOf({ nodeSelector: { ...selector, disk: "ssd" } })).toBe(keyOf({ nodeSelector: selector }));
    expect(
      keyOf(
        needs([
          ["disk", "In", "ssd"],
          [arch, "In", "arm64"],
        ]),
      ),
    ).toBe(keyOf(needs([[arch, "In", "arm64"]])));
  });
});
