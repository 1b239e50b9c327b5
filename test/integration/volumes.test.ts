import type { V1PersistentVolumeClaim } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { OrasCache } from "../../src/cache/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import { type ObjectsIn, rolledOut } from "../support/objects-in.ts";
import { metric } from "../support/operator.ts";
import { failuresOf } from "../support/pages.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

type Spec = NonNullable<OrasCache["spec"]>;

const onVolume = (fields: object = {}, more: object = {}) =>
  ({ storage: { persistentVolumeClaim: { size: "1Gi", onDelete: "Retain", ...fields } }, ...more }) as Spec;
const claimIn = (ns: ObjectsIn, name = "oras-data") =>
  ns.read<V1PersistentVolumeClaim>(resources.persistentVolumeClaims, name);
const theClaim = (ns: ObjectsIn) => until(() => claimIn(ns), "the claim");
const requested = async (ns: ObjectsIn) => (await claimIn(ns))?.spec?.resources?.requests?.["storage"];

/** What the controllers of volumes do, which do not run beside an API server alone. */
const bind = (ns: ObjectsIn, capacity: string, more: object = {}) =>
  ns.patchStatus(resources.persistentVolumeClaims, "oras-data", {
    ...{ phase: "Bound", capacity: { storage: capacity }, accessModes: ["ReadWriteOnce"] },
    ...more,
  });

/** A StorageClass; more than one test may ask for it. */
async function storageClass(
  client: KubeClient,
  name: string,
  allowVolumeExpansion: boolean,
): Promise<string> {
  const path = "/apis/storage.k8s.io/v1/storageclasses";
  const body = { metadata: { name }, provisioner: "example.com/none", allowVolumeExpansion };
  await client.request({ method: "POST", path, body });
  return name;
}

