import type { V1Service, V1StatefulSet } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { asksForPassword } from "../../src/cache/access.ts";
import { identityOf } from "../../src/cache/owner.ts";
import { service } from "../../src/cache/service.ts";
import { statefulSet } from "../../src/cache/stateful-set.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { createChildren } from "../../src/controllers/children.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { childFacts, storedCache } from "../support/cache.ts";
import { test } from "../support/integration.ts";
import { objectsIn } from "../support/objects-in.ts";
import { metric } from "../support/operator.ts";
import { until } from "../support/wait.ts";

/** A field with a default that may be changed in every supported version of Kubernetes. */
function whenScaled(set: V1StatefulSet | undefined): string | undefined {
  return set?.spec?.persistentVolumeClaimRetentionPolicy?.whenScaled;
}

describe("lif-08: one change that somebody made", () => {
  test("of a field with a default is corrected once, and leaves no claim behind", async ({
    ns,
    operator,
  }) => {
    await ns.runCache();
    await ns.patch(resources.statefulSets, "oras", {
      spec: { persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete" } },
    });
    await ns.patch(resources.services, "oras", { spec: { sessionAffinity: "ClientIP" } });
    await until(async () => {
      const [set, service] = [await ns.set("oras"), await ns.read<V1Service>(resources.services, "oras")];
      return whenScaled(set) === "Retain" && service?.spec?.sessionAffinity === "None";
    }, "both defaults");
    const version = (await ns.set("oras"))?.metadata?.resourceVersion;
    // Many looks later nothing was written.
    const looks = () => metric(operator, "controller_runtime_reconcile_total");
    for (let i = 0; i < 5; i++) {
      const before = await looks();
      await ns.patch(resources.orasCaches, "oras", { metadata: { labels: { look: String(i) } } });
      await until(async () => (await looks()) > before, "a look");
    }
    expect((await ns.set("oras"))?.metadata?.resourceVersion).toBe(version);
    expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "False" });
    await until(
      async () => (await ns.events("oras")).filter((e) => e.reason === "DriftCorrected").length === 2,
      "two Events",
    );
    const notes = (await ns.events("oras")).filter((e) => e.reason === "DriftCorrected").map((e) => e.note);
    expect(notes.sort()).toEqual([
      expect.stringContaining(".spec.sessionAffinity (set by kubectl-patch)"),
      "Corrected StatefulSet oras: .spec.persistentVolumeClaimRetentionPolicy.whenScaled (set by kubectl-patch).",
    ]);
    for (const resource of [resources.statefulSets, resources.services]) {
      const { managedFields = [] } = (await ns.read(resource, "oras"))?.metadata ?? {};
      const managers = managedFields.filter(({ subresource }) => !subresource);
      expect(managers.map(({ manager, operation }) => `${manager} ${operation}`)).toEqual([
        `${names.fieldManager} Apply`,
      ]);
    }
  });

  test.for([
    ["a Service", "late-service", resources.services, service, { sessionAffinity: "ClientIP" }],
    [
      "a StatefulSet, whose controller writes its status in between",
      "late-statefulset",
      resources.statefulSets,
      (cache: StoredOrasCache) => statefulSet(cache, childFacts()),
      { persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete" } },
    ],
  ] as const)(
    "is not corrected again because the watch is late and shows a correction that is half done: %s",
    async ([, namespace, resource, make, drift], { installed }) => {
      const ns = await objectsIn(installed, namespace);
      const cache = storedCache({}, { namespace });
      const desired = make(cache);
      let between: KubeObject | undefined;
      const client: KubeClient = {
        ...installed,
        request: async <T>(request: Parameters<KubeClient["request"]>[0]) => {
          const answer = await installed.request<T>(request);
          if (request.contentType === "application/json-patch+json") between = answer as KubeObject;
          return answer;
        },
      };
      let seen: KubeObject | undefined;
      const stores = { [resource.kind]: { get: () => seen } };
      const children = createChildren(client, stores, identityOf(cache), client.now());
      const ensure = () => children.ensure(desired, false);
      expect(await ensure()).toMatchObject([{ kind: "created" }]);
      await ns.patch(resource, "oras", { spec: drift });
      seen = await ns.read(resource, "oras");
      expect(await ensure()).toMatchObject([{ kind: "corrected" }]);
      if (resource === resources.statefulSets) await ns.rollOut("oras");
      seen = between;
      expect(await ensure()).toEqual([]);
      seen = await ns.read(resource, "oras");
      expect(await ensure()).toEqual([]);
    },
  );

  test("by an earlier operator that claimed defaults itself is cleaned up once", async ({ ns }) => {
    await ns.runCache();
    const spec = { persistentVolumeClaimRetentionPolicy: { whenScaled: "Delete" } };
    await ns.patch(resources.statefulSets, "oras", { spec }, names.fieldManager);
    await until(async () => whenScaled(await ns.set("oras")) === "Retain", "the default");
    expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "False" });
  });

  test("and was put back many times: a child that is deleted then is made at once", async ({ ns }) => {
    await ns.runCache();
    await until(async () => {
      await ns.patch(resources.statefulSets, "oras", { spec: { replicas: 2 } }, "stubborn");
      return (await ns.condition("oras", "Degraded"))?.reason === "Contested";
    }, "Contested");
    // The Service is another child: it is put back all the same.
    await ns.patch(resources.services, "oras", { spec: { sessionAffinity: "ClientIP" } });
    await until(
      async () => (await ns.read<V1Service>(resources.services, "oras"))?.spec?.sessionAffinity === "None",
      "the Service as it was",
    );
    const uid = (await ns.set("oras"))?.metadata?.uid;
    await ns.remove(resources.statefulSets, "oras");
    await until(
      async () => {
        const set = await ns.set("oras");
        return set !== undefined && set.metadata?.uid !== uid;
      },
      "another StatefulSet, before a correction would be due",
      30_000,
    );
  });
});

