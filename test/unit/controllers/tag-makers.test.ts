import type { V1ContainerStatus } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import { createTagMakers } from "../../../src/controllers/tag-makers.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const artifact = "oras-0.oras.work.svc.cluster.local:5000/a/b:1";
const digestOf = (letter: string) => `sha256:${letter.repeat(64)}`;

interface Of {
  readonly kind?: string;
  readonly owner?: string;
  /** UID of the owner. */
  readonly life?: string;
  readonly index?: string;
  readonly namespace?: string;
}

function pod(
  name: string,
  { kind = "Job", owner, life = owner, index, namespace = "work" }: Of,
  made?: string,
) {
  const message = made && JSON.stringify({ artifact, digest: digestOf(made), bytes: 1, seconds: 1 });
  const status = { name: names.pushContainer, state: { terminated: { exitCode: 0, message } } };
  return {
    metadata: {
      ...{ name, namespace, uid: name },
      labels: index === undefined ? {} : { "batch.kubernetes.io/job-completion-index": index },
      ownerReferences: owner ? [{ kind, name: owner, uid: life, controller: true }] : [],
    },
    status: made ? { containerStatuses: [status as V1ContainerStatus] } : {},
  } as unknown as StepPod;
}

/** Whether a Pod is told to have made again what the first one had made. */
function isAgain(first: StepPod, second: StepPod, isGone = true): boolean {
  const pods = mirrorOf<StepPod>();
  const makers = createTagMakers(pods, () => Promise.resolve(undefined));
  pods.store.replaceAll([first]);
  pods.store.replaceAll(isGone ? [second] : [first, second]);
  return makers.isAgain(second, { artifact, replaced: digestOf("a") });
}

describe("a tag that was moved by the step that made it before", () => {
  const job = (life: string, more: Of = {}): Of => ({ owner: "north", life, ...more });
  it.each<[string, StepPod, StepPod, boolean]>([
    ["a Job, deleted and applied", pod("n-1", job("1"), "a"), pod("n-2", job("2"), "b"), true],
    [
      "an index of one",
      pod("n-1", job("1", { index: "4" }), "a"),
      pod("n-2", job("2", { index: "4" }), "b"),
      true,
    ],
    [
      "another try of an index",
      pod("n-1", job("1", { index: "4" }), "a"),
      pod("n-2", job("1", { index: "4" }), "b"),
      true,
    ],
    ["the same Pod, started again", pod("n-1", job("1"), "a"), pod("n-1", job("1"), "b"), true],
    ["a Pod, deleted and applied", pod("p", {}, "a"), pod("p", {}, "b"), true],
    [
      "a CronJob's next Job",
      pod("x", { owner: "daily-29384756" }, "a"),
      pod("y", { owner: "daily-29384757" }, "b"),
      true,
    ],
    [
      "another index",
      pod("n-1", job("1", { index: "4" }), "a"),
      pod("n-2", job("1", { index: "5" }), "b"),
      false,
    ],
    ["another Pod of one Job", pod("n-1", job("1"), "a"), pod("n-2", job("1"), "b"), false],
    ["another Job", pod("n-1", job("1"), "a"), pod("s-1", { owner: "south" }, "b"), false],
    ["another Pod", pod("p", {}, "a"), pod("q", {}, "b"), false],
    ["a Pod with the name of the Job", pod("n-1", job("1"), "a"), pod("north", {}, "b"), false],
    [
      "one of another namespace",
      pod("n-1", job("1"), "a"),
      pod("n-2", job("2", { namespace: "b" }), "b"),
      false,
    ],
    ["one where nobody has seen who made it", pod("n-1", job("1"), "c"), pod("n-2", job("2"), "b"), false],
  ])("%s", (_, first, second, again) => {
    expect(isAgain(first, second)).toBe(again);
    if (first.metadata?.name !== second.metadata?.name) expect(isAgain(first, second, false)).toBe(again);
  });
});