describe("a volume of the operator's", () => {
  test("is claimed before the StatefulSet that mounts it, and outlives the OrasCache", async ({ ns }) => {
    const set = await ns.createCache(
      "oras",
      onVolume({ storageClassName: "any", accessModes: ["ReadWriteOncePod"] }),
    );
    const claim = await theClaim(ns);
    expect(claim.spec).toMatchObject({
      storageClassName: "any",
      accessModes: ["ReadWriteOncePod"],
      resources: { requests: { storage: "1Gi" } },
    });
    expect(claim.metadata?.ownerReferences).toBeUndefined();
    expect(claim.metadata?.labels?.[names.cacheLabel]).toBe("oras");
    expect(set.spec?.updateStrategy?.type).toBe("RollingUpdate");
    expect(set.spec?.template.spec?.volumes?.[0]).toMatchObject({
      name: names.registryDataVolume,
      persistentVolumeClaim: { claimName: "oras-data" },
    });
    await bind(ns, "1Gi");
    // The operator hears of claims and of StatefulSets apart from each other.
    await until(async () => (await ns.status("oras"))?.storage?.capacity === "1Gi", "its size");
    await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
    await ns.rollOut();
    const { message } = await ns.untilReason("oras", "Ready", "RegistryReady");
    expect(message).toContain("PersistentVolumeClaim oras-data (1Gi): they outlive its Pod");
    expect((await ns.status("oras"))?.storage).toEqual({
      kind: "persistentVolumeClaim",
      claim: "oras-data",
      claimUID: claim.metadata?.uid,
      capacity: "1Gi",
    });
  });

  test("goes with the OrasCache where the spec says so, and not any more when it says no", async ({ ns }) => {
    await ns.createCache("oras", onVolume({ onDelete: "Delete" }));
    const owners = async () => (await claimIn(ns))?.metadata?.ownerReferences;
    await until(owners, "an owner");
    expect(await owners()).toMatchObject([{ kind: names.kind, name: "oras", controller: true }]);
    await ns.patch(resources.orasCaches, "oras", onVolumeChange({ onDelete: "Retain" }));
    await until(async () => (await owners()) === undefined, "no owner");
    await ns.patch(resources.orasCaches, "oras", onVolumeChange({ onDelete: "Delete" }));
    await until(owners, "an owner again");
  });

  test("stays when the OrasCache runs no registry any more", async ({ ns }) => {
    await ns.createCache("oras", onVolume({ onDelete: "Delete" }));
    await theClaim(ns);
    await ns.patch(resources.orasCaches, "oras", { spec: { deploy: false, storage: null } });
    await until(async () => (await ns.set("oras")) === undefined, "no StatefulSet");
    expect((await claimIn(ns))?.metadata?.deletionTimestamp).toBeUndefined();
  });

  test("is taken over by an OrasCache made anew, with its class and its size if that is larger", async ({
    ns,
    installed,
    collector: _,
  }) => {
    const fixed = await storageClass(installed, "takes-over", true);
    await ns.createCache("oras", onVolume({ storageClassName: fixed, size: "5Gi" }));
    const before = await theClaim(ns);
    await bind(ns, "5Gi");
    await ns.remove(resources.orasCaches, "oras");
    await ns.create(resources.orasCaches, cacheOf("oras", onVolume({ size: "2Gi", onDelete: "Delete" })));
    const after = await until(async () => {
      const claim = await claimIn(ns);
      return claim?.metadata?.ownerReferences && claim;
    }, "an owner");
    expect(after.metadata?.uid).toBe(before.metadata?.uid);
    expect(after.spec).toEqual(before.spec);
    await until(async () => (await ns.status("oras"))?.storage?.capacity === "5Gi", "its size");
    expect(await ns.condition("oras", "StorageLost")).toBeUndefined();
    expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "False" });
  });

  test("one that somebody else made is neither changed nor mounted", async ({ ns }) => {
    const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    await ns.create(resources.persistentVolumeClaims, {
      metadata: { name: "oras-data" },
      ...({ spec } as object),
    });
    const before = await claimIn(ns);
    await ns.create(resources.orasCaches, cacheOf("oras", onVolume({ size: "5Gi" })));
    const { message } = await ns.untilReason("oras", "Ready", "NameTaken");
    expect(message).toContain("PersistentVolumeClaim oras-data exists already");
    expect(await ns.set("oras")).toBeUndefined();
    expect((await claimIn(ns))?.metadata?.resourceVersion).toBe(before?.metadata?.resourceVersion);
  });

  test("another one in its place is reported: what was on the first is out of reach", async ({ ns }) => {
    await ns.createCache("oras", onVolume());
    const first = await theClaim(ns);
    await until(async () => (await ns.status("oras"))?.storage?.claimUID === first.metadata?.uid, "its UID");
    await ns.remove(resources.persistentVolumeClaims, "oras-data");
    await ns.patch(resources.persistentVolumeClaims, "oras-data", { metadata: { finalizers: null } });
    await ns.untilReason("oras", "StorageLost", "ClaimReplaced");
    await until(async () => (await ns.events("oras")).find((e) => e.reason === "StorageLost"), "an Event");
  });
});

const onVolumeChange = (fields: object) => ({ spec: { storage: { persistentVolumeClaim: fields } } });

