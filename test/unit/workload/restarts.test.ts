import type { V1ContainerRestartRule } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { afterEnd, canRestartAll } from "../../../src/workload/restarts.ts";

const rule = (action: string, operator: string, ...values: number[]): V1ContainerRestartRule => ({
  action,
  exitCodes: { operator, values },
});

describe("what the kubelet does after the end of a container", () => {
  it.each([
    ["Never", 0, "ends"],
    ["Never", 1, "ends"],
    ["OnFailure", 0, "ends"],
    ["OnFailure", 1, "restarts"],
    ["Always", 0, "restarts"],
    [undefined, 0, "restarts"],
  ] as const)("by the Pod's policy %s, after %i: %s", (policy, code, expected) => {
    expect(afterEnd({}, policy, code)).toBe(expected);
  });

  it("by the container's own policy before the Pod's", () => {
    expect(afterEnd({ restartPolicy: "Never" }, "Always", 1)).toBe("ends");
    expect(afterEnd({ restartPolicy: "OnFailure" }, "Never", 1)).toBe("restarts");
  });

  it("by the first rule that fits, before the policy", () => {
    const restartPolicyRules = [
      rule("Restart", "In", 42),
      rule("RestartAllContainers", "NotIn", 0, 1),
      rule("Restart", "In", 1, 7),
    ];
    const container = { restartPolicy: "Never", restartPolicyRules };
    expect([42, 7, 1, 0].map((code) => afterEnd(container, "Never", code))).toEqual([
      "restarts",
      "restarts-all",
      "restarts",
      "ends",
    ]);
    expect(canRestartAll(container)).toBe(true);
    expect(canRestartAll({ restartPolicyRules: [rule("Restart", "In", 42)] })).toBe(false);
  });
});
