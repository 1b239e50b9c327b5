import type { V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { originalOf } from "../../../src/injection/original.ts";
import { cacheOf, jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created, updated } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const cache = cacheOf("oras", { nodeAddress: "nodes.example.com:30500" });
const nodeLogin = "oras-credentials-0123456789";
const around = { cache, nodeLogin, cacheLogin: "oras-credentials-9876543210" };
const step: StepAnnotations = { "input-uri": "a/b:c", "input-path": "/data", "input-as": "volume" };
const output: StepAnnotations = { "output-uri": "d/e:f", "output-path": "out" };
const digest = `sha256:${"a".repeat(64)}`;
const inputOf = (spec?: V1PodSpec | null) => spec?.volumes?.find(({ name }) => name === names.inputVolume);
const shapes = [{ hookShape: false }, { hookShape: true }];

/** A Pod as the Job controller makes it. */
function podOfJob(
  { spec }: V1Job,
  annotations: Record<string, string> = {},
  more: Partial<V1PodSpec> = {},
): V1Pod {
  const owner = { apiVersion: "batch/v1", kind: "Job", name: "step", uid: "1", controller: true };
  const { metadata, spec: template } = spec?.template ?? {};
  return {
    ...{ apiVersion: "v1", kind: "Pod" },
    metadata: { ...metadata, name: "step-x", annotations, ownerReferences: [owner] },
    spec: { ...template, ...more } as V1PodSpec,
  };
}

describe.each(shapes)("an input that is a volume: %j", (shape) => {
  const all = { ...around, ...shape };

  it("is mounted where it would be unpacked, and nothing is brought", () => {
    const { spec } = created(podOf("step", { ...step, ...output }), all);
    const reference = "nodes.example.com:30500/a/b:c";
    expect(inputOf(spec)).toEqual({ name: names.inputVolume, image: { reference, pullPolicy: "Always" } });
    const main = spec?.containers.find(({ name }) => name === "main");
    expect(main?.volumeMounts).toContainEqual({
      name: names.inputVolume,
      mountPath: "/data",
      readOnly: true,
    });
    expect(main?.args?.join(" ")).not.toMatch(/--input-path|--keep-inputs/);
    expect(main?.startupProbe).toBeUndefined();
    expect(JSON.stringify(spec)).toContain("--mounted-inputs");
    expect(spec?.imagePullSecrets).toEqual([{ name: nodeLogin }]);
  });

  it("by its digest is pulled once", () => {
    const { spec } = created(podOf("step", { ...step, "input-uri": `a/b@${digest}` }), all);
    expect(inputOf(spec)?.image).toEqual({
      ...{ reference: `nodes.example.com:30500/a/b@${digest}`, pullPolicy: "IfNotPresent" },
    });
  });

  it("of a Job: its Pods name the login beside those of their ServiceAccount, and the digest that was found", () => {
    const job = created(jobOf("step", step), all);
    expect(job.spec?.template.spec?.imagePullSecrets).toBeUndefined();
    const secrets = { imagePullSecrets: [{ name: "of-account" }] };
    const plain = created(podOfJob(job, {}, secrets), all);
    expect(plain.spec?.imagePullSecrets).toEqual([{ name: "of-account" }, { name: nodeLogin }]);
    expect(inputOf(plain.spec)?.image?.reference).toBe("nodes.example.com:30500/a/b:c");

    const held = created(jobOf("step", { ...step, "wait-for-inputs": "true" }), all);
    const pinned = created(podOfJob(held, { [names.inputDigestsAnnotation]: digest }, secrets), all);
    expect(inputOf(pinned.spec)?.image?.reference).toBe(`nodes.example.com:30500/a/b@${digest}`);
    expect(JSON.stringify(pinned.spec)).toContain(names.inputPinnedVariable);
    expect(created(pinned, all)).toEqual(pinned);
    for (const word of ["tag", "wait", `${digest},${digest}`, "sha256:x"]) {
      const other = created(podOfJob(held, { [names.inputDigestsAnnotation]: word }), all);
      expect(inputOf(other.spec)?.image?.reference).toBe("nodes.example.com:30500/a/b:c");
    }
  });

  it.each<[string, V1Pod | V1Job]>([
    ["Pod", podOf("step", { ...step, ...output })],
    ["Job", jobOf("step", { ...step, ...output })],
  ])("is taken out of a %s, put back, and no part of what its author wrote", (_, object) => {
    const stored = created(object, all);
    expect(updated(stored, structuredClone(object))).toEqual(stored);
    expect(created(stored, all)).toEqual(stored);
    const spec = originalOf(stored)?.workload.template.spec;
    expect(JSON.stringify(spec)).not.toMatch(/oras-input|imagePullSecrets/);
    const { workload } = originalOf(stored) ?? {};
    expect(workload?.template.spec).toEqual(
      "template" in (object.spec ?? {}) ? (object as V1Job).spec?.template.spec : object.spec,
    );
  });
});

it.each<[string, StepAnnotations, object, string]>([
  ["several inputs", { ...step, "input-uri_1": "x:y" }, {}, "VolumeOfSeveral"],
  ["a variable of the Pod", { ...step, "input-uri": "a/b:$(POD_NAME)" }, {}, "VolumeNotKnown"],
  ["not unpacked", { ...step, unpack: "false" }, {}, "NotWithVolume"],
  ["no path", { "input-uri": "a/b:c", "input-as": "volume" }, {}, "VolumeNeedsPath"],
  ["a relative path", { ...step, "input-path": "data" }, {}, "VolumeNeedsPath"],
  ["the root", { ...step, "input-path": "/x/.." }, {}, "VolumeNeedsPath"],
  ["a variable in the path", { ...step, "input-path": "/$(POD_NAME)" }, {}, "VolumeNeedsPath"],
  ["an output in the input", { ...step, ...output, "output-path": "/data/out" }, {}, "OutputInVolume"],
  ["an output in the input, relative", { ...step, ...output, "input-path": "/tmp" }, {}, "OutputInVolume"],
  ["another registry", { ...step, registry: "ghcr.io" }, {}, "NoNodeAddress"],
  ["an input elsewhere", { ...step, "input-uri": "oci://ghcr.io/a/b:c" }, {}, "NoNodeAddress"],
  ["no cache", step, { cache: undefined }, "NoNodeAddress"],
  ["no address", step, { cache: cacheOf("oras") }, "NoNodeAddress"],
  ["an older cluster", step, { kubernetesMinor: 34 }, "NoImageVolumes"],
  ["a script", { ...step, entrypoint: "https://example.com/x" }, {}, "NotWithScripts"],
  ["no inputs", { ...output, "input-as": "volume" }, {}, "NothingToPull"],
  [
    "a time nobody keeps",
    { ...step, "wait-for-inputs": "true", "wait-timeout": "1h" },
    { workflow: false },
    "NotWithVolume",
  ],
  ["a Pod's result", { ...step, ...output, memoize: "on" }, {}, "VolumeNotPinned"],
])("refused: %s", (_, map, more, code) => {
  const verdict = admit(createRequest(podOf("step", map)), { ...around, ...more });
  expect(verdict.kind === "denied" && verdict.problems?.map((problem) => problem.code)).toEqual([code]);
});

it("a path that is mounted already is refused, however it is written", () => {
  const mount = { volumeMounts: [{ name: "own", mountPath: "/data/" }] };
  const pod = podOf("step", step, "true", mount, { volumes: [{ name: "own", emptyDir: {} }] });
  expect(admit(createRequest(pod), around)).toMatchObject({ problems: [{ code: "PathIsMounted" }] });
});

it("a CA that nodes do not know is told", () => {
  const issued = cacheOf("oras", { nodeAddress: "nodes.example.com:30500", tls: { selfIssued: true } });
  const { warnings } = admit(createRequest(podOf("step", step)), { ...around, cache: issued });
  expect(warnings).toContainEqual(expect.objectContaining({ code: "NodesNeedCa" }));
});
