import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { renew } from "../../src/certificates/renew.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { objectsIn, rolledOut } from "../support/objects-in.ts";
import { metric } from "../support/operator.ts";
import { kubectl } from "../support/programs.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

const waiting = (reason: string, message: string): NonNullable<V1Pod["status"]> => ({
  phase: "Pending",
  containerStatuses: [
    {
      ...{ name: names.registryContainer, image: "registry:x", imageID: "", ready: false, restartCount: 0 },
      state: { waiting: { reason, message } },
    },
  ],
});
describe("lif-18: status from the first moment on", () => {
  test("an object that the operator has not seen is not Ready, as kstatus reads it", async ({
    installed,
  }) => {
    // Before any operator runs.
    const ns = await objectsIn(installed, "unseen");
    const made = (await ns.create(resources.orasCaches, cacheOf("oras"))) as StoredOrasCache;
    expect(made.status?.conditions).toMatchObject([{ type: "Ready", status: "Unknown", reason: "Pending" }]);
    const { items } = await installed.request<{ items: StoredOrasCache[] }>({
      path: pathOf(resources.orasCaches, { namespace: "unseen" }),
    });
    expect(items[0]?.status?.conditions).toHaveLength(1);
  });

  test("kubectl wait --for=condition=Ready ends when the registry answers; columns tell why it does not", async ({
    ns,
    plane,
  }) => {
    await ns.createCache();
    await registryPod(ns, "oras", waiting("ErrImagePull", "no such image"));
    await ns.untilReason("oras", "Ready", "ImagePullFailed");
    const get = ["get", names.shortName, "oras", "-n", ns.namespace, "-o", "wide"];
    expect((await kubectl(plane.kubeconfig, get)).stdout).toMatch(
      /NAME\s+READY\s+REASON\s+STORAGE\s+USED\s+URL\s+AGE\noras\s+False\s+ImagePullFailed\s+emptyDir\s+http:\/\/oras-0\.oras\./,
    );
    const wait = kubectl(plane.kubeconfig, [
      ...["wait", "--for=condition=Ready", "orascache/oras", "-n", ns.namespace, "--timeout=60s"],
    ]);
    await ns.patchStatus(resources.pods, "oras-0", readyPod("2026-01-01T00:00:00Z"));
    await ns.rollOut();
    expect((await wait).stdout).toContain("condition met");
    expect((await ns.status("oras"))?.observedGeneration).toBe(1);
  });

  test("fields of the status that an older operator wrote by another way do not stay", async ({
    ns,
    installed,
  }) => {
    await ns.createCache();
    await until(async () => (await ns.status("oras"))?.url, "a URL");
    await installed.request({
      method: "PATCH",
      path: pathOf(resources.orasCaches, { namespace: ns.namespace, name: "oras", subresource: "status" }),
      contentType: "application/merge-patch+json",
      query: { fieldManager: names.fieldManager },
      body: { status: { url: "http://old.example" } },
    });
    await ns.patch(resources.orasCaches, "oras", { spec: { deploy: false } });
    await until(async () => {
      const status = await ns.status("oras");
      return status?.observedGeneration === 2 && status.url === undefined;
    }, "no URL");
  });
});

