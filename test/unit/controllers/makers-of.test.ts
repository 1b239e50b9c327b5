import fc from "fast-check";
import { expect, test } from "vitest";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import { keyOf } from "../../../src/kube/objects.ts";
import { type Artifact, mayPush } from "../../../src/workflow/step.ts";
import { jobOf, type StepAnnotations } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";

function job(name: string, map: StepAnnotations, namespace = "work"): StepJob {
  const made = jobOf(name, map, "true", { completionMode: "Indexed", completions: 3 });
  return keepJob({ ...made, metadata: { ...made.metadata, namespace, uid: `uid-${name}` } } as StepJob);
}

/** The steps of some Jobs, and how often it was looked at what one of them makes. */
function stepsOf(all: readonly StepJob[]) {
  const seen = { looks: 0 };
  const jobs = mirrorOf(
    all.map((one) => {
      const { plan, ...rest } = one;
      return Object.defineProperty(rest as StepJob, "plan", {
        get: () => {
          seen.looks++;
          return plan;
        },
      });
    }),
  );
  return {
    steps: createWorkflowSteps(jobs as never, mirrorOf<StepPod>() as never, createPushes()),
    seen,
    jobs,
  };
}

const at = (repository: string, version: string): Artifact => ({
  registry: "cache oras",
  repository,
  version,
});

test.each<[string, (i: number) => string, Artifact, Artifact]>([
  [
    "the names of their repositories",
    (i) => `forest/sample-${i}:$(JOB_COMPLETION_INDEX)`,
    at("forest/sample-17", ":2"),
    at("forest/sample-17", ":all"),
  ],
  [
    "the front of their tags",
    (i) => `forest/sample:part-${i}-$(JOB_COMPLETION_INDEX)`,
    at("forest/sample", ":part-17-2"),
    at("forest/sample", ":all-17"),
  ],
  [
    "the names of the Jobs",
    () => "forest/$(JOB_NAME):$(POD_NAME)",
    at("forest/job-17", ":x"),
    at("forest/job", ":x"),
  ],
  [
    "what stands behind the variable",
    (i) => `forest/$(POD_NAME)/sample:${i}`,
    at("forest/pod/sample", ":17"),
    at("forest/pod/sample", ":all"),
  ],
  [
    "what stands behind several variables",
    (i) => `$(NODE_NAME)/$(POD_NAME)-s:run-${i}`,
    at("node/pod-s", ":run-17"),
    at("node/pod-s", ":run"),
  ],
])(
  "of a thousand outputs that differ in %s those of one are looked at, and left",
  (_what, output, made, none) => {
    const all = Array.from({ length: 1_000 }, (_, i) =>
      job(`job-${i}`, { "output-uri": output(i), "failure-uri": output(i) }),
    );
    const { steps, seen } = stepsOf(all);
    const looked = (look: () => readonly unknown[]) => {
      seen.looks = 0;
      return [look().length, seen.looks <= 20];
    };
    expect(looked(() => steps.makersOf("work", made))).toEqual([1, true]);
    expect(looked(() => steps.leaversOf("work", made))).toEqual([1, true]);
    expect(looked(() => steps.producersOf("work", made))).toEqual([1, true]);
    expect(looked(() => steps.makersOf("work", none))).toEqual([0, true]);
    expect(looked(() => steps.makersOf("other", made))).toEqual([0, true]);
  },
);

test("of a thousand Jobs that push under one name with an index, none is looked at for another name there", () => {
  const output = "forest/sample:$(JOB_COMPLETION_INDEX)";
  const all = Array.from({ length: 1_000 }, (_, i) => job(`job-${i}`, { "output-uri": output }));
  const { steps, seen } = stepsOf(all);
  seen.looks = 0;
  expect(steps.makersOf("work", at("forest/sample", ":all"))).toEqual([]);
  expect(seen.looks).toBe(0);
  expect(steps.makersOf("work", at("forest/sample", ":2"))).toHaveLength(1_000);
});

test("of a thousand Jobs with variables, that one is looked at whose index is written, also where each may push it", () => {
  const all = Array.from({ length: 1_000 }, (_, i) =>
    job(`job-${i}`, {
      "output-uri": "forest/sample:$(POD_NAME)",
      "output-index": `forest/sample:all-${i}`,
    }),
  );
  const { steps, seen } = stepsOf(all);
  seen.looks = 0;
  const index = at("forest/sample", ":all-17");
  expect(steps.namersOf("work", index).map(({ name }) => name)).toEqual(["Job job-17"]);
  expect(seen.looks).toBeLessThanOrEqual(20);
});

test("a step is found under every name that it may have, as long as it is there", () => {
  const piece = fc.constantFrom("a", "b", "1", "a1", "-b", "/a", "");
  const variable = fc.constantFrom("$(POD_NAME)", "$(JOB_COMPLETION_INDEX)", "$(NODE_NAME)", "");
  const part = fc.array(fc.tuple(piece, variable), { maxLength: 3 }).map((all) => all.flat().join(""));
  const output = fc.record({ repository: part, version: part.map((text) => `:${text}`) });
  const wanted = fc.record({
    repository: fc.array(piece, { maxLength: 5 }).map((all) => all.join("")),
    version: fc.array(piece, { maxLength: 5 }).map((all) => `:${all.join("")}`),
  });
  const bare = job("any", { "output-uri": "a/b:1" });
  fc.assert(
    fc.property(fc.array(output, { maxLength: 12 }), wanted, fc.nat(), (outputs, name, gone) => {
      const artifact = at(name.repository, name.version);
      const all = outputs.map(({ repository, version }, i) => ({
        ...bare,
        metadata: { ...bare.metadata, name: `job-${i}`, uid: `uid-${i}` },
        plan: bare.plan && { ...bare.plan, output: at(repository, version) },
      })) as StepJob[];
      const { steps, jobs } = stepsOf(all);
      const found = () =>
        steps
          .makersOf("work", artifact)
          .map((step) => step.uid)
          .toSorted();
      const may = (some: readonly StepJob[]) =>
        some
          .filter(({ plan }) => plan?.output && mayPush(plan.output, artifact))
          .map(({ metadata }) => metadata?.uid)
          .toSorted();
      expect(found()).toEqual(may(all));
      const leaves = all[gone % Math.max(all.length, 1)];
      const left = all.filter((one) => one !== leaves);
      if (leaves) jobs.store.remove(keyOf(leaves));
      expect(found()).toEqual(may(left));
      if (leaves) jobs.store.put(leaves);
      expect(found()).toEqual(may(all));
    }),
    { numRuns: 1_000 },
  );
});
