import type { V1ContainerStatus } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { whyFailed } from "../../../src/controllers/why-failed.ts";

const end = (name: string, exitCode: number, at: number, reason?: string) =>
  ({
    name,
    state: { terminated: { exitCode, finishedAt: new Date(at * 1000), reason } },
  }) as V1ContainerStatus;
const pod = (...containerStatuses: V1ContainerStatus[]) => ({
  status: { phase: "Failed", containerStatuses },
});
const failedFor = (reason: string) => ({
  status: { conditions: [{ type: "Failed", status: "True", reason }] },
});

describe("how a step failed", () => {
  it.each([
    ["a program's exit code", [pod(end("main", 3, 1, "Error"))], "container main, exit code 3"],
    ["out of memory", [pod(end("main", 137, 1, "OOMKilled"))], "container main, exit code 137, OOMKilled"],
    [
      "the container that failed first, not what failed with it",
      [pod(end("oras", 185, 3), end("fine", 0, 1), end("main", 2, 2))],
      "container main, exit code 2",
    ],
    [
      "the last of several Pods",
      [pod(end("main", 5, 20)), pod(end("main", 4, 10))],
      "container main, exit code 5",
    ],
    [
      "an init container",
      [{ status: { phase: "Failed", initContainerStatuses: [end("oras-pull", 183, 1)] } }],
      "container oras-pull, exit code 183",
    ],
    [
      "of Pods that are gone the Job's reason",
      [{ status: { phase: "Succeeded", containerStatuses: [end("main", 1, 1)] } }],
      "DeadlineExceeded",
    ],
  ])("%s", (_, pods, says) => {
    expect(whyFailed({ object: failedFor("DeadlineExceeded") as never, pods })).toBe(says);
  });

  it.each(["InputNeverCame", "InputProducerFailed"])(
    "says of a Pod that the operator ended for it: %s",
    (reason) => {
      const conditions = [{ type: names.inputsAvailable, status: "False", reason }];
      const object = { status: { phase: "Failed", conditions } };
      expect(whyFailed({ object, pods: [object as never] })).toBe(reason);
      const waits = { status: { conditions: [{ ...conditions[0], reason: "WaitingForInputs" }] } };
      expect(whyFailed({ object: waits, pods: [] })).toBeUndefined();
    },
  );

  it("says of one that is being deleted that it is, and of others nothing", () => {
    expect(whyFailed({ object: { metadata: { deletionTimestamp: new Date(0) } }, pods: [] })).toBe("deleted");
    expect(whyFailed({ object: {}, pods: [pod()] })).toBeUndefined();
  });
});
