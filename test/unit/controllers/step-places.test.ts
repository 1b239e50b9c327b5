import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import type { OrasCache } from "../../../src/cache/types.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { createPlaces } from "../../../src/controllers/step-places.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import { cacheOf, jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const metadata = (name: string) => ({ namespace: "work", uid: `uid-${name}` });

function job(name: string, map: StepAnnotations, spec: object = {}): StepJob {
  const made = jobOf(name, map, "true", spec);
  return keepJob({ ...made, metadata: { ...made.metadata, ...metadata(name) } } as StepJob);
}

function pod(name: string, map: StepAnnotations): StepPod {
  const made = podOf(name, map) as V1Pod;
  return keepStep({ ...made, metadata: { ...made.metadata, ...metadata(name) } } as StepPod);
}

/** The names of the steps that make the first input of a step. */
function makersFor(
  caches: readonly OrasCache[],
  input: StepAnnotations,
  steps: readonly (StepJob | StepPod)[],
) {
  const reads = job("reads", { ...input, "wait-for-inputs": "true" });
  const of = (kind: string) => steps.filter((step) => step.kind === kind);
  const places = createPlaces((namespace) => (namespace === "work" ? caches : []), "cluster.local");
  const views = createWorkflowSteps(
    mirrorOf([reads, ...(of("Job") as StepJob[])]),
    mirrorOf(of("Pod") as StepPod[]),
    createPushes(),
    undefined,
    places,
  );
  const [wanted] = views.ofJob(reads)?.plan.inputs ?? [];
  return wanted && views.producersOf("work", wanted).map(({ step }) => step.name);
}

const oras = cacheOf("oras", { nodeAddress: "nodes.example.com:30500" }) as OrasCache;
const hosts = [
  "oras:5000",
  "oras.work:5000",
  "oras.work.svc:5000",
  "oras.work.svc.cluster.local:5000",
  "oras-0.oras:5000",
  "ORAS-0.oras.work.svc:5000",
  "oras-registry.work:5000",
  "nodes.example.com:30500",
];

describe.each(hosts)("what makes an input in the registry of an OrasCache that is called %s", (host) => {
  const inputs: StepAnnotations[] = [
    { "input-uri": "a/b:1" },
    { registry: `http://${host}`, "input-uri": "a/b:1" },
    { "input-uri": `oci://${host}/a/b:1` },
  ];
  const outputs: StepAnnotations[] = [
    { "output-uri": "a/b:1" },
    { registry: `http://${host}`, "output-uri": "a/b:1" },
    { registry: `http://${host}/a`, "output-uri": "b:1" },
    { "output-uri": `oci://${host}/a/b:1` },
    { registry: `http://${host}`, "output-uri": "a/b:$(JOB_COMPLETION_INDEX)" },
  ];

  it("is a step that names it in whichever way", () => {
    for (const input of inputs)
      for (const [i, output] of outputs.entries()) {
        expect(makersFor([oras], input, [job("makes", output)]), `${i}`).toEqual(["Job makes"]);
        if (i < 4) expect(makersFor([oras], input, [pod("makes", output)]), `${i}`).toEqual(["Pod makes"]);
      }
    const index: StepAnnotations = {
      "output-uri": "a/b:part-$(JOB_COMPLETION_INDEX)",
      "output-index": "a/b:1",
    };
    for (const input of inputs)
      expect(makersFor([oras], input, [job("lists", index)])).toEqual(["Job lists"]);
  });

  it("is no step that names the same path elsewhere", () => {
    const others: StepAnnotations[] = [
      { "oras-cache": "other", "output-uri": "a/b:1" },
      { registry: "http://other-0.other:5000", "output-uri": "a/b:1" },
      { registry: "http://oras-0.oras.away:5000", "output-uri": "a/b:1" },
      { "output-uri": "oci://ghcr.io/a/b:1" },
    ];
    const other = cacheOf("other") as OrasCache;
    for (const input of inputs)
      for (const output of others)
        expect(makersFor([oras, other], input, [job("makes", output)])).toEqual([]);
  });

  it("is not known before the OrasCache is there", () => {
    const [byName = {}, byHost = {}] = inputs;
    expect(makersFor([], byHost, [job("makes", { "output-uri": "a/b:1" })])).toEqual([]);
    expect(makersFor([], byName, [job("makes", { "output-uri": "a/b:1" })])).toEqual(["Job makes"]);
  });
});
