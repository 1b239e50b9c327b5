import { describe, expect, it } from "vitest";
import type { Assumption } from "../../../src/annotations/settings.ts";
import { describeRefusal } from "../../../src/lineage/refusals.ts";
import { jobOf, keyOf, type StepAnnotations } from "../../support/builders.ts";
import { digest, podWith, refusalsOf, stepOf } from "../../support/keys.ts";

const variable = (valueFrom: object) => podWith({ env: [{ name: "FOO", valueFrom }] });
const field = (fieldPath: string) => variable({ fieldRef: { fieldPath } });
const volume = (source: object) => podWith({}, { volumes: [{ name: "v", ...source }] });
const env = "spec.containers[0].env[0].valueFrom";

describe("what a key cannot see", () => {
  it.each<[Assumption, string, string, object]>([
    [
      "config",
      "ConfigNotSeen",
      `${env}.configMapKeyRef`,
      variable({ configMapKeyRef: { name: "x", key: "y" } }),
    ],
    ["secrets", "SecretNotSeen", `${env}.secretKeyRef`, variable({ secretKeyRef: { name: "x", key: "y" } })],
    ["config", "ConfigNotSeen", `${env}.moonRef`, variable({ moonRef: {} })],
    [
      "config",
      "ConfigNotSeen",
      "spec.containers[0].envFrom[0].configMapRef",
      podWith({ envFrom: [{ configMapRef: { name: "x" } }] }),
    ],
    [
      "secrets",
      "SecretNotSeen",
      "spec.containers[0].envFrom[0].secretRef",
      podWith({ envFrom: [{ secretRef: { name: "x" } }] }),
    ],
    [
      "config",
      "ConfigNotSeen",
      "spec.containers[0].envFrom[0].moonRef",
      podWith({ envFrom: [{ moonRef: { name: "x" } }] }),
    ],
    ["config", "ConfigNotSeen", "spec.volumes[0].configMap", volume({ configMap: { name: "x" } })],
    ["secrets", "SecretNotSeen", "spec.volumes[0].secret", volume({ secret: { secretName: "x" } })],
    [
      "config",
      "ConfigNotSeen",
      "spec.volumes[0].projected.sources[0].configMap",
      volume({ projected: { sources: [{ configMap: { name: "x" } }] } }),
    ],
    [
      "volumes",
      "VolumeNotSeen",
      "spec.volumes[0].projected.sources[0].moon",
      volume({ projected: { sources: [{ moon: {} }] } }),
    ],
    [
      "volumes",
      "VolumeNotSeen",
      "spec.volumes[0].persistentVolumeClaim",
      volume({ persistentVolumeClaim: { claimName: "x" } }),
    ],
    ["volumes", "VolumeNotSeen", "spec.volumes[0].hostPath", volume({ hostPath: { path: "/x" } })],
    ["volumes", "VolumeNotSeen", "spec.volumes[0].moon", volume({ moon: {} })],
    ["volumes", "VolumeNotSeen", "spec.volumes[0].image", volume({ image: { reference: "x:1" } })],
    ["tags", "TagNotResolved", "spec.containers[0].image", podWith({ image: "other:1" })],
    ...[
      "metadata.name",
      "metadata.uid",
      "metadata.labels['batch.kubernetes.io/job-name']",
      "metadata.labels['controller-uid']",
      "metadata.annotations['batch.kubernetes.io/job-completion-index']",
      "spec.nodeName",
      "status.hostIP",
      "status.hostIPs",
      "status.podIP",
      "status.podIPs",
      "status.moon",
    ].map((path): [Assumption, string, string, object] => [
      "identity",
      "IdentityNotSeen",
      `${env}.fieldRef.fieldPath`,
      field(path),
    ]),
    [
      "identity",
      "AmountNotSet",
      `${env}.resourceFieldRef.resource`,
      variable({ resourceFieldRef: { resource: "limits.cpu" } }),
    ],
    [
      "identity",
      "AmountNotSet",
      `${env}.resourceFieldRef.resource`,
      variable({ resourceFieldRef: { resource: "requests.cpu" } }),
    ],
  ])("is refused unless %s is assumed (%s at %s)", (assumption, code, path, object) => {
    expect(refusalsOf(stepOf(object))).toMatchObject([{ code, path }]);
    expect(refusalsOf(stepOf(object, { assume: new Set([assumption]) }))).toEqual([]);
    const others = (["config", "secrets", "volumes", "tags", "identity"] as const).filter(
      (a) => a !== assumption,
    );
    expect(refusalsOf(stepOf(object, { assume: new Set(others) }))).toHaveLength(1);
  });

  it.each<[string, object]>([
    ["an emptyDir", volume({ emptyDir: {} })],
    ["an image by its digest", volume({ image: { reference: `x@${digest("a")}` } })],
    ["a token", volume({ projected: { sources: [{ serviceAccountToken: { path: "t" } }] } })],
    ["a ServiceAccount's name", field("spec.serviceAccountName")],
    ["a label", field("metadata.labels['x']")],
  ])("is not %s", (_, object) => {
    expect(refusalsOf(stepOf(object))).toEqual([]);
  });

  it.each<[string, string, StepAnnotations]>([
    ["OutputOfFailures", "push-on", { "push-on": "always" }],
    ["ScriptsNotSeen", "entrypoint", { entrypoint: "https://example.com/x.sh" }],
    ["ScriptsNotSeen", "oras-entrypoint", { "oras-entrypoint": "https://example.com/x.sh" }],
    ["IdentityNotSeen", "output-path", { "output-path": "$(POD_NAME)" }],
  ])("is refused for what the step asks for: %s of %s", (code, name, map) => {
    expect(refusalsOf(stepOf(podWith(), {}, map))).toMatchObject([{ code, path: keyOf(name) }]);
  });

  it("is the output of several Pods", () => {
    const several = (spec: object, uri: string) =>
      refusalsOf(stepOf(jobOf("x", {}, "true", spec), {}, { "output-uri": uri })).map(({ code }) => code);
    const indexed = { completions: 2, completionMode: "Indexed" };
    expect(several(indexed, "a/b:$(JOB_COMPLETION_INDEX)")).toEqual([]);
    expect(several(indexed, "a/b:c")).toEqual(["OneOutputOfSeveralPods"]);
    expect(several({ completions: 2 }, "a/b:$(POD_NAME)")).toEqual([
      "OutputNotKnown",
      "OneOutputOfSeveralPods",
    ]);
    expect(several({}, "a/b:$(POD_UID)")).toEqual(["OutputNotKnown"]);
  });

  it("is a Pod that is made again", () => {
    const owned = (kind: string, apiVersion: string) => {
      const owner = { kind, apiVersion, name: "x", uid: "1", controller: true };
      const pod = podWith();
      const made: object = { ...pod, metadata: { ...pod.metadata, ownerReferences: [owner] } };
      return refusalsOf(stepOf(made));
    };
    expect(owned("ReplicaSet", "apps/v1")).toMatchObject([{ code: "MadeByController" }]);
    expect(owned("Job", "batch/v1")).toEqual([]);
  });

  it("is told all at once, with what to write", () => {
    const pod = podWith(
      { env: [{ name: "A", valueFrom: { secretKeyRef: { name: "s", key: "k" } } }], image: "other:1" },
      { volumes: [{ name: "v", hostPath: { path: "/x" } }] },
    );
    const found = refusalsOf(stepOf(pod, {}, { "push-on": "always" }));
    expect(found.map(({ code }) => code).sort()).toEqual([
      "OutputOfFailures",
      "SecretNotSeen",
      "TagNotResolved",
      "VolumeNotSeen",
    ]);
    expect(found.map(describeRefusal)).toContain(
      'spec.containers[0].env[0].valueFrom.secretKeyRef: found the key "k" of the Secret "s". Add "secrets" to memoize-assume, and to memoize-extra a version of the Secret that you raise when it changes; without that if it does not change the result. A variable that does not count may be named in memoize-ignore-env instead. (SecretNotSeen)',
    );
    expect(refusalsOf(stepOf(pod, { ignoreEnv: new Set(["A"]) }, {})).map(({ code }) => code)).not.toContain(
      "SecretNotSeen",
    );
  });
});
