import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { cacheOf, jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const at = (nodeAddress: string) => cacheOf("oras", { nodeAddress });
const first = "oras-credentials-0000000001";
const second = "oras-credentials-0000000002";
const [firstOfNodes, secondOfNodes] = ["oras-credentials-1000000001", "oras-credentials-1000000002"];
const before = { cache: at("nodes:30500"), cacheLogin: first, nodeLogin: firstOfNodes };
const now = { cache: at("nodes:30500"), cacheLogin: second, nodeLogin: secondOfNodes };
const step: StepAnnotations = { "output-uri": "a/b:1", "output-path": "out" };
const digest = `sha256:${"a".repeat(64)}`;
const mounts: StepAnnotations = {
  ...step,
  "input-uri": `c/d@${digest}`,
  "input-path": "/data",
  "input-as": "volume",
};

const objects: [string, V1Pod | V1Job][] = [
  ["Pod", podOf("step", step)],
  ["Job", jobOf("step", step)],
  ["Job that waits", jobOf("step", { ...step, "input-uri": "c/d:1", "wait-for-inputs": "true" })],
  ["Pod whose input is a volume", podOf("step", mounts)],
  ["Job whose input is a volume", jobOf("step", mounts)],
];

describe.each([{ hookShape: false }, { hookShape: true }])(
  "an injected object that is created again: %j",
  (shape) => {
    it.each(objects)("%s: gets the login that is given now", (_, object) => {
      const stored = created(object, { ...before, ...shape });
      expect(JSON.stringify(stored)).toContain(first);
      const again = created(structuredClone(stored), { ...now, ...shape });
      const wanted = JSON.stringify(stored).replaceAll(first, second).replaceAll(firstOfNodes, secondOfNodes);
      expect(again).toEqual(JSON.parse(wanted));
      // A second call of the same review changes nothing.
      expect(created(structuredClone(again), { ...now, ...shape })).toEqual(again);
    });

    it.each(objects)("%s: stays as it is where that is not known", (_, object) => {
      const stored = created(object, { ...before, ...shape });
      expect(created(structuredClone(stored), { ...shape })).toEqual(stored);
    });
  },
);

it("a Pod of an injected Job has the login of that", () => {
  const { spec } = created(jobOf("step", step), before) as V1Job;
  const owner = { apiVersion: "batch/v1", kind: "Job", name: "step", uid: "1", controller: true };
  const pod = {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: { ...spec?.template.metadata, name: "step-x", ownerReferences: [owner] },
    spec: spec?.template.spec,
  };
  expect(admit(createRequest(pod), now)).toMatchObject({ outcome: "untouched" });
});

it("the Secret of nodes stays where their address is another one by now: it has the entry for that of before", () => {
  const stored = created(podOf("step", mounts), before);
  const again = created(structuredClone(stored), { ...now, cache: at("others:30500") });
  expect(again.spec?.imagePullSecrets).toEqual([{ name: firstOfNodes }]);
  expect(JSON.stringify(again)).toContain(second);
});

it("what its author names stays, whatever it looks like", () => {
  const volumes = [{ name: "own", secret: { secretName: first } }];
  const object = podOf("step", step, "true", {}, { volumes, imagePullSecrets: [{ name: firstOfNodes }] });
  const again = created(created(object, before), now);
  expect(again.spec?.volumes?.[0]).toEqual(volumes[0]);
  expect(again.spec?.imagePullSecrets).toEqual([{ name: firstOfNodes }]);
  expect(again.metadata?.labels?.[names.usesCacheLabel]).toBe("oras");
});
