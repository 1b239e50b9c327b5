import { expect, it } from "vitest";
import type { Answers } from "../../../src/injection/admission-types.ts";
import { originalOf } from "../../../src/injection/original.ts";
import { keyOfStep } from "../../../src/lineage/key.ts";
import { jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { digest } from "../../support/keys.ts";
import { created } from "../../support/patched.ts";

const map: StepAnnotations = { "output-uri": "a/b:c", "output-path": "out", memoize: "on" };
const running = (...entrypoint: string[]): Answers => ({
  images: new Map([["busybox:1.36", { program: { entrypoint, cmd: [], workingDir: "/w", user: "" } }]]),
});
/** The key of a step when it is opened: by then its tag stands for one image, whatever it was when the step was created. */
const keyOf = (object: { kind?: string }, answers: Answers) => {
  const original = originalOf(created(object, answers));
  if (original === undefined) throw new Error("it is not known what it was");
  const around = { inputs: [], images: new Map([["busybox:1.36", digest("b")]]) };
  const result = keyOfStep({ ...original, ...around, ignoreEnv: new Set(), assume: new Set() });
  return result.ok ? result.value.key : JSON.stringify(result.refusals);
};
const bare = { command: undefined as never };

it("a key has the program that the image was found to run when the step was created: that is what runs", () => {
  const pod = podOf("step", map, "true", bare);
  expect(keyOf(pod, running("/old"))).toMatch(/^[0-9a-f]{64}$/);
  expect(keyOf(pod, running("/old"))).not.toBe(keyOf(pod, running("/new")));
  expect(keyOf(pod, running("/old"))).toBe(keyOf(pod, running("/old")));
});

it("a Job and its Pods have one key, also where the image says what runs", () => {
  const [job, pod] = [jobOf("step", map, "true", {}, {}), podOf("step", map, "true", bare)];
  for (const container of job.spec?.template.spec?.containers ?? []) delete container.command;
  expect(keyOf(job, running("/old"))).toBe(keyOf(pod, running("/old")));
});

it("what an image runs does not count where the author names a command", () => {
  const pod = podOf("step", map, "true");
  expect(keyOf(pod, running("/old"))).toBe(keyOf(pod, running("/new")));
});
