import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { deadlineNow, lossOf } from "../../src/controllers/rescue.ts";
import { keepStep, type StepPod } from "../../src/controllers/step-pods.ts";
import { afterEnd } from "../../src/workload/restarts.ts";
import { at, injectedPod, states, type Told } from "../support/step-statuses.ts";

const second = fc.integer({ min: 0, max: 100 });
const policy = fc.constantFrom("Never", "OnFailure", "Always");
const code = fc.constantFrom(0, 1, 42, 127, 128, 137, 143, 185, 190);
const rules = fc.array(
  fc.record({
    action: fc.constantFrom("Restart", "RestartAllContainers"),
    exitCodes: fc.record({
      operator: fc.constantFrom("In", "NotIn"),
      values: fc.array(code, { minLength: 1, maxLength: 3 }),
    }),
  }),
  { maxLength: 2 },
);
const state: fc.Arbitrary<object> = fc.oneof(
  fc.constantFrom({}, states.waiting("ImagePullBackOff"), states.waiting("CrashLoopBackOff")),
  second.map(states.running),
  fc.tuple(code, second, second).map((end) => states.ended(...end)),
  second.map(states.startError),
);
const told: fc.Arbitrary<Told> = fc.record({
  state,
  status: fc.record({
    restartCount: fc.integer({ min: 0, max: 2 }),
    lastState: fc.oneof(fc.constant({}), state) as fc.Arbitrary<object>,
  }),
  container: fc.record(
    {
      restartPolicy: policy,
      restartPolicyRules: rules,
      args: fc.subarray(["--output=x", "--push-on=always", "NA"]),
    },
    { requiredKeys: [] },
  ),
});
const pod = fc
  .record({
    restartPolicy: policy,
    told: fc.record({ main: told, other: told, oras: told }),
    phase: fc.constantFrom("Pending", "Running", "Succeeded", "Failed"),
    deadline: fc.option(second, { nil: undefined }),
  })
  .map(({ restartPolicy, told, phase, deadline }) =>
    keepStep(
      injectedPod(restartPolicy, told, {
        spec: { activeDeadlineSeconds: deadline },
        status: { phase },
      }) as StepPod,
      { wrapped: { main: {}, other: {} }, containers: { oras: {} } },
    ),
  );

/** What the kubelet will do of a container by itself. */
function next(step: StepPod, name: string): "is-started" | "runs" | "ends" | "restarts" | "restarts-all" {
  const container = step.spec?.containers.find((each) => each.name === name) ?? { name };
  const { running, terminated } =
    step.status?.containerStatuses?.find((each) => each.name === name)?.state ?? {};
  if (terminated) return afterEnd(container, step.spec?.restartPolicy, terminated.exitCode);
  return running ? "runs" : "is-started";
}

describe("a step that is taken for lost, whatever its containers are", () => {
  it("waits for one that Kubernetes does not start any more", () => {
    fc.assert(
      fc.property(pod, (step) => {
        const loss = lossOf(step);
        const all = ["main", "other", "oras"].map((name) => next(step, name));
        const [main, other, oras] = all;
        fc.pre(loss !== undefined);
        expect(step.status?.phase).not.toMatch(/Succeeded|Failed/);
        expect(all).not.toContain("restarts-all");
        if (loss.reason === "PusherLost") {
          expect(oras).toBe("ends");
          expect([main, other]).not.toEqual(["ends", "ends"]);
        } else {
          expect(oras).not.toBe("ends");
          expect([main, other]).toContain("ends");
        }
      }),
      { numRuns: 500 },
    );
  });

  it("is not, once every container that has ended is one that is started again", () => {
    fc.assert(
      fc.property(pod, (step) => {
        fc.pre(["main", "other", "oras"].every((name) => next(step, name) !== "ends"));
        expect(lossOf(step)).toBe(undefined);
      }),
    );
  });

  it("is ended once, by a deadline that is never later than one that is there", () => {
    fc.assert(
      fc.property(pod, second, second, (step, seconds, later) => {
        const now = new Date(at(seconds));
        const deadline = deadlineNow(step, now);
        fc.pre(deadline !== undefined);
        const { activeDeadlineSeconds: before = Number.POSITIVE_INFINITY } = step.spec ?? {};
        expect(deadline).toBeLessThan(before);
        expect(deadline).toBeGreaterThan(0);
        const ended = { ...step, spec: { containers: [], ...step.spec, activeDeadlineSeconds: deadline } };
        expect(deadlineNow(ended, new Date(now.getTime() + later * 1000))).toBe(undefined);
      }),
    );
  });

  it("breaks nothing, whatever the statuses are", () => {
    fc.assert(
      fc.property(fc.array(fc.record({ name: fc.string(), state: fc.object() })), (statuses) => {
        const step = injectedPod("Never", {}, { status: { containerStatuses: statuses } }) as StepPod;
        const named = { main: {}, oras: {} };
        expect(lossOf(keepStep(step, { wrapped: named, containers: named }))).toBe(undefined);
      }),
    );
  });
});
