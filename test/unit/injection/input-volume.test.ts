import type { V1Container, V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import type { Verdict } from "../../../src/injection/admission-types.ts";
import { originalOf } from "../../../src/injection/original.ts";
import { cacheOf, jobOf, keyOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created, updated } from "../../support/patched.ts";
import { admit, createRequest } from "../../support/pods.ts";

const cache = cacheOf("oras", { nodeAddress: "nodes.example.com:30500" });
const nodeLogin = "oras-credentials-0123456789";
const around = { cache, nodeLogin, cacheLogin: "oras-credentials-9876543210" };
const step: StepAnnotations = { "input-uri": "a/b:c", "input-path": "/data", "input-as": "volume" };
const waits: StepAnnotations = { ...step, "wait-for-inputs": "true" };
const output: StepAnnotations = { "output-uri": "d/e:f", "output-path": "out" };
const digest = `sha256:${"a".repeat(64)}`;
const byDigest: StepAnnotations = { ...step, "input-uri": `a/b@${digest}` };
const inputOf = (spec?: V1PodSpec | null) => spec?.volumes?.find(({ name }) => name === names.inputVolume);
const codesOf = (verdict: Verdict) =>
  verdict.kind === "denied" ? verdict.problems?.map(({ code }) => code) : [];
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
    const { spec } = created(podOf("step", { ...byDigest, ...output }), all);
    const image = { reference: `nodes.example.com:30500/a/b@${digest}`, pullPolicy: "IfNotPresent" };
    expect(inputOf(spec)).toEqual({ name: names.inputVolume, image });
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

  it("of a Job: its Pods name the login beside those of their ServiceAccount, and the digest that was found", () => {
    const held = created(jobOf("step", waits), all);
    expect(held.spec?.template.spec?.imagePullSecrets).toBeUndefined();
    const secrets = { imagePullSecrets: [{ name: "of-account" }] };
    const pinned = created(podOfJob(held, { [names.inputDigestsAnnotation]: digest }, secrets), all);
    expect(pinned.spec?.imagePullSecrets).toEqual([{ name: "of-account" }, { name: nodeLogin }]);
    const image = { reference: `nodes.example.com:30500/a/b@${digest}`, pullPolicy: "IfNotPresent" };
    expect(inputOf(pinned.spec)?.image).toEqual(image);
    expect(JSON.stringify(pinned.spec)).toContain(names.inputPinnedVariable);
    expect(created(pinned, all)).toEqual(pinned);
    for (const word of ["tag", "wait", `${digest},${digest}`, "sha256:x"]) {
      const other = created(podOfJob(held, { [names.inputDigestsAnnotation]: word }), all);
      // The agent refuses it.
      expect(inputOf(other.spec)?.image?.reference).toBe("nodes.example.com:30500/a/b:c");
      expect(JSON.stringify(other.spec)).not.toContain(names.inputPinnedVariable);
    }
  });

  it.each<[string, V1Pod | V1Job]>([
    ["Pod", podOf("step", { ...byDigest, ...output })],
    ["Job", jobOf("step", { ...byDigest, ...output })],
    ["Job that waits", jobOf("step", { ...waits, ...output })],
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
])("refused: %s", (_, map, more, code) => {
  const verdict = admit(createRequest(jobOf("step", { "wait-for-inputs": "true", ...map })), {
    ...around,
    ...more,
  });
  expect(codesOf(verdict)).toEqual([code]);
});

const owner = (kind: string, apiVersion: string) => ({
  ownerReferences: [{ kind, apiVersion, name: "x", uid: "1", controller: true }],
});
const by = <T extends V1Pod | V1Job>(object: T, kind: string, apiVersion: string): T => ({
  ...object,
  metadata: { ...object.metadata, ...owner(kind, apiVersion) },
});
const suspended = { suspend: true };
const onNode = { nodeName: "node-1" };
/** Of a Job with annotations on its template alone, whose Pods wait one by one. */
function onTemplate(map: StepAnnotations): V1Job {
  const { metadata, ...job } = jobOf("step", map);
  const { annotations, ...rest } = metadata ?? {};
  const template = { ...job.spec?.template, metadata: { annotations } };
  return { ...job, metadata: rest, spec: { ...job.spec, template } } as V1Job;
}

it.each<[string, V1Pod | V1Job, object, readonly string[]]>([
  ["a Job that the operator holds", jobOf("step", waits), {}, []],
  ["one of a CronJob", by(jobOf("step", waits), "CronJob", "batch/v1"), {}, []],
  ["one that its author holds", jobOf("step", waits, "true", suspended), {}, []],
  ["a Pod, by its digest", podOf("step", byDigest), {}, []],
  ["a Pod that waits, by its digest", podOf("step", { ...waits, ...byDigest }), {}, []],
  ["a Job, by its digest", jobOf("step", byDigest), {}, []],
  ["a Job's template, by its digest", onTemplate(byDigest), {}, []],
  ["a Pod without inputs", podOf("step", { ...output, "input-as": "volume" }), {}, ["NothingToPull"]],
  ["a Pod", podOf("step", step), {}, ["VolumeNotPinned"]],
  ["a Pod that is memoized", podOf("step", { ...step, ...output, memoize: "on" }), {}, ["VolumeNotPinned"]],
  ["a Pod that waits", podOf("step", waits), {}, ["VolumeNotPinned"]],
  ["a Job that does not wait", jobOf("step", step), {}, ["VolumeNotPinned"]],
  ["a Job's template", onTemplate(waits), {}, ["VolumeNotPinned"]],
  [
    "a Job of a JobSet",
    by(jobOf("step", waits), "JobSet", "jobset.x-k8s.io/v1alpha2"),
    {},
    ["VolumeNotPinned"],
  ],
  ["a Pod of a ReplicaSet", by(podOf("step", waits), "ReplicaSet", "apps/v1"), {}, ["VolumeNotPinned"]],
  ["no workflows", jobOf("step", waits), { workflow: false }, ["NotWithVolume", "VolumeNotPinned"]],
  [
    "no workflows, by its digest",
    jobOf("step", { ...waits, ...byDigest }),
    { workflow: false },
    ["NotWithVolume"],
  ],
  [
    "a Pod with a node, by its digest",
    podOf("step", { ...waits, ...byDigest }, "true", {}, onNode),
    {},
    ["NotWithVolume"],
  ],
])("whether all containers read the same: %s", (_, object, more, codes) => {
  expect(codesOf(admit(createRequest(object), { ...around, ...more }))).toEqual(codes);
});

const mounts = (mountPath: string) => ({ volumeMounts: [{ name: "own", mountPath }] });
it.each<[string, Partial<V1Container>]>([
  ["/data", mounts("/data/")],
  ["/data", mounts("/data/sub")],
  ["/data", mounts("/x/../data/./sub")],
  ["/data", { volumeDevices: [{ name: "own", devicePath: "/data" }] }],
  ["/data", { volumeDevices: [{ name: "own", devicePath: "/data/disk" }] }],
  ["/data", { terminationMessagePath: "/data/end" }],
  ...[
    "/etc",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/hostname",
    "/dev",
    "/dev/shm",
    "/dev/termination-log",
  ].map((path): [string, object] => [path, {}]),
  ...["/var", "/var/run", "/run", "/run/secrets", "/var/run/secrets/kubernetes.io/serviceaccount/"].map(
    (path): [string, object] => [path, {}],
  ),
  ...["/proc", "/proc/x", "/sys", "/sys/fs/cgroup"].map((path): [string, object] => [path, {}]),
])("a path is refused at which or below which something is mounted: %s with %j", (path, container) => {
  for (const make of [
    podOf,
    (...[name, map, script, of]: Parameters<typeof podOf>) =>
      jobOf(name, map, script, {}, podOf(name, {}, script, of).spec),
  ]) {
    const step = make("step", { ...byDigest, "input-path": path }, "true", container);
    expect(admit(createRequest(step), around)).toMatchObject({
      problems: [{ code: "PathIsMounted", path: keyOf("input-path") }],
    });
  }
});

it.each<[string, Partial<V1Container>]>([
  ["/data", mounts("/database")],
  ["/data/in", mounts("/data")],
  ["/etc/hosts.d", {}],
  ["/var/lib/data", {}],
  ["/dev/data", { terminationMessagePath: "/end" }],
])("another one is not: %s with %j", (path, container) => {
  const step = podOf("step", { ...byDigest, "input-path": path }, "true", container);
  expect(codesOf(admit(createRequest(step), around))).toEqual([]);
});

it("the operator's own volume is not mounted below the input", () => {
  const { spec } = created(podOf("step", { ...byDigest, "input-path": "/mnt/x/.." }), around);
  const main = spec?.containers.find(({ name }) => name === "main");
  const paths = main?.volumeMounts?.map(({ mountPath }) => mountPath);
  expect(paths).toContain("/mnt");
  expect(paths?.filter((path) => path.startsWith("/mnt/"))).toEqual([]);
});

it("a CA that nodes do not know is told", () => {
  const issued = cacheOf("oras", { nodeAddress: "nodes.example.com:30500", tls: { selfIssued: true } });
  const { warnings } = admit(createRequest(podOf("step", byDigest)), { ...around, cache: issued });
  expect(warnings).toContainEqual(expect.objectContaining({ code: "NodesNeedCa" }));
});