describe("a volume that is to grow", () => {
  test("grows by its claim alone; the Event comes with the capacity, not with the wish", async ({
    ns,
    installed,
  }) => {
    const grows = await storageClass(installed, "grows", true);
    await ns.createCache("oras", onVolume({ storageClassName: grows }));
    await theClaim(ns);
    await bind(ns, "1Gi");
    await ns.rollOut();
    await ns.untilReason("oras", "Ready", "RegistryReady");
    const template = (await ns.set("oras"))?.spec?.template;
    await ns.patch(resources.orasCaches, "oras", onVolumeChange({ size: "1.5Gi" }));
    await until(async () => (await requested(ns)) === "1536Mi", "a larger claim");
    expect((await ns.untilReason("oras", "Progressing", "VolumeGrowing")).message).toContain(
      "from 1Gi to 1536Mi",
    );
    expect((await ns.events("oras")).map(({ reason }) => reason)).not.toContain("VolumeGrown");
    expect((await ns.set("oras"))?.spec?.template).toEqual(template);
    await bind(ns, "1536Mi");
    await ns.untilReason("oras", "Progressing", "RolledOut");
    const grown = await until(
      async () => (await ns.events("oras")).find(({ reason }) => reason === "VolumeGrown"),
      "an Event",
    );
    expect(grown.note).toBe("The volume of PersistentVolumeClaim oras-data has grown from 1Gi to 1536Mi.");
  });

  test("and cannot says so, asks not in a hurry, and holds nothing else up", async ({
    ns,
    installed,
    operator,
  }) => {
    const fixed = await storageClass(installed, "fixed", false);
    await ns.createCache("oras", onVolume({ storageClassName: fixed }));
    await theClaim(ns);
    await bind(ns, "1Gi");
    await ns.rollOut();
    await ns.untilReason("oras", "Ready", "RegistryReady");
    await ns.patch(resources.orasCaches, "oras", {
      spec: { image: "registry:mine", ...onVolumeChange({ size: "2Gi" }).spec },
    });
    const { message } = await ns.untilReason("oras", "Degraded", "VolumeCannotGrow");
    expect(failuresOf("docs/how-to/volume.md")).toContain("reason `VolumeCannotGrow`");
    expect(message).toMatch(/oras-data stays at 1Gi, and 2Gi is asked for: .*must support resize/);
    await until(
      async () => (await ns.set("oras"))?.spec?.template.spec?.containers[0]?.image === "registry:mine",
      "the image",
    );
    expect((await ns.set("oras"))?.metadata?.deletionTimestamp).toBeUndefined();
    expect(await requested(ns)).toBe("1Gi");
    const looks = () => metric(operator, `controller_runtime_reconcile_total{controller="${names.singular}"`);
    const before = await looks();
    await ns.patch(resources.orasCaches, "oras", { metadata: { labels: { look: "again" } } });
    await until(async () => (await looks()) > before, "a look");
    const told = async () => (await ns.events("oras")).filter(({ reason }) => reason === "VolumeCannotGrow");
    await until(async () => (await told()).length > 0, "an Event");
    expect(await told()).toHaveLength(1);
  });

  test("that somebody has made larger already is left so", async ({ ns, installed }) => {
    const class_ = await storageClass(installed, "autoresized", true);
    await ns.createCache("oras", onVolume({ storageClassName: class_ }));
    await theClaim(ns);
    await bind(ns, "1Gi");
    await ns.patch(resources.persistentVolumeClaims, "oras-data", {
      spec: { resources: { requests: { storage: "8Gi" } } },
    });
    await bind(ns, "8Gi");
    await until(async () => (await ns.status("oras"))?.storage?.capacity === "8Gi", "its size");
    await ns.patch(resources.orasCaches, "oras", onVolumeChange({ size: "4Gi" }));
    await until(async () => (await ns.status("oras"))?.observedGeneration === 2, "a look");
    expect(await requested(ns)).toBe("8Gi");
    expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "False" });
  });
});

test("a volume of the author's is mounted, and no other one is claimed", async ({ ns }) => {
  const set = await ns.createCache("oras", {
    storage: { persistentVolumeClaim: { claimName: "mine", onDelete: "Retain" } },
  });
  expect(set.spec?.template.spec?.volumes?.[0]).toMatchObject({
    persistentVolumeClaim: { claimName: "mine" },
  });
  expect(await claimIn(ns)).toBeUndefined();
  await until(async () => (await ns.status("oras"))?.storage?.claim === "mine", "the status");
});

