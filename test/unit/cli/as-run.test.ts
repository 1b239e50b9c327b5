import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { annotations } from "../../../src/annotations/table.ts";
import { objectsOf } from "../../../src/cli/manifests/objects.ts";
import { makeRun } from "../../../src/cli/steps/as-run.ts";

const uri = annotations["output-uri"].key;
const { key } = annotations.run;

const files = `
apiVersion: batch/v1
kind: Job
metadata: {name: own, annotations: {${uri}: "a/$(RUN):x"}}
spec: {template: {spec: {containers: [{name: main, image: x, command: ["true"]}]}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: often}
spec: {jobTemplate: {spec: {template: {metadata: {annotations: {${uri}: "a/$(RUN):y"}}, spec: {containers: []}}}}}
---
apiVersion: v1
kind: Pod
metadata: {generateName: some-, annotations: {${uri}: "a/$(RUN):z", ${key}: before}}
spec: {containers: [{name: main, image: x, command: ["true"]}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
`;

function made(run: string, prefix: boolean, text = files) {
  const { objects, documents } = objectsOf([{ file: "x.yaml", named: true, text }], "default");
  return { steps: makeRun(objects, { run, prefix }), documents };
}

describe("makeRun", () => {
  test("sets run where the annotations of each step are, and leaves others as they are", () => {
    const { steps, documents } = made("trial-3", false);
    expect(steps).toBe(3);
    const [job, cronJob, pod, other] = documents as [object, object, object, object];
    expect(job).toMatchObject({ metadata: { name: "own", annotations: { [key]: "trial-3" } } });
    const below = { template: { metadata: { annotations: { [key]: "trial-3" } } } };
    expect(cronJob).toMatchObject({ metadata: { name: "often" }, spec: { jobTemplate: { spec: below } } });
    expect(pod).toMatchObject({ metadata: { generateName: "some-", annotations: { [key]: "trial-3" } } });
    expect(other).toEqual(parse("{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}"));
  });

  test("begins the names of steps with it", () => {
    const { documents } = made("trial-3", true);
    expect(documents.map((each) => (each as { metadata: object }).metadata)).toMatchObject([
      { name: "trial-3-own" },
      { name: "trial-3-often" },
      { generateName: "trial-3-some-" },
      { name: "other" },
    ]);
  });

  test("says what is wrong with a name", () => {
    expect(() => made("a/b", false)).toThrow(/^--run: found "a\/b"; /);
    expect(() => made("Trial", true)).toThrow(
      /^--prefix: Job default\/own cannot be named "Trial-own"; allowed /,
    );
    expect(() => made("x".repeat(61), true)).toThrow(/cannot be named/);
    expect(() => made("x", false, "{apiVersion: v1, kind: Pod, metadata: {name: x}}")).toThrow(
      /^The files have no step/,
    );
  });
});
