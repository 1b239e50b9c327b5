import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { OrasCache } from "../../src/cache/types.ts";
import { validateOrasCache } from "../../src/cache/validate.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { cacheOf, keyOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { objectsIn } from "../support/objects-in.ts";

type Spec = NonNullable<OrasCache["spec"]>;

/** OrasCaches in a namespace where no operator is: what is tried is the API server. */
const test = base.extend("rules", { scope: "file" }, async ({ installed }) => {
  const ns = await objectsIn(installed, "rules");
  let made = 0;
  const answer = (request: Promise<unknown>) =>
    request.then(
      () => "accepted",
      (error: Error) => error.message,
    );
  return {
    /** What comes of it when it is made; `validate` says the same without a cluster. */
    created: async (spec: object) => {
      const cache = cacheOf(`c${made++}`, spec);
      const answered = await answer(ns.create(resources.orasCaches, cache));
      expect(validateOrasCache(cache).length === 0).toBe(answered === "accepted");
      return answered;
    },
    /** What comes of it when the spec is replaced by another, or removed. */
    changed: async (before: Spec, after: object | undefined) => {
      const name = `c${made++}`;
      await ns.create(resources.orasCaches, cacheOf(name, before));
      const body = { ...(await ns.cache(name)), spec: after };
      return answer(
        installed.request({
          method: "PUT",
          path: pathOf(resources.orasCaches, { namespace: ns.namespace, name }),
          body,
        }),
      );
    },
  };
});

const claim = (fields: Record<string, unknown> = {}) => ({
  storage: { persistentVolumeClaim: { size: "10Gi", ...fields } },
});
const s3 = (fields: Record<string, unknown> = {}) => ({
  storage: {
    s3: { endpoint: "https://s3.example.com", bucket: "artifacts", secretRef: { name: "login" }, ...fields },
  },
});
const s3Beside = (fields: object) => ({ storage: { ...s3().storage, ...fields } });
const variable = (name: string) => ({ env: [{ name, value: "x" }] });