describe("why a registry does not start is on the status and an Event", () => {
  const missing = "rpc error: code = NotFound desc = docker.io/library/registry:no-such-tag: not found";
  test.for([
    ["lif-31: an image that is not there", waiting("ErrImagePull", missing), "ImagePullFailed", missing],
    [
      "a Secret that is not there",
      waiting("CreateContainerConfigError", 'secret "env" not found'),
      "CreateContainerConfigError",
      'secret "env" not found',
    ],
    [
      "an image of another platform",
      waiting("CreateContainerError", "exec format error"),
      "CreateContainerError",
      "exec format error",
    ],
    [
      "no node",
      {
        phase: "Pending",
        conditions: [
          {
            type: "PodScheduled",
            status: "False",
            reason: "Unschedulable",
            message: "0/1 nodes are available",
          },
        ],
      },
      "Unschedulable",
      "0/1 nodes are available",
    ],
    [
      "an eviction",
      { phase: "Failed", reason: "Evicted", message: "The node was low on resource: ephemeral-storage." },
      "Evicted",
      "low on resource",
    ],
  ] as const)("%s", async ([, status, reason, words], { ns }) => {
    await ns.createCache();
    await registryPod(ns, "oras", status as NonNullable<V1Pod["status"]>);
    const { message } = await ns.untilReason("oras", "Ready", reason);
    expect(message).toContain(words);
    expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "True", reason });
    await until(
      async () => (await ns.events("oras")).find((e) => e.reason === reason && e.type === "Warning"),
      "a Warning",
    );
  });

  test("two containers that cannot start, each for its own reason", async ({ ns }) => {
    await ns.createCache();
    const of = (name: string, reason: string, message: string) => ({
      ...{ name, image: `${name}:x`, imageID: "", ready: false, restartCount: 0 },
      state: { waiting: { reason, message } },
    });
    await registryPod(ns, "oras", {
      containerStatuses: [
        of("registry", "ErrImagePull", missing),
        of("keeper", "CreateContainerConfigError", 'secret "key" not found'),
      ],
    });
    const { message } = await ns.untilReason("oras", "Ready", "ImagePullFailed");
    expect(message).toContain(missing);
    expect(message).toContain('Also CreateContainerConfigError: container keeper: secret "key" not found.');
    expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "True", message });
  });

  test.for([
    [
      "lif-03: a quota that needs limits",
      'pods "oras-0" is forbidden: failed quota: compute: must specify limits.cpu for: registry',
      "ResourcesNotSet",
    ],
    [
      "a LimitRange below the request",
      'Pod "oras-0" is invalid: spec.containers[0].resources.requests: Invalid value: "64Mi": must be less than or equal to memory limit of 32Mi',
      "LimitRangeViolation",
    ],
    [
      "lif-03: a quota that is full",
      'pods "oras-0" is forbidden: exceeded quota: pods, requested: pods=1, used: pods=2, limited: pods=2',
      "QuotaExceeded",
    ],
    [
      "Pod Security",
      'pods "oras-0" is forbidden: violates PodSecurity "baseline:latest": x',
      "PodSecurityViolation",
    ],
    ["a policy", 'admission webhook "policy.example" denied the request: no registry here', "PodRefused"],
  ] as const)("%s", async ([, words, reason], { ns }) => {
    const set = await ns.createCache();
    await ns.tell(
      {
        apiVersion: "apps/v1",
        kind: "StatefulSet",
        ...(set.metadata ? { metadata: set.metadata as object } : {}),
      },
      "FailedCreate",
      `create Pod oras-0 in StatefulSet oras failed error: ${words}`,
    );
    expect((await ns.untilReason("oras", "Ready", reason)).message).toBe(words);
  });

  test("lif-06: a Pod of somebody else has its name: it is named, left alone, and nothing is broken when it is gone", async ({
    ns,
    installed,
  }) => {
    await ns.create(resources.pods, {
      metadata: { name: "oras-0" },
      ...({ spec: { containers: [{ name: "c", image: "x" }] } } as object),
    });
    const theirs = (await ns.read<V1Pod>(resources.pods, "oras-0"))?.metadata?.resourceVersion;
    await ns.createCache();
    const { message } = await ns.untilReason("oras", "Ready", "NameTaken");
    expect(message).toContain("Pod oras-0 exists already");
    expect((await ns.read<V1Pod>(resources.pods, "oras-0"))?.metadata?.resourceVersion).toBe(theirs);
    await installed.request({
      method: "DELETE",
      path: pathOf(resources.pods, { namespace: ns.namespace, name: "oras-0" }),
      body: { gracePeriodSeconds: 0 },
    });
    await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
    await ns.rollOut();
    await ns.untilReason("oras", "Ready", "RegistryReady");
  });

  test("lif-06: once a foreign Service is gone the cache comes up within seconds", async ({ ns }) => {
    await ns.create(resources.services, {
      metadata: { name: "oras" },
      ...({ spec: { ports: [{ port: 80 }], selector: { app: "mine" } } } as object),
    });
    await ns.create(resources.orasCaches, cacheOf());
    await ns.untilReason("oras", "Ready", "NameTaken");
    await ns.remove(resources.services, "oras");
    await until(() => ns.set("oras"), "the StatefulSet", 30_000);
  });

  test("lif-05: a foreign Secret <cache>-http is neither used nor changed", async ({ ns }) => {
    await ns.create(resources.secrets, {
      metadata: { name: "web-http" },
      ...({ stringData: { password: "mine" } } as object),
    });
    const set = await ns.createCache("web");
    const env = set.spec?.template.spec?.containers[0]?.env ?? [];
    const reference = env.find(({ name }) => name === "REGISTRY_HTTP_SECRET")?.valueFrom?.secretKeyRef;
    expect(reference?.name).not.toBe("web-http");
    const secret = await ns.read<{ data: Record<string, string> }>(resources.secrets, reference?.name ?? "");
    expect(Object.keys(secret?.data ?? {})).toContain(reference?.key);
  });

  test("a Secret of the operator's that somebody deleted is made again when the kubelet misses it", async ({
    ns,
  }) => {
    const set = await ns.createCache();
    const name =
      set.spec?.template.spec?.containers[0]?.env?.find((e) => e.valueFrom)?.valueFrom?.secretKeyRef?.name ??
      "";
    await ns.remove(resources.secrets, name);
    await registryPod(ns, "oras", waiting("CreateContainerConfigError", `secret "${name}" not found`));
    await until(() => ns.read(resources.secrets, name), "the Secret");
  });
});

