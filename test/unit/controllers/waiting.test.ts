import { describe, expect, it } from "vitest";
import { waitingOf } from "../../../src/controllers/waiting.ts";
import { servedStepOf, states, stepOf, type Told } from "../../support/step-statuses.ts";

const { waiting, running, ended, startError } = states;
const main: Told = { state: waiting("CreateContainerConfigError", "couldn't parse env file") };
const pulling: Told = { state: waiting("ErrImagePull", "pull access denied") };

describe("a wrapped container that waits for the container oras", () => {
  it("is told, with what keeps oras from running", () => {
    expect(waitingOf(servedStepOf("Never", { main, oras: pulling }))).toEqual({
      type: "Warning",
      reason: "WaitingForAgent",
      action: "Wait",
      note: `The container main is not started yet, because the container oras does not run: ErrImagePull: pull access denied. Nothing is wrong with main; the kubelet says "couldn't parse env file" until oras runs.`,
      occasion: "WaitingForAgent",
    });
  });

  it.each<[string, object, string]>([
    [
      "cannot be created",
      waiting("CreateContainerConfigError", 'secret "s" not found'),
      'secret "s" not found',
    ],
    ["cannot be started", startError(), "exit code 128: StartError: exec"],
    ["has ended", ended(190, 1, 2, { message: "cannot write to the share" }), "exit code 190: Error: cannot"],
  ])("also where oras %s", (_, state, words) => {
    expect(waitingOf(servedStepOf("Never", { main, oras: { state } }))?.note).toContain(words);
  });

  it("also where oras waits to be started again: what it said last", () => {
    const lastState = startError();
    const oras = { state: waiting("CrashLoopBackOff"), status: { lastState: lastState as object } };
    expect(waitingOf(servedStepOf("Never", { main, oras }))?.note).toContain("CrashLoopBackOff: exec");
  });

  it("also where the file lacks the variable, and where one of several waits", () => {
    const message = 'environment variable key "ORAS_AGENT_READY" not found in file "/x/0/barrier"';
    const other: Told = { state: waiting("CreateContainerConfigError", message) };
    const first: Told = { state: running(1) };
    expect(waitingOf(servedStepOf("Never", { main: first, other, oras: pulling }))?.note).toContain(
      "container other is",
    );
  });

  it.each<[string, Told, Told]>([
    ["oras runs: the kubelet tries again", main, { state: running(1) }],
    ["oras was not tried yet", main, { state: waiting("ContainerCreating") }],
    [
      "it lacks something of its own",
      { state: waiting("CreateContainerConfigError", 'secret "s" not found') },
      pulling,
    ],
    ["it waits for its image", { state: waiting("ErrImagePull", "couldn't parse env file") }, pulling],
  ])("is not, where %s", (_, first, oras) => {
    expect(waitingOf(servedStepOf("Never", { main: first, oras }))).toBe(undefined);
  });

  it("is not, where the Pod has an init container, or has ended", () => {
    expect(waitingOf(stepOf("Never", { main, oras: pulling }))).toBe(undefined);
    const status = { phase: "Failed" };
    expect(waitingOf(servedStepOf("Never", { main, oras: pulling }, { status }))).toBe(undefined);
  });
});