describe("a spec that is refused", () => {
  test.for<[string, object, string]>([
    [
      "two kinds of storage",
      { storage: { emptyDir: {}, persistentVolumeClaim: { size: "1Gi" } } },
      "emptyDir may only be set where persistentVolumeClaim is not set",
    ],
    [
      "storage of no registry",
      { deploy: false, storage: { emptyDir: {} } },
      "storage may only be set where deploy is true",
    ],
    [
      "a request that is no quantity",
      { resources: { requests: { memory: "64 Mi" } } },
      "spec.resources.requests.memory in body should match",
    ],
    [
      "a divisor that is no quantity",
      { env: [{ name: "A", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "one" } } }] },
      "spec.env[0].valueFrom.resourceFieldRef.divisor in body should match",
    ],
    [
      "a limit before its warning",
      { storage: { warnAt: 90, refuseAt: 80 } },
      "refuseAt cannot be less than warnAt",
    ],
    ["more than all", { storage: { refuseAt: 101 } }, "spec.storage.refuseAt"],
    ["nothing at all as a limit", { storage: { warnAt: 0 } }, "spec.storage.warnAt"],
    [
      "users of a registry that asks for no password",
      { auth: { type: "none", usersSecretRef: { name: "people" } } },
      "usersSecretRef may only be set where",
    ],
    [
      "another login of a registry that asks for none",
      { auth: { type: "none", rotate: "48h" } },
      "rotate may only be set where",
    ],
    ["another login before the last one has ended", { auth: { type: "htpasswd", rotate: "47h59m" } }, "48h"],
    ["another login at once", { auth: { type: "htpasswd", rotate: "1s" } }, "rotate must be 48h or longer"],
    ["users of no Secret", { auth: { type: "htpasswd", usersSecretRef: {} } }, "usersSecretRef.name"],
    ["a certificate of nobody", { tls: {} }, "either secretName must be set or selfIssued must be true"],
    ["a certificate of nobody, in words", { tls: { selfIssued: false } }, "either secretName must be set"],
    ["two certificates", { tls: { secretName: "a", selfIssued: true } }, "either secretName must be set"],
    ["no name of a Secret", { tls: { secretName: "A_b" } }, "spec.tls.secretName"],
    [
      "a certificate of no registry",
      { deploy: false, tls: { selfIssued: true } },
      "tls may only be set where",
    ],
    ["a claim without a size", { storage: { persistentVolumeClaim: {} } }, "size or claimName must be set"],
    [
      "a size of a claim of others",
      claim({ claimName: "mine" }),
      "claimName may only be set where size is not set",
    ],
    [
      "the deletion of a claim of others",
      { storage: { persistentVolumeClaim: { claimName: "mine", onDelete: "Delete" } } },
      'onDelete is "Retain"',
    ],
    [
      "a class of a claim of others",
      { storage: { persistentVolumeClaim: { claimName: "mine", storageClassName: "fast" } } },
      "claimName may only be set where",
    ],
    ["nothing at all as a size", claim({ size: "0Gi" }), "spec.storage.persistentVolumeClaim.size"],
    ["a number as a size", claim({ size: 10 }), "spec.storage.persistentVolumeClaim.size"],
    [
      "suspended, in an emptyDir",
      { suspend: true },
      "suspend may only be true where storage.persistentVolumeClaim or storage.s3 is set",
    ],
    [
      "suspended, in an emptyDir that is written",
      { suspend: true, storage: { emptyDir: {} } },
      "suspend may only be true",
    ],
    ["a bucket and a volume", { storage: { ...s3().storage, ...claim().storage } }, "s3 is not set"],
    ["a bucket and an emptyDir", { storage: { ...s3().storage, emptyDir: {} } }, "s3 is not set"],
    ["a bucket without keys", s3({ secretRef: undefined }), "spec.storage.s3.secretRef"],
    ["a bucket without a place", s3({ endpoint: undefined }), "spec.storage.s3.endpoint"],
    ["no bucket", s3({ bucket: undefined }), "spec.storage.s3.bucket"],
    ["a login in the endpoint", s3({ endpoint: "https://a:b@s3.example.com" }), "spec.storage.s3.endpoint"],
    ["a path in the endpoint", s3({ endpoint: "https://s3.example.com/a" }), "spec.storage.s3.endpoint"],
    ["the name of no bucket", s3({ bucket: "A_b" }), "spec.storage.s3.bucket"],
    ["a folder above", s3({ prefix: "a/../b" }), "spec.storage.s3.prefix"],
    ["a folder from the root", s3({ prefix: "/a" }), "spec.storage.s3.prefix"],
    ["a folder that ends in /", s3({ prefix: "a/" }), "spec.storage.s3.prefix"],
    [
      "a storage by variables beside it",
      { ...s3(), ...variable("REGISTRY_STORAGE_S3_SKIPVERIFY") },
      "REGISTRY_STORAGE may",
    ],
    ["several Pods in emptyDirs", { replicas: 2 }, "share their artifacts"],
    [
      "several Pods in emptyDirs that are written",
      { replicas: 2, storage: { emptyDir: {} } },
      "share their artifacts",
    ],
    ["several Pods on a volume of one node", { replicas: 2, ...claim() }, "share their artifacts"],
    [
      "several Pods on a volume of one Pod",
      { replicas: 2, ...claim({ accessModes: ["ReadWriteOncePod"] }) },
      "share their artifacts",
    ],
    [
      "pulls from a bucket",
      { ...s3(), retention: { rules: [{ repositories: ["**"], keepPulledWithin: "24h" }] } },
      "keepPulledWithin where storage.s3 is not set",
    ],
    ["limits of a volume for a bucket", s3Beside({ warnAt: 70 }), "s3 may only be set where"],
    ["no Pod", { replicas: 0, ...s3() }, "spec.replicas"],
    ["many Pods", { replicas: 17, ...s3() }, "spec.replicas"],
    ["several Pods of no registry", { deploy: false, replicas: 2 }, "share their artifacts"],
    ["a drain of a day", { drainSeconds: 86_400 }, "spec.drainSeconds"],
    [
      "another operating system",
      { nodeSelector: { "kubernetes.io/os": "windows" } },
      "kubernetes.io/os may only be linux",
    ],
    ["a label of the operator's", { podLabels: { "app.kubernetes.io/name": "x" } }, "are the operator's"],
    [
      "a label under the operator's prefix",
      { podLabels: { [names.injectedLabel]: "true" } },
      "are the operator's",
    ],
    ["a label of cluster DNS", { podLabels: { "k8s-app": "kube-dns" } }, "k8s-app"],
    ["an annotation of a step", { podAnnotations: { [keyOf("input-uri")]: "a/b:c" } }, "cannot be set"],
    [
      "an annotation that lifts AppArmor",
      { podAnnotations: { "container.apparmor.security.beta.kubernetes.io/registry": "unconfined" } },
      "cannot be set",
    ],
    [
      "one variable twice",
      {
        env: [
          { name: "A", value: "1" },
          { name: "A", value: "2" },
        ],
      },
      "Duplicate value",
    ],
    [
      "a value and a source",
      { env: [{ name: "A", value: "1", valueFrom: { secretKeyRef: { name: "a", key: "b" } } }] },
      "value may only be set where valueFrom is not set",
    ],
    ...[
      "REGISTRY_AUTH",
      "REGISTRY_AUTH_SILLY_REALM",
      "REGISTRY_NOTIFICATIONS_ENDPOINTS",
      "REGISTRY_HTTP",
      "REGISTRY_HTTP_ADDR",
      "REGISTRY_HTTP_TLS_KEY",
      "REGISTRY_HTTP_DEBUG_ADDR",
      "REGISTRY_HTTP_SECRET",
      "REGISTRY_HTTP_DRAINTIMEOUT",
    ].map((name): [string, object, string] => [name, variable(name), "the operator sets"]),
    [
      "REGISTRY_STORAGE beside storage",
      { ...variable("REGISTRY_STORAGE_REDIRECT_DISABLE"), storage: {} },
      "REGISTRY_STORAGE may only be set where storage is not set",
    ],
  ])("%s", async ([, spec, words], { rules }) => {
    expect(await rules.created(spec)).toContain(words);
  });
});