test("the Event of a change of the spec names what changed, and nothing else", async ({ ns }) => {
  await ns.runCache();
  await ns.patch(resources.orasCaches, "oras", { spec: { image: "registry:new" } });
  const updated = await until(
    async () => (await ns.events("oras")).find(({ reason }) => reason === "Updated"),
    "an Event",
  );
  expect(updated.note).toBe("Updated StatefulSet oras.");
});

test("lif-10: an autoscaler is named, and answered a few times a minute", async ({ ns, installed }) => {
  await ns.createCache();
  const scale = () =>
    installed.request({
      method: "PATCH",
      path: `/apis/apps/v1/namespaces/${ns.namespace}/statefulsets/oras/scale`,
      contentType: "application/merge-patch+json",
      query: { fieldManager: "kube-controller-manager" },
      body: { spec: { replicas: 2 } },
    });
  await scale();
  await until(async () => (await ns.set("oras"))?.spec?.replicas === 1, "one replica");
  await until(
    async () =>
      (await ns.events("oras")).some(({ note }) => note.includes("(set by kube-controller-manager, scale)")),
    "an Event that names it",
  );
  await until(async () => {
    await scale();
    return (await ns.condition("oras", "Ready"))?.reason === "Contested";
  }, "Contested");
  const { message = "" } = (await ns.condition("oras", "Degraded")) ?? {};
  expect(message).toContain("Somebody keeps changing StatefulSet oras");
});

test("lif-29: a StatefulSet that cannot become what it should is made anew", async ({ ns }) => {
  // The original's: owned by the cache, which was stored before, and with another selector.
  await ns.create(resources.orasCaches, cacheOf("oras", { deploy: false }));
  const cache = await until(() => ns.cache("oras"), "the cache");
  const labels = { cache_name: "oras" };
  const owner = { apiVersion: names.apiVersion, kind: names.kind, name: "oras", controller: true };
  await ns.create(resources.statefulSets, {
    metadata: { name: "oras", ownerReferences: [{ ...owner, uid: cache.metadata?.uid ?? "" }] },
    ...({
      spec: {
        serviceName: "oras",
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: "oras", image: "x" }] } },
      },
    } as object),
  });
  const original = (await ns.set("oras"))?.metadata?.uid;
  await ns.patch(resources.orasCaches, "oras", { spec: { deploy: true } });
  await until(async () => {
    const set = await ns.set("oras");
    return set?.metadata?.uid !== original && set?.spec?.selector.matchLabels?.[names.cacheLabel] === "oras";
  }, "the operator's StatefulSet");
  await until(async () => (await ns.events("oras")).some(({ reason }) => reason === "Recreated"), "an Event");
  // It ran open, and stays so.
  await ns.untilReason("oras", "Open", "KeptOpen");
  expect(asksForPassword((await ns.set("oras")) as V1StatefulSet)).toBe(false);
  expect(await ns.read(resources.networkPolicies, "oras")).toBeUndefined();
});

describe("pruning", () => {
  test("what bears the labels of a cache and its UID, and is not desired, is deleted; else it stays", async ({
    ns,
  }) => {
    await ns.createCache();
    const child = await until(() => ns.read<V1Service>(resources.services, "oras"), "the Service");
    const { labels = {}, ownerReferences = [] } = child.metadata ?? {};
    const spec = { clusterIP: "None", ports: [{ port: 1 }] };
    const service = (name: string, metadata: object) =>
      ns.create(resources.services, { metadata: { name, ...metadata }, ...({ spec } as object) });
    const [owner] = ownerReferences;
    await service("other-owner", { labels, ownerReferences: [{ ...owner, uid: "another" }] });
    await service("no-label", { ownerReferences });
    await service("leftover", { labels, ownerReferences });
    await until(async () => !(await ns.read(resources.services, "leftover")), "the leftover to be gone");
    for (const name of ["other-owner", "no-label", "oras"]) {
      expect(await ns.read(resources.services, name), name).toBeDefined();
    }
  });
});