test("lif-24: artifacts that were lost with a Pod are reported by Event and condition", async ({
  ns,
  installed,
}) => {
  await ns.createCache();
  const first = await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
  await ns.rollOut();
  await until(
    async () => (await ns.status("oras"))?.storage?.podUID === first.metadata?.uid,
    "the Pod to be known",
  );
  await installed.request({
    method: "DELETE",
    path: pathOf(resources.pods, { namespace: ns.namespace, name: "oras-0" }),
    body: { gracePeriodSeconds: 0 },
  });
  await registryPod(ns, "oras", readyPod("2026-01-02T00:00:00Z"));
  await ns.untilReason("oras", "StorageLost", "PodReplaced");
  const lost = await until(
    async () => (await ns.events("oras")).find(({ reason }) => reason === "StorageLost"),
    "an Event",
  );
  expect(lost.note).toContain("before 2026-01-02T00:00:00Z");
  expect(await ns.condition("oras", "Ready")).toMatchObject({ status: "True" });
});

test("lif-14: an operator with another default image leaves a registry that runs, and says so", async ({
  ns,
}) => {
  const set = await ns.createCache();
  await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
  await ns.rollOut();
  await ns.untilReason("oras", "Ready", "RegistryReady");
  // As after an upgrade: the template is not what this operator makes. Nobody claims the change.
  await ns.patch(resources.statefulSets, "oras", {
    spec: {
      template: {
        spec: { containers: [{ ...set.spec?.template.spec?.containers[0], image: "registry:old" }] },
      },
    },
  });
  await until(async () => {
    const now = await ns.set("oras");
    return (
      now?.spec?.template.spec?.containers[0]?.image === names.registryImage &&
      now.spec.updateStrategy?.type === "OnDelete"
    );
  }, "the operator's image, without a rollout");
  const now = await ns.set("oras");
  await ns.patchStatus(resources.statefulSets, "oras", {
    ...rolledOut(now),
    updatedReplicas: 0,
    updateRevision: "b",
  });
  await ns.untilReason("oras", "UpdatePending", "PodKeepsArtifacts");
  expect(await ns.condition("oras", "Ready")).toMatchObject({ status: "True" });
});