describe("a spec that is accepted", () => {
  test.for<[string, object]>([
    ["another login every two days", { auth: { type: "htpasswd", rotate: "48h" } }],
    ["another login after many minutes", { auth: { type: "htpasswd", rotate: "2880m" } }],
    ["limits of an emptyDir", { storage: { emptyDir: {}, warnAt: 50, refuseAt: 50 } }],
    ["limits of a claim", { storage: { persistentVolumeClaim: { size: "1Gi" }, warnAt: 1, refuseAt: 100 } }],
    ["limits without a kind", { storage: { refuseAt: 50 } }],
    ["an emptyDir with a limit", { storage: { emptyDir: { sizeLimit: "1.5Gi" } } }],
    [
      "a volume of every kind of field",
      claim({ storageClassName: "fast", accessModes: ["ReadWriteOncePod"], onDelete: "Delete" }),
    ],
    [
      "a claim of the author's",
      { storage: { persistentVolumeClaim: { claimName: "mine", onDelete: "Retain" } } },
    ],
    ["a bucket", s3()],
    [
      "a bucket that goes, with rules",
      { ...s3({ onDelete: "Delete" }), retention: { rules: [{ repositories: ["**"], keepLast: 1 }] } },
    ],
    [
      "a bucket of every kind of field",
      {
        replicas: 16,
        ...s3({
          ...{ endpoint: "http://[::1]:7070", bucket: "a.b", region: "eu-1", prefix: "a/b_c.d" },
          ...{ forcePathStyle: false, caSecretRef: { name: "ca", key: "tls.crt" }, redirect: true },
        }),
      },
    ],
    ["suspended, in a bucket", { suspend: true, ...s3() }],
    ["several Pods on a volume of many nodes", { replicas: 2, ...claim({ accessModes: ["ReadWriteMany"] }) }],
    [
      "several Pods on a claim of the author's",
      { replicas: 2, storage: { persistentVolumeClaim: { claimName: "mine" } } },
    ],
    ["suspended, on a volume", { suspend: true, ...claim() }],
    ["not suspended, in an emptyDir", { suspend: false, deploy: true }],
    ["a storage by environment", variable("REGISTRY_STORAGE")],
    ["a setting of the registry", { ...variable("REGISTRY_LOG_LEVEL"), ...claim() }],
    [
      "what Pods have",
      {
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                podAffinityTerm: {
                  topologyKey: "zone",
                  labelSelector: {
                    matchLabels: { a: "b" },
                    matchExpressions: [{ key: "c", operator: "In", values: ["d"] }],
                  },
                },
              },
            ],
          },
        },
        tolerations: [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 5 }],
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "ScheduleAnyway", labelSelector: {} },
        ],
        resources: { requests: { cpu: 1, memory: "64Mi" }, limits: { cpu: "2" } },
        nodeSelector: { disk: "ssd", "kubernetes.io/os": "linux" },
        imagePullSecrets: [{ name: "pull" }],
        priorityClassName: "high",
        serviceAccountName: "mine",
        podLabels: { team: "a", "app.kubernetes.io/part-of": "b" },
        podAnnotations: { "sidecar.istio.io/inject": "false" },
        env: [{ name: "A", valueFrom: { secretKeyRef: { name: "a", key: "b" } } }],
      },
    ],
  ])("%s", async ([, spec], { rules }) => {
    expect(await rules.created(spec)).toBe("accepted");
  });
});