test("a cache that is suspended has no Pod and keeps its volume", async ({ ns }) => {
  await ns.createCache("oras", onVolume());
  await ns.rollOut();
  await ns.untilReason("oras", "Ready", "RegistryReady");
  await ns.patch(resources.orasCaches, "oras", { spec: { suspend: true } });
  await until(async () => (await ns.set("oras"))?.spec?.replicas === 0, "no replicas");
  const set = await ns.set("oras");
  await ns.patchStatus(resources.statefulSets, "oras", {
    ...rolledOut(set),
    ...{ replicas: 0, readyReplicas: 0, updatedReplicas: 0 },
  });
  expect((await ns.untilReason("oras", "Ready", "Suspended")).message).toContain(
    "oras-data keeps the artifacts",
  );
  expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "False" });
  await ns.patch(resources.orasCaches, "oras", { spec: { suspend: false } });
  await until(async () => (await ns.set("oras"))?.spec?.replicas === 1, "a replica");
});

describe("a change of the spec", () => {
  test("of a registry on a volume replaces its Pod; Events say what changes", async ({ ns }) => {
    await ns.createCache("oras", onVolume());
    await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
    await ns.rollOut();
    await ns.untilReason("oras", "Ready", "RegistryReady");
    await ns.patch(resources.orasCaches, "oras", { spec: { image: "registry:mine" } });
    const note = async (reason: string) =>
      (await until(async () => (await ns.events("oras")).find((e) => e.reason === reason), reason)).note;
    const change = `image ${names.registryImage} → registry:mine`;
    expect(await note("RollingOut")).toContain(change);
    expect((await ns.set("oras"))?.spec?.updateStrategy?.type).toBe("RollingUpdate");
    await ns.untilReason("oras", "Progressing", "RollingOut");
    expect((await ns.events("oras")).map(({ reason }) => reason)).not.toContain("RolledOut");
    await ns.rollOut();
    expect(await note("RolledOut")).toContain(change);
    expect((await ns.events("oras")).map(({ reason }) => reason)).not.toContain("DriftCorrected");
  });

  test("of a registry that may hold artifacts in an emptyDir waits until somebody asks for the restart", async ({
    ns,
  }) => {
    await ns.createCache();
    await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
    await ns.rollOut();
    await ns.untilReason("oras", "Ready", "RegistryReady");
    await ns.patch(resources.orasCaches, "oras", {
      spec: { env: [{ name: "REGISTRY_LOG_LEVEL", value: "debug" }], tolerations: [{ operator: "Exists" }] },
    });
    const strategy = async () => (await ns.set("oras"))?.spec?.updateStrategy?.type;
    await until(async () => (await strategy()) === "OnDelete", "the change to wait");
    // What the StatefulSet's controller says of a Pod of the revision before.
    await ns.patchStatus(resources.statefulSets, "oras", {
      ...rolledOut(await ns.set("oras")),
      ...{ updatedReplicas: 0, updateRevision: "b" },
    });
    const { message } = await ns.untilReason("oras", "UpdatePending", "PodKeepsArtifacts");
    expect(message).toContain("(variables REGISTRY_LOG_LEVEL; tolerations)");
    expect(message).toContain(`${names.restartAnnotation}="$(date)"`);
    expect(await ns.condition("oras", "Ready")).toMatchObject({ status: "True" });
    await ns.patch(resources.orasCaches, "oras", {
      metadata: { annotations: { [names.restartAnnotation]: "2026-01-02" } },
    });
    await until(async () => (await strategy()) === "RollingUpdate", "the restart");
    const told = await until(
      async () => (await ns.events("oras")).find(({ reason }) => reason === "RollingOut"),
      "an Event",
    );
    expect(told.note).toContain("variables REGISTRY_LOG_LEVEL; tolerations; the restart that was asked for");
    expect((await ns.events("oras")).map(({ reason }) => reason)).not.toContain("DriftCorrected");
    await ns.patchStatus(resources.statefulSets, "oras", {
      ...rolledOut(await ns.set("oras")),
      updateRevision: "c",
    });
    await ns.untilReason("oras", "Progressing", "RollingOut");
    expect(await strategy()).toBe("RollingUpdate");
    // Taking the wish away is no wish.
    const generation = (await ns.set("oras"))?.metadata?.generation;
    await ns.patch(resources.orasCaches, "oras", {
      metadata: { annotations: { [names.restartAnnotation]: null, look: "again" } },
    });
    await ns.patch(resources.orasCaches, "oras", { spec: { drainSeconds: 60, deploy: true } });
    await until(async () => (await ns.cache("oras"))?.metadata?.annotations?.["look"], "the change");
    expect((await ns.set("oras"))?.metadata?.generation).toBe(generation);
  });
});

