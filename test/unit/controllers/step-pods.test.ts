import type { V1Container } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { injectedPod, states } from "../../support/step-statuses.ts";

const { ended, running } = states;
const recorded = { wrapped: { main: {} }, containers: { oras: {} } };
const theirs = { name: "theirs", image: "x", env: [{ name: "PASSWORD", value: "secret" }] };

function podOf(phase: string, ...others: V1Container[]): StepPod {
  const told = {
    main: { state: ended(0, 1, 2), container: { env: theirs.env, args: ["--output-path", "out", "secret"] } },
    oras: {
      state: running(3),
      container: { args: ["--output=a/b:1", "--policy={}", "--push-on", "always", "--debug"] },
    },
  };
  const pod = injectedPod("Never", told, { status: { phase } }) as StepPod;
  pod.spec?.containers.push(...others);
  return pod;
}

describe("what is kept of a step's Pod", () => {
  it("is which containers do what, and how they are started again", () => {
    const kept = keepStep(podOf("Running", theirs), recorded);
    expect(kept.parts).toEqual({ wrapped: ["main"], pusher: "oras", serves: false });
    expect(kept.spec?.restartPolicy).toBe("Never");
    expect(kept.spec?.containers.map(({ name, args }) => [name, args])).toEqual([
      ["main", []],
      ["oras", ["--policy={}", "--push-on"]],
    ]);
    expect(JSON.stringify(kept)).not.toContain("secret");
  });

  it("is a container of somebody else only where it may restart the others", () => {
    const restartPolicyRules = [
      { action: "RestartAllContainers", exitCodes: { operator: "In", values: [42] } },
    ];
    const kept = keepStep(
      podOf("Running", { ...theirs, restartPolicy: "Never", restartPolicyRules }),
      recorded,
    );
    expect(kept.spec?.containers[2]).toMatchObject({ name: "theirs", restartPolicyRules });
    expect(JSON.stringify(kept)).not.toContain("secret");
  });

  it("is which logins of OrasCaches it has, until it has ended", () => {
    const volumes = [
      { name: "a", secret: { secretName: "oras-credentials-0123456789" } },
      {
        name: "b",
        projected: {
          sources: [
            { secret: { name: "x-credentials-credentials-abcdef0123" } },
            { configMap: { name: "oras-ca" } },
          ],
        },
      },
      { name: "c", secret: { secretName: "people" } },
      { name: "d", secret: { secretName: "oras-key-0123456789" } },
      { name: "e", emptyDir: {} },
    ];
    const secretKeyRef = { name: "keyed-credentials-0123456789", key: "password" };
    const containers = [
      {
        name: "reads",
        image: "a",
        env: [
          { name: "PASSWORD", valueFrom: { secretKeyRef } },
          { name: "A", value: "b" },
        ],
      },
    ];
    const envFrom = [
      { secretRef: { name: "whole-credentials-0123456789" } },
      { configMapRef: { name: "c" } },
    ];
    const initContainers = [{ name: "reads-before", image: "a", envFrom }];
    const loginsOf = (phase: string, deletionTimestamp?: Date) => {
      const pod = podOf(phase);
      const metadata = { ...pod.metadata, ...(deletionTimestamp ? { deletionTimestamp } : {}) };
      return keepStep({
        ...pod,
        metadata,
        spec: { ...pod.spec, containers, initContainers, volumes },
      } as StepPod).logins;
    };
    const both = [
      ...["oras-credentials-0123456789", "x-credentials-credentials-abcdef0123"],
      ...["whole-credentials-0123456789", "keyed-credentials-0123456789"],
    ];
    for (const phase of ["Pending", "Running", "Unknown"]) expect(loginsOf(phase)).toEqual(both);
    expect(loginsOf("Running", new Date())).toEqual(both);
    expect([loginsOf("Succeeded"), loginsOf("Failed")]).toEqual([undefined, undefined]);
  });

  it("is of one that has ended how its containers ended, and of one that nobody recorded no parts", () => {
    const kept = keepStep(podOf("Failed"));
    expect(kept.status?.containerStatuses?.map(({ name }) => name)).toEqual(["main"]);
    expect(kept).not.toHaveProperty("parts");
  });
});