describe("quiet", () => {
  test("lif-19: a refusal whose words differ each time is not asked for in a hurry", async ({
    ns,
    installed,
  }) => {
    const refusals = await refuse(installed, ns.namespace);
    try {
      await ns.create(resources.orasCaches, cacheOf());
      await ns.untilReason("oras", "Ready", "Forbidden");
      const begun = performance.now();
      // Whatever else happens to the cache does not cut the wait short.
      while (performance.now() - begun < 8_000) {
        await ns.patch(resources.orasCaches, "oras", {
          metadata: { labels: { at: String(Math.round(performance.now())) } },
        });
      }
      // 0.5 s, doubled: about five in the first 16 s. Without a wait there were 20 and more a second.
      expect(refusals.count()).toBeLessThanOrEqual(8);
      const told = (await ns.events("oras")).filter(({ reason }) => reason === "Forbidden");
      expect(told.length).toBeLessThanOrEqual(5);
    } finally {
      await refusals.stop();
    }
    await ns.patch(resources.orasCaches, "oras", { spec: { image: "registry:other" } });
    await until(() => ns.set("oras"), "the StatefulSet, once it is allowed");
  });

  test("lif-15: 100 caches that cannot start cost almost nothing", async ({ ns, operator }) => {
    const all = Array.from({ length: 100 }, (_, i) => `c${i}`);
    await Promise.all(all.map((name) => ns.create(resources.orasCaches, cacheOf(name))));
    await Promise.all(
      all.map(async (name) => {
        const set = await until(() => ns.set(name), "the StatefulSet");
        const about = { apiVersion: "apps/v1", kind: "StatefulSet", metadata: set.metadata as object };
        await ns.tell(
          about,
          "FailedCreate",
          `create Pod ${name}-0 in StatefulSet ${name} failed error: exceeded quota: pods`,
        );
      }),
    );
    for (const name of all) await ns.untilReason(name, "Ready", "QuotaExceeded");
    // Events are written one after the other, after the statuses: between two of them it may be quiet.
    await until(async () => {
      const told = (await ns.events()).filter(({ reason }) => reason === "QuotaExceeded");
      return new Set(told.map(({ regarding }) => regarding.name)).size === all.length;
    }, "the Event of each");
    const requests = () => metric(operator, "rest_client_requests_total");
    let before = -1;
    await until(async () => {
      const last = before;
      before = await requests();
      return last === before;
    }, "quiet");
    // The Lease is renewed every two seconds; a look at each cache asks nothing.
    const begun = performance.now();
    const looks = () => metric(operator, `controller_runtime_reconcile_total{controller="${names.singular}"`);
    const looked = await looks();
    for (const name of all) await ns.patch(resources.orasCaches, name, { metadata: { labels: { a: "b" } } });
    await until(async () => (await looks()) >= looked + 100, "a look at each");
    const leases = await metric(operator, 'rest_client_requests_total{code="200",method="PUT"}');
    expect(leases).toBeGreaterThan(0);
    const renewals = (performance.now() - begun) / 2_000;
    expect((await requests()) - before - renewals).toBeLessThan(20);
  });
});

/** A webhook that refuses StatefulSets of a namespace, each time in other words. */
async function refuse(client: KubeClient, namespace: string) {
  const { certificate, key, cas } = await renew("everything", undefined, ["localhost"], new Date());
  let count = 0;
  const server = createServer({ cert: certificate, key }, async (request, response) => {
    const { request: review } = JSON.parse(await text(request)) as { request: { uid: string } };
    const status = { code: 403, message: `not allowed here (request ${++count}-${review.uid})` };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({
        apiVersion: "admission.k8s.io/v1",
        kind: "AdmissionReview",
        response: { uid: review.uid, allowed: false, status },
      }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
  await client.request({
    method: "POST",
    path,
    body: {
      metadata: { name: namespace },
      webhooks: [
        {
          name: "deny.example.com",
          ...{ admissionReviewVersions: ["v1"], sideEffects: "None", failurePolicy: "Fail" },
          namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": namespace } },
          clientConfig: {
            url: `https://localhost:${port}/`,
            caBundle: Buffer.from(cas.join("\n")).toString("base64"),
          },
          rules: [
            {
              apiGroups: ["apps"],
              apiVersions: ["v1"],
              operations: ["CREATE", "UPDATE"],
              resources: ["statefulsets"],
            },
          ],
        },
      ],
    },
  });
  return {
    count: () => count,
    stop: async () => {
      await client.request({ method: "DELETE", path: `${path}/${namespace}`, body: {} });
      server.close();
      server.closeAllConnections();
    },
  };
}
