import type { V1Job } from "@kubernetes/client-node";
import fc from "fast-check";
import { strFromU8, unzipSync } from "fflate";
import { expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../../../schema/names.ts";
import { graphCommand } from "../../../../src/cli/commands/graph.ts";
import { exits } from "../../../../src/cli/exits.ts";
import { packCrate } from "../../../../src/cli/graph/crate.ts";
import { publicManifest } from "../../../../src/cli/graph/manifests.ts";
import { type Objects, stepsOf } from "../../../../src/cli/graph/steps.ts";
import type { KubeObject } from "../../../../src/kube/objects.ts";
import { graphOf } from "../../../../src/lineage/graph.ts";
import { jobOf, keyOf } from "../../../support/builders.ts";
import { digestOfLetter, endedPod } from "../../../support/ended-step.ts";
import { podSpec } from "../../../support/pods.ts";

const annotations = { "output-uri": "made/result:v1", "output-path": "out" };
const secret = "hunter2";

function packed(objects: Partial<Objects>) {
  const all = { namespace: "work", jobs: [], pods: [], caches: [], ...objects };
  const notes: string[] = [];
  const zip = packCrate(graphOf(stepsOf(all)), all, new Date(0), (note) => notes.push(note));
  const files = unzipSync(zip);
  const text = (name: string) => strFromU8(files[name] ?? new Uint8Array());
  return { zip, notes, metadata: text("ro-crate-metadata.json"), workflow: text("workflow.yaml") };
}

const pod = endedPod(annotations, {
  restartPolicy: "Never",
  containers: [
    { name: "main", image: "busybox:1", command: ["make"], env: [{ name: "TOKEN", value: secret }] },
  ],
});

it("a crate has the step as it was applied, and which image ran", () => {
  const { metadata, workflow, notes } = packed({ pods: [pod] });
  expect(notes).toEqual([]);
  expect(parseAllDocuments(workflow).map((document) => document.toJS())).toEqual([
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...{ name: "make", namespace: "work" },
        annotations: {
          [keyOf("output-uri")]: "made/result:v1",
          [keyOf("output-path")]: "out",
        },
      },
      spec: {
        restartPolicy: "Never",
        containers: [{ name: "main", image: "busybox:1", command: ["make"], env: [{ name: "TOKEN" }] }],
      },
    },
  ]);
  expect(metadata).toContain(digestOfLetter("e"));
  expect(metadata).toContain("busybox:1");
});

/** As tools note it that apply manifests. */
const notes = [
  "kubectl.kubernetes.io/last-applied-configuration",
  "kapp.k14s.io/original",
  "objectset.rio.cattle.io/applied",
];
const probe = { httpGet: { port: 80, httpHeaders: [{ name: "Authorization", value: secret }] } };

it("no value of the environment is in it, nor of a header, wherever it is noted, and the same run is the same file", () => {
  fc.assert(
    fc.property(podSpec, (spec) => {
      const containers = spec.containers.map((container) => ({
        ...container,
        livenessProbe: probe,
        env: [...(container.env ?? []), { name: "TOKEN", value: secret }],
      }));
      const ended = endedPod(annotations, { ...spec, containers });
      const applied = Object.fromEntries(notes.map((key) => [key, JSON.stringify({ secret })]));
      const metadata = { ...ended.metadata, annotations: { ...ended.metadata?.annotations, ...applied } };
      const objects = { pods: [{ ...ended, metadata }] };
      const crate = packed(objects);
      expect(crate.workflow + crate.metadata).not.toContain(secret);
      expect(Buffer.from(packed(objects).zip).equals(Buffer.from(crate.zip))).toBe(true);
    }),
    { numRuns: 100 },
  );
});

function job(name: string, more: { labels?: Record<string, string>; from?: string }): V1Job {
  const from = more.from && { [names.memoizedFromAnnotation]: more.from };
  const made = jobOf(name, { "output-uri": "made/result:v1", "output-path": "out" });
  const metadata = {
    ...made.metadata,
    labels: more.labels,
    annotations: { ...made.metadata?.annotations, ...from },
  };
  const status = { conditions: [{ type: "Complete", status: "True" }] };
  return { ...made, metadata: { ...metadata, uid: name }, status } as V1Job;
}

function actionIn(metadata: string, id: string) {
  const { "@graph": entities } = JSON.parse(metadata) as { "@graph": Record<string, unknown>[] };
  return entities.find((entity) => entity["@id"] === `#action-${encodeURIComponent(id)}`);
}

it("a step whose result was remembered ran no image, and it is said who made it", () => {
  const from = "Job/first Pod/first-x 2026-01-01T00:00:00Z";
  const whole = { labels: { [names.memoizedLabel]: "true" }, from };
  const { metadata } = packed({
    jobs: [job("ran", {}), job("whole", whole), job("part", { from: `${from} indexes 0-3` })],
  });
  expect(actionIn(metadata, "job/ran")).not.toHaveProperty("description");
  expect(actionIn(metadata, "job/ran")).toHaveProperty("containerImage");
  expect(actionIn(metadata, "job/whole")).not.toHaveProperty("containerImage");
  expect(actionIn(metadata, "job/whole")).toHaveProperty("description", expect.stringContaining(from));
  expect(actionIn(metadata, "job/part")).toMatchObject({
    ...{ containerImage: expect.anything(), description: expect.stringContaining("indexes 0-3") },
  });
});

it("many Pods of one step name each image once", () => {
  const pods = ["a", "b", "c"].map((name) => ({
    ...pod,
    metadata: { ...pod.metadata, name, uid: name, ownerReferences: [{ uid: "ran", controller: true }] },
  }));
  const { metadata } = packed({ jobs: [job("ran", {})], pods: pods as never });
  expect(actionIn(metadata, "job/ran")?.["containerImage"]).toHaveLength(1);
});

it("what was injected and changed since is left out, and said", () => {
  const [first, ...others] = pod.spec?.containers ?? [];
  const changed = {
    ...pod,
    spec: { ...pod.spec, containers: [{ ...first, args: [...(first?.args ?? []), "more"] }, ...others] },
  };
  expect(publicManifest({ apiVersion: "v1", kind: "Pod", ...changed } as KubeObject)).toBeUndefined();
  const { notes, workflow } = packed({ pods: [changed as never] });
  expect(notes.join()).toContain("pod/make: its manifest is not in the crate");
  expect(workflow).not.toContain("kind:");
});

it("a namespace in which nothing has run is refused", () => {
  expect(() => packed({})).toThrow(expect.objectContaining({ exitCode: exits.notFound }) as Error);
});

it("a terminal is refused, which shows no zip", async () => {
  const { isTTY } = process.stdout;
  process.stdout.isTTY = true;
  try {
    const typed = graphCommand().parseAsync(["-o", "ro-crate"], { from: "user" });
    await expect(typed).rejects.toMatchObject({ exitCode: exits.usage });
  } finally {
    process.stdout.isTTY = isTTY;
  }
});
