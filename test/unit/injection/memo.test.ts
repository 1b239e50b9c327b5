import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const memo: StepAnnotations = { "output-uri": "a/b:c", memoize: "on" };
const job = (map: StepAnnotations = memo, spec: object = {}, pod: object = {}): V1Job =>
  jobOf("step", map, "true", spec, pod);
const verdictOn = (object: V1Job | V1Pod) => admit(createRequest(object));
const replicaSet = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "r", uid: "u", controller: true };

describe("a step whose author asks for memoization", () => {
  it("is held without inputs, too: whether its result is there is known before it starts", () => {
    const made = created(job()) as V1Job;
    expect(made.spec?.suspend).toBe(true);
    expect(made.metadata?.labels?.[names.waitingLabel]).toBe("true");
  });

  it("is not held where memoize is off, or its author starts it by hand", () => {
    for (const map of [
      { ...memo, memoize: "off" },
      { ...memo, "input-uri": "a/b:1", "wait-for-inputs": "false" },
    ])
      expect((created(job(map)) as V1Job).spec?.suspend).toBeUndefined();
  });

  const secret = { env: [{ name: "TOKEN", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }] };
  it.each<[string, V1Job | V1Pod]>([
    ["NoOutputToKeep", job({ "input-uri": "a/b:1", memoize: "on" })],
    ["OutputOfFailures", job({ ...memo, "push-on": "always" })],
    ["OneOutputOfSeveralPods", job(memo, { completions: 2, parallelism: 2 })],
    ["SecretNotSeen", podOf("step", memo, "true", secret)],
    ["NotHeldAsOne", job({ ...memo, "input-uri": "a/b:1" }, {}, { nodeName: "n" })],
    ["NotHeldAsOne", job({ ...memo, "input-uri": "a/$(POD_NAME):1" })],
    ["OutputNotKnown", job({ ...memo, "output-uri": "a/$(POD_NAME):1" })],
    ["MadeByController", withOwner(podOf("step", memo, "true"))],
  ])("is refused for %s", (code, object) => {
    const verdict = verdictOn(object);
    expect(verdict.kind).toBe("denied");
    expect(JSON.stringify(verdict)).toContain(`(${code})`);
  });

  it("is told why where no step is held", () => {
    const verdict = admit(createRequest(job()), { workflow: false });
    expect(JSON.stringify(verdict)).toContain("memoize: the operator of this cluster holds no steps");
  });

  it("is taken where the author vouches for what a key cannot see", () => {
    const map = { ...memo, "memoize-assume": "secrets" };
    expect(verdictOn(podOf("step", map, "true", secret)).kind).toBe("allowed");
    const ignored = { ...memo, "memoize-ignore-env": "TOKEN" };
    expect(verdictOn(podOf("step", ignored, "true", secret)).kind).toBe("allowed");
  });

  it("is not refused for a tag: its registry is asked when the step starts", () => {
    expect(verdictOn(job()).kind).toBe("allowed");
  });
});

function withOwner(pod: V1Pod): V1Pod {
  return { ...pod, metadata: { ...pod.metadata, ownerReferences: [replicaSet] } };
}

describe("what the operator writes of memoization", () => {
  it("does not count on what a user creates", () => {
    const { memoKeyAnnotation, memoClaimAnnotation, memoizedFromAnnotation, memoizedLabel } = names;
    const object = job();
    const made = created({
      ...object,
      metadata: {
        ...object.metadata,
        labels: { [memoizedLabel]: "true" },
        annotations: {
          ...object.metadata?.annotations,
          ...{ [memoKeyAnnotation]: "k", [memoClaimAnnotation]: "c", [memoizedFromAnnotation]: "f" },
        },
      },
    });
    const written = JSON.stringify(made.metadata);
    for (const name of [memoKeyAnnotation, memoClaimAnnotation, memoizedFromAnnotation, memoizedLabel])
      expect(written).not.toContain(name);
  });
});