describe("a change", () => {
  const gone = "persistentVolumeClaim cannot be removed";
  test.for<[string, Spec, object | undefined, string]>([
    ["from no word to an emptyDir", {}, { storage: { emptyDir: {} } }, "accepted"],
    ["from an emptyDir to a volume", { storage: { emptyDir: {} } }, claim(), "accepted"],
    ["from a volume to an emptyDir", claim() as Spec, { storage: { emptyDir: {} } }, gone],
    ["a storage without a kind", claim() as Spec, { storage: {} }, gone],
    ["a volume left out", claim() as Spec, {}, gone],
    ["the whole spec removed", claim() as Spec, undefined, gone],
    ["no registry any more", claim() as Spec, { deploy: false }, "accepted"],
    ["a volume that grows", claim() as Spec, claim({ size: "10.5Gi" }), "accepted"],
    ["the same size in other words", claim() as Spec, claim({ size: "10240Mi" }), "accepted"],
    ["a volume that shrinks", claim() as Spec, claim({ size: "9.9Gi" }), "size cannot be less than before"],
    [
      "a volume that shrinks, in other units",
      claim() as Spec,
      claim({ size: "10G" }),
      "size cannot be less than before",
    ],
    ["another class", claim() as Spec, claim({ storageClassName: "fast" }), "cannot be changed"],
    ["no class any more", claim({ storageClassName: "fast" }) as Spec, claim(), "cannot be changed"],
    ["other access modes", claim() as Spec, claim({ accessModes: ["ReadWriteMany"] }), "cannot be changed"],
    [
      "a claim of the author's instead",
      claim() as Spec,
      { storage: { persistentVolumeClaim: { claimName: "mine" } } },
      "accepted",
    ],
    ["what becomes of the volume", claim() as Spec, claim({ onDelete: "Delete" }), "accepted"],
    ["from an emptyDir to a bucket", { storage: { emptyDir: {} } }, s3(), "accepted"],
    ["from a volume to a bucket", claim() as Spec, s3(), gone],
    ["from a bucket to a volume", s3() as Spec, claim(), "storage.s3 cannot be removed"],
    ["from a bucket to an emptyDir", s3() as Spec, {}, "storage.s3 cannot be removed"],
    ["the whole spec with a bucket removed", s3() as Spec, undefined, "storage.s3 cannot be removed"],
    ["a bucket, and no registry any more", s3() as Spec, { deploy: false }, "accepted"],
    ["another address of a bucket", s3() as Spec, s3({ endpoint: "https://other.example.com" }), "accepted"],
    ["of nothing in an older object", { image: "registry:2" }, undefined, "accepted"],
  ])("%s", async ([, before, after, words], { rules }) => {
    expect(await rules.changed(before, after)).toContain(words);
  });
});
