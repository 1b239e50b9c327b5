import type { V1ContainerStatus } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { outcomesOf } from "../../../src/controllers/outcomes.ts";

function ended(name: string, exitCode: number, message?: string): V1ContainerStatus {
  const terminated = { exitCode, finishedAt: new Date(0), ...(message === undefined ? {} : { message }) };
  return { name, containerID: `containerd://${name}`, state: { terminated } } as V1ContainerStatus;
}

const told = (...containerStatuses: V1ContainerStatus[]) =>
  outcomesOf({ status: { containerStatuses } }).map(({ note, pushed }) => ({ ...note, pushed }));

const pushed = JSON.stringify({ artifact: "host/a/b:1", digest: "sha256:abc", bytes: 10, seconds: 2 });

describe("outcomes of a step", () => {
  it("an artifact that was pushed", () => {
    expect(told(ended("main", 0), ended(names.pushContainer, 0, pushed))).toEqual([
      {
        type: "Normal",
        reason: "Pushed",
        action: "Push",
        note: "Pushed host/a/b:1@sha256:abc, 10 bytes in 2 s.",
        occasion: `containerd://${names.pushContainer}`,
        pushed: { bytes: 10, seconds: 2 },
      },
    ]);
  });

  it("under another name, where the Pod has a container of ours already", () => {
    expect(told(ended(`${names.pushContainer}-1`, 0, pushed))).toMatchObject([{ reason: "Pushed" }]);
  });

  it("nothing was to be pushed", () => {
    const message = "nothing pushed: the program ended with exit code 3 and left nothing to push";
    expect(told(ended("main", 3), ended(names.pushContainer, 0, message))).toMatchObject([
      { type: "Normal", reason: "NotPushed", note: message },
    ]);
  });

  it.each(Object.entries(exitCodes))("%s, by its code and our message", (name, { code }) => {
    const message = `what went wrong (exit code ${code})`;
    expect(told(ended("any", code, message))).toMatchObject([
      { type: "Warning", reason: name[0]?.toUpperCase() + name.slice(1), note: message },
    ]);
    // A program that happens to end with one of our codes.
    expect(told(ended("any", code)), "no message").toEqual([]);
    expect(told(ended("any", code, "its own words"))).toEqual([]);
  });

  it("what is not ours is not told", () => {
    expect(told(ended("main", 0, pushed), ended(names.pushContainer, 0, "{"))).toEqual([]);
    expect(told(ended(names.pushContainer, 0, '{"artifact":1}'), ended("main", 1, "failed"))).toEqual([]);
    expect(outcomesOf({})).toEqual([]);
  });
});