test("an upgrade does not restart a registry that the operator before has made", async ({
  ns,
  installed,
}) => {
  await ns.createCache();
  await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
  await ns.rollOut();
  await ns.untilReason("oras", "Ready", "RegistryReady");
  // As an operator of before made it; the field manager is the same.
  const later = ["REGISTRY_HTTP_DRAINTIMEOUT", "REGISTRY_STORAGE_CACHE_BLOBDESCRIPTOR"];
  await installed.request({
    method: "PATCH",
    path: pathOf(resources.statefulSets, { namespace: ns.namespace, name: "oras" }),
    contentType: "application/strategic-merge-patch+json",
    query: { fieldManager: names.fieldManager },
    body: {
      spec: {
        template: {
          spec: {
            terminationGracePeriodSeconds: 30,
            securityContext: { fsGroupChangePolicy: null },
            containers: [
              {
                ...{ name: names.registryContainer, resources: null },
                env: later.map((name) => ({ name, $patch: "delete" })),
              },
            ],
          },
        },
      },
    },
  });
  await until(async () => {
    const now = await ns.set("oras");
    return (
      now?.spec?.updateStrategy?.type === "OnDelete" &&
      now.spec.template.spec?.terminationGracePeriodSeconds === 75
    );
  }, "today's template, without a rollout");
  expect((await ns.events("oras")).map(({ reason }) => reason)).not.toContain("RollingOut");
});

test("what Pods have is the registry's Pod's; what the API server refuses of it is told with its field", async ({
  ns,
}) => {
  const set = await ns.createCache("oras", {
    podLabels: { team: "a" },
    podAnnotations: { "sidecar.istio.io/inject": "false" },
    resources: { requests: { cpu: "1000m" }, limits: { memory: "1024Mi" } },
    nodeSelector: { disk: "ssd" },
    tolerations: [{ key: "a", operator: "Exists" }],
    affinity: {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }],
        },
      },
    },
    imagePullSecrets: [{ name: "pull" }],
    serviceAccountName: "mine",
    priorityClassName: "high",
  });
  const { metadata, spec } = set.spec?.template ?? {};
  expect(metadata?.labels).toMatchObject({ team: "a", [names.cacheLabel]: "oras" });
  expect(metadata?.annotations).toMatchObject({ "sidecar.istio.io/inject": "false" });
  expect(spec?.containers[0]?.resources).toEqual({ requests: { cpu: "1" }, limits: { memory: "1Gi" } });
  expect(spec).toMatchObject({
    ...{ serviceAccountName: "mine", priorityClassName: "high", automountServiceAccountToken: false },
    nodeSelector: { disk: "ssd", "kubernetes.io/os": "linux" },
    tolerations: [{ key: "a", operator: "Exists" }],
  });
  if (minor < since.checkedTemplates) return;
  const generation = set.metadata?.generation;
  await ns.patch(resources.orasCaches, "oras", { spec: { topologySpreadConstraints: [{ maxSkew: 1 }] } });
  const { message } = await ns.untilReason("oras", "Degraded", "Invalid");
  expect(message).toContain("spec.template.spec.topologySpreadConstraints[0].topologyKey");
  expect((await ns.set("oras"))?.metadata?.generation).toBe(generation);
});
