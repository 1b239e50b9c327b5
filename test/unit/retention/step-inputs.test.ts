import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { inputsOfJob, inputsOfPod } from "../../../src/retention/step-inputs.ts";
import { keyed } from "../../support/builders.ts";

const annotations = keyed({
  "input-uri": "a/b:c",
  "input-uri_1": "d:$(POD_NAME)",
  "input-path": "/x",
  "input-uri_x": "no:number",
  "output-uri": "e:f",
});
const inputs = ["a/b:c", "d:$(POD_NAME)"];

describe("the inputs of a Pod", () => {
  it.each(["Pending", "Running", "Unknown", undefined])("count while it is %s", (phase) => {
    expect(inputsOfPod({ metadata: { annotations }, status: { phase } } as V1Pod)).toEqual(inputs);
  });

  it.each(["Succeeded", "Failed"])("do not once it has %s", (phase) => {
    expect(inputsOfPod({ metadata: { annotations }, status: { phase } })).toEqual([]);
  });

  it("are none without annotations", () => {
    expect(inputsOfPod({})).toEqual([]);
    expect(inputsOfPod({ metadata: { annotations: { "input-uri": "other:prefix" } } })).toEqual([]);
  });
});

describe("the inputs of a Job", () => {
  const job = (conditions?: object[]): V1Job =>
    ({
      metadata: { annotations: keyed({ "input-uri": "on:job" }) },
      spec: { suspend: true, template: { metadata: { annotations } } },
      status: { conditions },
    }) as unknown as V1Job;

  it("count on it and on its template, also while it is suspended", () => {
    const suspended = [{ type: "Suspended", status: "True" }];
    for (const conditions of [undefined, suspended, [{ type: "Failed", status: "False" }]])
      expect(inputsOfJob(job(conditions))).toEqual(["on:job", ...inputs]);
  });

  it.each(["Complete", "Failed"])("do not once it is %s", (type) => {
    expect(inputsOfJob(job([{ type, status: "True" }]))).toEqual([]);
  });
});
