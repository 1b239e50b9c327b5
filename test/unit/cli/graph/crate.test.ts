import fc from "fast-check";
import { strFromU8, unzipSync } from "fflate";
import { expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { graphCommand } from "../../../../src/cli/commands/graph.ts";
import { exits } from "../../../../src/cli/exits.ts";
import { packCrate } from "../../../../src/cli/graph/crate.ts";
import { publicManifest } from "../../../../src/cli/graph/manifests.ts";
import { type Objects, stepsOf } from "../../../../src/cli/graph/steps.ts";
import type { KubeObject } from "../../../../src/kube/objects.ts";
import { graphOf } from "../../../../src/lineage/graph.ts";
import { keyOf } from "../../../support/builders.ts";
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

it("no value of the environment is in it, wherever kubectl has noted it, and the same run is the same file", () => {
  fc.assert(
    fc.property(podSpec, (spec) => {
      const containers = spec.containers.map((container) => ({
        ...container,
        env: [...(container.env ?? []), { name: "TOKEN", value: secret }],
      }));
      const ended = endedPod(annotations, { ...spec, containers });
      const applied = { "kubectl.kubernetes.io/last-applied-configuration": JSON.stringify({ secret }) };
      const metadata = { ...ended.metadata, annotations: { ...ended.metadata?.annotations, ...applied } };
      const objects = { pods: [{ ...ended, metadata }] };
      const crate = packed(objects);
      expect(crate.workflow + crate.metadata).not.toContain(secret);
      expect(Buffer.from(packed(objects).zip).equals(Buffer.from(crate.zip))).toBe(true);
    }),
    { numRuns: 100 },
  );
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
