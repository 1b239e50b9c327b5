import { expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { takesResults } from "../../../src/cli/steps/rerun.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import { jobOf, type StepAnnotations } from "../../support/builders.ts";

const key = { [names.memoKeyAnnotation]: "v1 1234" };
const label = { [names.memoizedLabel]: "true" };

it.each<[string, boolean, StepAnnotations, { annotations?: object; labels?: object }]>([
  ["that asks for it", true, { memoize: "on" }, {}],
  ["whose OrasCache asks for it", true, {}, { annotations: key }],
  ["that was not run for it", true, {}, { labels: label }],
  ["that asks for nothing", false, {}, {}],
  ["that asks for none", false, { memoize: "off" }, { annotations: key }],
  ["that compares", false, { memoize: "verify" }, { annotations: key }],
  ["that runs whatever is remembered", false, { memoize: "refresh" }, { labels: label }],
])(
  "of a step %s it is known whether it takes its result: %s",
  (_, expected, map, { annotations, labels }) => {
    const job = jobOf("eq1", map) as KubeObject;
    const metadata = {
      ...job.metadata,
      annotations: { ...job.metadata?.annotations, ...annotations },
      labels,
    };
    expect(takesResults({ ...job, metadata } as KubeObject)).toBe(expected);
  },
);
