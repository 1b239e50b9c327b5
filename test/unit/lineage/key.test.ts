import { describe, expect, it } from "vitest";
import { canonical } from "../../../src/lineage/canonical.ts";
import { counted } from "../../../src/lineage/uncounted.ts";
import { jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { type Around, digest, keyFor, podWith, stepOf } from "../../support/keys.ts";

const keyOf = (object: { kind?: string }, around: Around = {}, map: StepAnnotations = {}) =>
  keyFor(stepOf(object, around, map)).key;
const plain = keyOf(podWith());
const labelled = (labels: Record<string, string>, spec: object) => {
  const pod = podWith(spec);
  return { ...pod, metadata: { ...pod.metadata, namespace: "a", labels } };
};
const variable = (valueFrom: object) => ({ env: [{ name: "SAMPLE", valueFrom }] });
const label = variable({ fieldRef: { fieldPath: "metadata.labels['sample']" } });

describe("a key", () => {
  it("is the digest of its parts", () => {
    const { key, text, parts } = keyFor(stepOf(podWith()));
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(canonical(parts)).toBe(text);
  });

  it.each<[string, { kind?: string }, Around?, StepAnnotations?]>([
    ["its name", podOf("other")],
    ["the name of a container", podWith({ name: "other" })],
    ["resources", podWith({ resources: { requests: { cpu: "1" }, limits: { memory: "1Gi" } } })],
    ["no resources", podWith({ resources: {} })],
    ["where artifacts are", podWith(), {}, { "oras-cache": "other", "output-uri": "x/y:z" }],
    ["whether it is a Job", jobOf("step")],
    ["null and empty lists", podWith({ args: [], env: [] }, { hostNetwork: null as never })],
    ["the token of the ServiceAccount", withToken(podWith())],
    ["a variable that does not count", podWith({ env: [{ name: "A" }] }), { ignoreEnv: new Set(["A"]) }],
    ["an image by its digest", podWith({ image: `elsewhere/busybox@${digest("b")}` })],
  ])("does not depend on %s", (_, object, around, map) => {
    expect(keyOf(object, around, map)).toBe(plain);
  });

  it.each<[string, { kind?: string }, Around?, StepAnnotations?]>([
    ["the command", podWith({ command: ["sh", "-c", "false"] })],
    ["where the words of a command end", podWith({ command: ["sh", "-c true"] })],
    ["the digest of the image", podWith(), { images: new Map([["busybox:1.36", digest("c")]]) }],
    ["devices", podWith({ resources: { limits: { "example.com/gpu": "1" } } })],
    ["init containers", podWith({}, { initContainers: podWith().spec?.containers ?? [] })],
    ["a field that no version of Kubernetes has yet", podWith({}, { hostMoon: true } as object)],
    ["the completion index", podWith(), { completionIndex: 0 }],
    ["memoize-extra", podWith(), { extra: "2" }],
    ["inputs", podWith(), { inputs: [[{ title: "a", digest: digest("a") }]] }],
    ["compression", podWith(), {}, { compression: "zstd" }],
    ["how the input comes", podWith(), {}, { "input-uri": `a/b@${digest("b")}`, "input-as": "volume" }],
    ["the format", podWith(), {}, { format: "image" }],
    ["paths", podWith(), {}, { "output-path": "out" }],
    ["which container is wrapped", podWith(), { launchers: [1] }],
  ])("depends on %s", (_, object, around, map) => {
    expect(keyOf(object, around, map)).not.toBe(plain);
  });

  it("has these settings of a step: whoever adds one decides whether it counts", () => {
    const { settings } = stepOf(podWith());
    const names = [
      "compression",
      "entrypoint",
      "format",
      "inputAs",
      "launchers",
      "orasContainer",
      "orasEntrypoint",
      "pushOn",
      "unpack",
    ];
    expect(Object.keys(counted("settings", settings)).sort()).toEqual(names);
    const [launcher = {}] = settings.launchers;
    expect(Object.keys(counted("launcher", launcher)).sort()).toEqual([
      "inputPath",
      "outputPath",
      "outputPipe",
    ]);
  });

  it.each([
    ["a label", { sample: "a" }, { sample: "b" }, label],
    ["no label", {}, { sample: "b" }, label],
  ])("has the value of a variable from %s", (_, one, other, container) => {
    expect(keyOf(labelled(one, container))).not.toBe(keyOf(labelled(other, container)));
    expect(keyOf(labelled(one, {}))).toBe(keyOf(labelled(other, {})));
  });

  it("has the values of the files of a downwardAPI volume", () => {
    const item = (fieldPath: string) => ({ path: "sample", fieldRef: { fieldPath } });
    const pod = (labels: Record<string, string>, fieldPath: string, isProjected: boolean) => {
      const downwardAPI = { items: [item(fieldPath)] };
      const source = isProjected ? { projected: { sources: [{ downwardAPI }] } } : { downwardAPI };
      const base = labelled(labels, {});
      return { ...base, spec: { ...base.spec, volumes: [{ name: "v", ...source }] } };
    };
    for (const isProjected of [false, true])
      for (const path of ["metadata.labels['sample']", "metadata.labels"])
        expect(keyOf(pod({ sample: "a" }, path, isProjected))).not.toBe(
          keyOf(pod({ sample: "b" }, path, isProjected)),
        );
  });

  it("has amounts that a program reads as the kubelet counts them", () => {
    const reads = (cpu: string, divisor: string, resource = "limits.cpu") =>
      keyOf(
        podWith({
          resources: { limits: { cpu } },
          ...variable({ resourceFieldRef: { resource, divisor } }),
        }),
      );
    expect(reads("1", "1")).toBe(reads("1000m", "1"));
    expect(reads("100m", "0")).toBe(reads("1", "1"));
    expect(reads("1", "1m")).not.toBe(reads("1", "1"));
    expect(reads("2", "1")).not.toBe(reads("1", "1"));
    expect(reads("2", "1", "requests.cpu")).toBe(reads("2", "1"));
  });

  it("counts which containers share a volume, and not what it is called", () => {
    const emptyDir = {};
    const pod = (names: readonly [string, string], volumes: readonly string[]) =>
      podWith(
        {},
        {
          volumes: volumes.map((name) => ({ name, emptyDir })),
          containers: names.map((name, at) => ({
            ...{ name: `c${at}`, image: "busybox:1.36" },
            volumeMounts: [{ name, mountPath: "/data" }],
          })),
        },
      );
    const apart = keyOf(pod(["a", "b"], ["a", "b"]));
    expect(keyOf(pod(["b", "a"], ["a", "b"]))).toBe(apart);
    expect(keyOf(pod(["x", "y"], ["y", "x"]))).toBe(apart);
    expect(keyOf(pod(["a", "a"], ["a", "b"]))).not.toBe(apart);
  });

  it("counts the order of containers and of variables", () => {
    const two = (...images: string[]) =>
      podWith({}, { containers: images.map((image, at) => ({ name: `c${at}`, image })) });
    const around: Around = { assume: new Set(["tags"]) };
    expect(keyOf(two("a", "b"), around)).not.toBe(keyOf(two("b", "a"), around));
    const [a, b] = [
      { name: "A", value: "x" },
      { name: "B", value: "$(A)" },
    ];
    expect(keyOf(podWith({ env: [a, b] }))).not.toBe(keyOf(podWith({ env: [b, a] })));
  });

  it("has no value that can be a password", () => {
    const hidden = "kept-from-all";
    const pod = podWith(
      {
        ...{ command: [hidden], args: [hidden] },
        env: [{ name: "PASSWORD", value: hidden }],
        lifecycle: { postStart: { exec: { command: [hidden] } } },
      },
      { volumes: [{ name: "v", csi: { driver: "d", volumeAttributes: { password: hidden } } }] },
    );
    expect(keyFor(stepOf(pod, { assume: new Set(["volumes"]) })).text).not.toContain(hidden);
  });
});

function withToken(pod: ReturnType<typeof podWith>): object {
  const name = "kube-api-access-x7z2q";
  const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3607, path: "token" } },
    { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
    { downwardAPI: { items: [{ path: "namespace", fieldRef: { fieldPath: "metadata.namespace" } }] } },
  ];
  const containers = pod.spec?.containers.map((container) => ({
    ...container,
    volumeMounts: [{ name, mountPath, readOnly: true }],
  }));
  return { ...pod, spec: { ...pod.spec, containers, volumes: [{ name, projected: { sources } }] } };
}
