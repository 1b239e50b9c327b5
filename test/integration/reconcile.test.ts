import type {
  V1ConfigMap,
  V1NetworkPolicy,
  V1PodDisruptionBudget,
  V1Secret,
  V1Service,
  V1StatefulSet,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import { httpSecretReference } from "../../src/cache/http-secret.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { KubeError } from "../../src/kube/errors.ts";
import { get } from "../../src/kube/objects.ts";
import { permissions } from "../../src/kube/permissions.ts";
import { pathOf, type Resource, resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import { metric, type Operator, ready, startOperator } from "../support/operator.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";

let plane: ControlPlane;
let client: KubeClient;
let operator: Operator;

beforeAll(async () => {
  plane = await startControlPlane();
  client = await adminClient(plane);
  await installOperator(client);
  // Nothing is admitted here, so nobody calls them.
  await installWebhooks(client, 443);
  operator = await startOperator(plane.operatorKubeconfig);
  await ready(operator, client);
});

afterAll(async () => {
  await operator?.stop();
  client?.close();
  await plane?.stop();
});

const namespace = "default";
const read = <T>(resource: Resource, name: string) => get<T & object>(client, resource, { namespace, name });
const cacheNamed = (name: string) => read<StoredOrasCache>(resources.orasCaches, name);
const setNamed = (name: string) => read<V1StatefulSet>(resources.statefulSets, name);
const serviceNamed = (name: string) => read<V1Service>(resources.services, name);

function write(
  method: "POST" | "DELETE",
  resource: Resource,
  name: string,
  body: object = {},
): Promise<unknown> {
  const path = pathOf(resource, { namespace, ...(method === "POST" ? {} : { name }) });
  const object = {
    apiVersion: resource.group ? `${resource.group}/${resource.version}` : "v1",
    kind: resource.kind,
  };
  return client.request({
    method,
    path,
    body: method === "POST" ? { ...object, metadata: { name, namespace }, ...body } : body,
  });
}

function patch(resource: Resource, name: string, change: object, as = "kubectl-edit"): Promise<unknown> {
  return client.request({
    method: "PATCH",
    path: pathOf(resource, { namespace, name }),
    contentType:
      resource === resources.orasCaches
        ? "application/merge-patch+json"
        : "application/strategic-merge-patch+json",
    query: { fieldManager: as },
    body: change,
  });
}

async function created(name: string, spec: object = {}): Promise<StoredOrasCache> {
  await write("POST", resources.orasCaches, name, { spec });
  await until(() => setNamed(name), "the StatefulSet");
  return settled(name);
}

/** The cache once its status is about its spec. */
function settled(name: string): Promise<StoredOrasCache> {
  return until(async () => {
    const cache = await cacheNamed(name);
    return cache?.status?.observedGeneration === cache?.metadata?.generation && cache;
  }, `the status of ${name}`) as Promise<StoredOrasCache>;
}

const condition = (cache: StoredOrasCache | undefined, type: string) =>
  cache?.status?.conditions?.find((c) => c.type === type);

async function notesAbout(name: string, within = namespace): Promise<string[]> {
  const { items } = await client.request<{ items: { reason: string; regarding: { name: string } }[] }>({
    path: pathOf(resources.events, { namespace: within }),
  });
  return items.filter((event) => event.regarding.name === name).map((event) => event.reason);
}

describe("a new cache", () => {
  test("gets a headless Service, a StatefulSet, an HTTP secret, a status (defect of the original: none) and events", async () => {
    const cache = await created("fresh");
    const service = await serviceNamed("fresh");
    const set = await setNamed("fresh");
    const secret = await read<V1Secret>(resources.secrets, httpSecretReference(cache).name ?? "");
    expect(service?.spec).toMatchObject({
      clusterIP: "None",
      ports: [{ port: names.registryPort }, { port: 5001 }, { port: names.keeperPort }],
    });
    expect(set?.spec?.template.spec?.containers[0]?.image).toBe(names.registryImage);
    expect(service?.spec?.selector).toEqual(set?.spec?.selector.matchLabels);
    expect(Object.values(secret?.data ?? {})[0]?.length).toBeGreaterThan(40);
    for (const child of [service, set, secret]) {
      expect(child?.metadata?.ownerReferences).toMatchObject([
        { uid: cache.metadata?.uid, controller: true },
      ]);
    }
    expect(cache.status).toMatchObject({
      url: "http://fresh-0.fresh.default.svc.cluster.local:5000",
      replicas: 0,
      readyReplicas: 0,
    });
    expect(condition(cache, "Available")).toMatchObject({ status: "False", observedGeneration: 1 });
    expect(condition(cache, "Progressing")?.status).toBe("True");
    expect(condition(cache, "Degraded")?.status).toBe("False");
    await until(async () => (await notesAbout("fresh")).includes("Created"), "an event");
  });

  test("is available once a registry Pod is ready", async () => {
    await created("ready");
    const set = await setNamed("ready");
    const status = {
      replicas: 1,
      readyReplicas: 1,
      updatedReplicas: 1,
      observedGeneration: set?.metadata?.generation,
    };
    // No controller runs here that would make Pods.
    await client.request({
      method: "PATCH",
      path: pathOf(resources.statefulSets, { namespace, name: "ready", subresource: "status" }),
      contentType: "application/merge-patch+json",
      body: { status: { ...status, currentRevision: "a", updateRevision: "a" } },
    });
    const cache = await until(async () => {
      const found = await cacheNamed("ready");
      return condition(found, "Available")?.status === "True" && found;
    }, "Available");
    expect(condition(cache as StoredOrasCache, "Progressing")?.status).toBe("False");
    expect((cache as StoredOrasCache).status).toMatchObject({ replicas: 1, readyReplicas: 1 });
  });

  test("passes a Secret's keys to the registry, and an HTTP secret that the spec gives", async () => {
    await created("secretive", { secrets: { orasEnv: "registry-settings", registryHttp: "s3cret" } });
    const container = (await setNamed("secretive"))?.spec?.template.spec?.containers[0];
    expect(container?.envFrom).toEqual([{ secretRef: { name: "registry-settings" } }]);
    const reference = container?.env?.find((e) => e.name === "REGISTRY_HTTP_SECRET")?.valueFrom?.secretKeyRef;
    const secret = await read<V1Secret>(resources.secrets, reference?.name ?? "");
    expect(Buffer.from(secret?.data?.[reference?.key ?? ""] ?? "", "base64").toString()).toBe("s3cret");
  });
});

describe("a change of the spec", () => {
  test("rolls out (defect of the original: edits do nothing)", async () => {
    await created("rolling");
    await patch(resources.orasCaches, "rolling", { spec: { image: "ghcr.io/oras-project/registry:latest" } });
    await until(
      async () => (await setNamed("rolling"))?.spec?.template.spec?.containers[0]?.image?.endsWith(":latest"),
      "the new image",
    );
    expect((await settled("rolling")).status?.observedGeneration).toBe(2);
  });

  test("deploy: false removes the children, and true brings them back", async () => {
    await created("remote");
    // At an address that the operator does not ask: tests do not leave this machine.
    const registry = "http://127.0.0.1:5000";
    await patch(resources.orasCaches, "remote", { spec: { deploy: false, registry } });
    await until(async () => !(await setNamed("remote")) && !(await serviceNamed("remote")), "no children");
    const cache = await settled("remote");
    expect(cache.status).toMatchObject({ url: registry, replicas: 0 });
    expect(condition(cache, "Available")).toMatchObject({ status: "True", reason: "RemoteRegistry" });
    await patch(resources.orasCaches, "remote", { spec: { deploy: true, registry: null } });
    await until(async () => (await setNamed("remote")) && (await serviceNamed("remote")), "children");
  });

  test("a cache without a registry at all has no URL", async () => {
    await created("unnamed");
    await patch(resources.orasCaches, "unnamed", { spec: { deploy: false } });
    await until(
      async () => condition(await cacheNamed("unnamed"), "Available")?.reason === "NotDeployed",
      "status",
    );
    expect((await cacheNamed("unnamed"))?.status?.url).toBeUndefined();
  });
});

describe("drift", () => {
  test("a deleted child returns", async () => {
    await created("deleted");
    const before = [
      (await setNamed("deleted"))?.metadata?.uid,
      (await serviceNamed("deleted"))?.metadata?.uid,
    ];
    await write("DELETE", resources.statefulSets, "deleted");
    await write("DELETE", resources.services, "deleted");
    await until(async () => {
      const now = [
        (await setNamed("deleted"))?.metadata?.uid,
        (await serviceNamed("deleted"))?.metadata?.uid,
      ];
      return now.every((uid, i) => uid !== undefined && uid !== before[i]);
    }, "both children, made anew");
  });

  test("every field that we set is put back", async () => {
    await created("changed");
    const before = await setNamed("changed");
    await patch(resources.statefulSets, "changed", {
      metadata: { labels: { [names.cacheLabel]: null } },
      spec: {
        replicas: 3,
        template: {
          spec: {
            automountServiceAccountToken: true,
            containers: [{ name: "registry", image: "elsewhere" }],
          },
        },
      },
    });
    await until(async () => {
      const now = await setNamed("changed");
      return (
        JSON.stringify(now?.spec) === JSON.stringify(before?.spec) &&
        now?.metadata?.labels?.[names.cacheLabel]
      );
    }, "the StatefulSet as it was");
    await until(async () => (await notesAbout("changed")).includes("DriftCorrected"), "an event");
  });

  test("what server-side apply leaves is removed, as others' fields become the operator's", async () => {
    await created("foreign");
    const before = await setNamed("foreign");
    const serviceBefore = await serviceNamed("foreign");
    await patch(resources.statefulSets, "foreign", {
      spec: {
        minReadySeconds: 7,
        template: {
          metadata: { labels: { theirs: "label" } },
          spec: {
            nodeSelector: { theirs: "node" },
            initContainers: [{ name: "theirs-first", image: "theirs" }],
            containers: [
              { name: "theirs", image: "theirs" },
              {
                name: "registry",
                args: ["theirs"],
                env: [{ name: "THEIRS", value: "1" }],
                ports: [{ containerPort: 1234, protocol: "TCP" }],
                volumeMounts: [{ name: "theirs", mountPath: "/theirs" }],
              },
            ],
            volumes: [{ name: "theirs", emptyDir: {} }],
          },
        },
      },
    });
    await patch(resources.services, "foreign", {
      spec: { selector: { theirs: "selector" }, ports: [{ name: "theirs", port: 1234, protocol: "TCP" }] },
    });
    await until(
      async () =>
        !JSON.stringify([(await setNamed("foreign"))?.spec, (await serviceNamed("foreign"))?.spec]).includes(
          "theirs",
        ),
      "nothing of theirs",
    );
    const set = await setNamed("foreign");
    expect(set?.spec?.template).toEqual(before?.spec?.template);
    expect(set?.spec?.minReadySeconds ?? 0).toBe(0);
    expect((await serviceNamed("foreign"))?.spec).toEqual(serviceBefore?.spec);
    await until(async () => (await notesAbout("foreign")).includes("DriftCorrected"), "an event");
    const managers = set?.metadata?.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`);
    expect(managers).toEqual([`${names.fieldManager} Apply`]);
  });

  test("what kubectl rollout restart writes stays", async () => {
    await created("restarted");
    const annotations = { "kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z" };
    await patch(resources.statefulSets, "restarted", {
      metadata: { labels: { [names.cacheLabel]: "wrong" } },
      spec: { template: { metadata: { annotations } } },
    });
    await until(
      async () => (await setNamed("restarted"))?.metadata?.labels?.[names.cacheLabel] === "restarted",
      "the label, put back",
    );
    expect((await setNamed("restarted"))?.spec?.template.metadata?.annotations).toMatchObject(annotations);
  });
});

test("a fight about a child is not fought for ever, and the status says so", async () => {
  await created("contested");
  await until(async () => {
    await patch(resources.statefulSets, "contested", { spec: { replicas: 2 } }, "stubborn");
    return condition(await cacheNamed("contested"), "Degraded")?.reason === "Contested";
  }, "Contested");
  // A new spec is no drift: it is applied at once.
  await patch(resources.orasCaches, "contested", { spec: { image: "registry:new" } });
  await until(async () => (await setNamed("contested"))?.spec?.replicas === 1, "peace");
  await until(
    async () => condition(await cacheNamed("contested"), "Degraded")?.status === "False",
    "not Degraded",
  );
});

describe("what was not made for the cache", () => {
  test("is left alone, and the status says so", async () => {
    const theirs = { spec: { clusterIP: "None", ports: [{ port: 1 }], selector: { app: "theirs" } } };
    await write("POST", resources.services, "taken", theirs);
    const before = await serviceNamed("taken");
    await write("POST", resources.orasCaches, "taken");
    const cache = await until(async () => {
      const found = await cacheNamed("taken");
      return condition(found, "Degraded")?.status === "True" && found;
    }, "Degraded");
    expect(condition(cache as StoredOrasCache, "Degraded")).toMatchObject({
      reason: "NameTaken",
      message: expect.stringContaining("Service taken exists already"),
    });
    expect((await serviceNamed("taken"))?.metadata?.resourceVersion).toBe(before?.metadata?.resourceVersion);
    expect(await setNamed("taken")).toBeUndefined();
    const told = async () => (await notesAbout("taken")).filter((reason) => reason === "NameTaken");
    // Events are written beside the status.
    await until(async () => (await told()).length > 0, "an Event");
    expect(await told()).toHaveLength(1);
  });

  test("lif-15: while a name is taken, a Secret that is there is not created again and again", async () => {
    const labels = { app: "theirs" };
    const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "x" }] } };
    const theirs = { spec: { serviceName: "x", selector: { matchLabels: labels }, template } };
    await write("POST", resources.statefulSets, "quiet", theirs);
    const before = await requestsBy("POST", "409");
    await write("POST", resources.orasCaches, "quiet");
    const tries = () =>
      operator.log.filter((line) => JSON.stringify(line).includes("StatefulSet quiet exists already"));
    await until(() => tries().length >= 4, "some tries", 30_000);
    expect(await requestsBy("POST", "409")).toBe(before);
  });

  test("a StatefulSet that is being deleted is waited for ever less often, and the status says what holds it", async () => {
    await write("POST", resources.orasCaches, "held");
    await until(() => setNamed("held"), "the StatefulSet");
    await patch(resources.statefulSets, "held", { metadata: { finalizers: ["example.com/held"] } });
    await write("DELETE", resources.statefulSets, "held");
    const degraded = async () => condition(await cacheNamed("held"), "Degraded");
    await until(async () => (await degraded())?.reason === "BeingDeleted", "BeingDeleted", 60_000);
    expect((await degraded())?.message).toMatch(
      /^StatefulSet held is being deleted since \S+Z and is created again when it is gone. These finalizers hold it: example.com\/held\./,
    );
    await patch(resources.statefulSets, "held", { metadata: { finalizers: null } });
    await until(async () => (await degraded())?.status === "False", "the StatefulSet, made again", 30_000);
  });

  test("what the API server refuses is reported, with its words", async () => {
    await refuseStatefulSets("refused", "not on my watch");
    await write("POST", resources.orasCaches, "refused");
    await until(
      async () => condition(await cacheNamed("refused"), "Ready")?.reason === "Invalid",
      "not Ready",
    );
    expect(condition(await cacheNamed("refused"), "Degraded")?.message).toContain("not on my watch");
    expect(await serviceNamed("refused")).toBeDefined();
    // Events are written beside the status.
    await until(async () => {
      const told = await notesAbout("refused");
      return told.includes("Created") && told.includes("Invalid");
    }, "both Events");
  });
});

/** A policy of the cluster that refuses every StatefulSet of a name. */
async function refuseStatefulSets(name: string, message: string): Promise<void> {
  const path = "/apis/admissionregistration.k8s.io/v1";
  const rule = {
    apiGroups: ["apps"],
    apiVersions: ["v1"],
    resources: ["statefulsets"],
    operations: ["CREATE"],
  };
  const post = (plural: string, spec: object) =>
    client.request({
      method: "POST",
      path: `${path}/${plural}`,
      body: { metadata: { name: "refusal" }, spec },
    });
  await post("validatingadmissionpolicies", {
    failurePolicy: "Fail",
    matchConstraints: { resourceRules: [rule] },
    validations: [{ expression: `object.metadata.name != "${name}"`, message, reason: "Invalid" }],
  });
  await post("validatingadmissionpolicybindings", { policyName: "refusal", validationActions: ["Deny"] });
  const labels = { app: "x" };
  const spec = {
    serviceName: "x",
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "x", image: "x" }] } },
  };
  await until(async () => {
    const attempt = client.request({
      method: "POST",
      path: pathOf(resources.statefulSets, { namespace }),
      query: { dryRun: "All" },
      body: { metadata: { name }, spec },
    });
    return (await attempt.catch((error: unknown) => error)) instanceof KubeError;
  }, "the policy to be in force");
}

test("a deleted cache is forgotten (defect of the original: retried for ever)", async () => {
  await created("gone");
  await write("DELETE", resources.orasCaches, "gone");
  await until(async () => !(await cacheNamed("gone")), "it to be gone");
  // The operator, which hears of caches in their order, knows that it is gone.
  await created("after-gone");
  const uid = (await setNamed("gone"))?.metadata?.uid;
  // No garbage collector runs here; the operator must not write any more.
  await write("DELETE", resources.statefulSets, "gone");
  // What comes after it is looked at after it: a StatefulSet that is made anew.
  const before = (await setNamed("after-gone"))?.metadata?.uid;
  await write("DELETE", resources.statefulSets, "after-gone");
  await until(async () => {
    const now = (await setNamed("after-gone"))?.metadata?.uid;
    return now !== undefined && now !== before;
  }, "what is not forgotten");
  expect(await setNamed("gone")).toBeUndefined();
  expect(uid).toBeDefined();
});

test("200 caches are all reconciled, and then nothing is written", async () => {
  const all = Array.from({ length: 200 }, (_, i) => `many-${i}`);
  await Promise.all(all.map((name) => write("POST", resources.orasCaches, name)));
  await until(async () => {
    const path = pathOf(resources.orasCaches, { namespace });
    const { items } = await client.request<{ items: StoredOrasCache[] }>({ path });
    return items.filter((cache) => cache.status?.observedGeneration !== undefined).length >= all.length;
  }, "200 statuses");
  let last = -1;
  const quiet = () =>
    until(async () => {
      const before = last;
      last = await writes();
      const atWork = ["workqueue_depth", "controller_runtime_active_workers"].map((name) =>
        metric(operator, name),
      );
      return before === last && (await Promise.all(atWork)).every((count) => count === 0);
    }, "quiet");
  await quiet();
  // Events are written one after another, long after what they tell of: that of one more cache is the last.
  await client.request({ method: "POST", path: "/api/v1/namespaces", body: { metadata: { name: "last" } } });
  const path = pathOf(resources.orasCaches, { namespace: "last" });
  await client.request({ method: "POST", path, body: cacheOf("last") });
  await until(async () => (await notesAbout("last", "last")).includes("Created"), "the last Event");
  await quiet();
  // A touched cache is looked at, and found in order: no write follows.
  const looks = await metric(operator, "controller_runtime_reconcile_total");
  await patch(resources.orasCaches, "many-0", { metadata: { labels: { touched: "yes" } } });
  await until(async () => (await metric(operator, "controller_runtime_reconcile_total")) > looks, "a look");
  expect(await writes()).toBe(last);
});

/** Requests that changed something; the Lease is renewed by PUT. */
async function writes(): Promise<number> {
  const counts = await Promise.all(["POST", "PATCH", "DELETE"].map((method) => requestsBy(method)));
  return counts.reduce((sum, count) => sum + count, 0);
}

async function requestsBy(method: string, code = "2"): Promise<number> {
  const text = await (await fetch(operator.metricsUrl)).text();
  return text
    .split("\n")
    .filter(
      (line) =>
        line.startsWith(`rest_client_requests_total{code="${code}`) && line.includes(`method="${method}"`),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

test("a cache on a volume has a claim, which gets an owner when it is to go with its cache", async () => {
  const persistentVolumeClaim = { size: "1Gi", onDelete: "Retain" };
  await created("volume", { storage: { persistentVolumeClaim } });
  const owners = async () =>
    (await read<V1Secret>(resources.persistentVolumeClaims, "volume-data"))?.metadata?.ownerReferences;
  expect(await owners()).toBeUndefined();
  const change = { spec: { storage: { persistentVolumeClaim: { onDelete: "Delete" } } } };
  await patch(resources.orasCaches, "volume", change);
  await until(owners, "an owner");
});

test("a NetworkPolicy is made, put right and taken away, as the spec says", async () => {
  await created("fenced", { networkPolicy: { mode: "namespace" } });
  const found = () => read<V1NetworkPolicy>(resources.networkPolicies, "fenced");
  const before = await until(found, "the NetworkPolicy");
  await patch(resources.networkPolicies, "fenced", { spec: { podSelector: { matchLabels: { a: "b" } } } });
  await until(
    async () => JSON.stringify((await found())?.spec) === JSON.stringify(before.spec),
    "it to be as it was",
  );
  await patch(resources.orasCaches, "fenced", { spec: { networkPolicy: { mode: "none" } } });
  await until(async () => (await found()) === undefined, "its end");
});

const s3 = (fields: object = {}) => ({
  storage: {
    s3: { endpoint: "https://s3.example.com", bucket: "artifacts", secretRef: { name: "login" }, ...fields },
  },
});

test("a registry of several Pods has a Service of its own and a PodDisruptionBudget, which are put right and taken away", async () => {
  await created("several", { ...s3(), replicas: 2 });
  const found = () => read<V1PodDisruptionBudget>(resources.podDisruptionBudgets, "several");
  const before = await until(found, "the PodDisruptionBudget");
  const service = await until(() => read<V1Service>(resources.services, "several-registry"), "the Service");
  expect(service.spec?.clusterIP).toMatch(/\d/);
  await patch(resources.podDisruptionBudgets, "several", { spec: { maxUnavailable: 2 } });
  await until(
    async () => JSON.stringify((await found())?.spec) === JSON.stringify(before.spec),
    "it to be as it was",
  );
  await patch(resources.orasCaches, "several", { spec: { replicas: 1 } });
  await until(async () => (await found()) === undefined, "its end");
  expect(await read(resources.services, "several-registry")).toBeDefined();
});

test("the CA of a registry is published as long as that serves TLS, and what others put there is corrected", async () => {
  const published = () => read<V1ConfigMap>(resources.configMaps, "secure-ca");
  await created("secure", { tls: { selfIssued: true } });
  const first = await until(published, "the ConfigMap");
  expect(first.data?.["ca.crt"]?.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
  expect((await read<StoredOrasCache>(resources.orasCaches, "secure"))?.status?.url).toMatch(/^https:/);
  await patch(resources.configMaps, "secure-ca", { data: { "ca.crt": "somebody's" } });
  await until(async () => (await published())?.data?.["ca.crt"] === first.data?.["ca.crt"], "the correction");
  await patch(resources.orasCaches, "secure", { spec: { tls: null } });
  await until(async () => (await published()) === undefined, "the ConfigMap to go");
});

test("a folder of a bucket that another cache has is not used, until that one has left it", async () => {
  const degraded = async () => {
    const cache = await read<StoredOrasCache>(resources.orasCaches, "second");
    return cache?.status?.conditions?.find(({ type }) => type === "Degraded");
  };
  await created("first", s3({ prefix: "shared" }));
  await write("POST", resources.orasCaches, "second", { spec: s3({ prefix: "shared/within" }) });
  await until(async () => (await degraded())?.reason === "PrefixTaken", "the refusal");
  expect((await degraded())?.message).toContain(`"${namespace}/first" keeps its artifacts in`);
  expect(await read(resources.statefulSets, "second")).toBeUndefined();
  await patch(resources.orasCaches, "first", { spec: s3({ prefix: "elsewhere" }) });
  await until(() => read(resources.statefulSets, "second"), "the StatefulSet");
});

test("after a restart nothing is written either, and the process ends with exit code 0", async () => {
  expect(await operator.stop()).toBe(0);
  operator = await startOperator(plane.operatorKubeconfig);
  const looks = () => metric(operator, "controller_runtime_reconcile_total");
  await until(
    async () => (await looks()) >= 200 && (await metric(operator, "workqueue_depth")) === 0,
    "a look at all",
  );
  expect(await requestsBy("PATCH")).toBe(0);
  expect(await requestsBy("DELETE")).toBe(0);
});

test("the operator needs all of its permissions, and lacks none", async () => {
  const asked = new Set(await plane.operatorRequests());
  const granted = permissions
    // An option that these tests leave as it is, and another process.
    .filter(({ scope }) => scope !== "pod-shape" && scope !== "release-finalizers")
    .flatMap(({ resources: list, verbs }) =>
      list.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
    );
  const elsewhere = [
    // Asked by the admission plugin OwnerReferencesPermissionEnforcement.
    "update orascaches/finalizers",
    // Asked by the API server when an apply makes an object; the audit log calls it "patch".
    "create services",
    "create statefulsets",
    "create networkpolicies",
    "create configmaps",
    "create poddisruptionbudgets",
  ];
  // Seen in other tests: caches that are exported, certificates that are replaced, Jobs whose image is looked up, Jobs of steps,
  // inputs that retention keeps, steps that are ended, opened, failed and memoized.
  const inOtherTests = [
    ...["patch orascaches", "get namespaces"],
    ...["update secrets", "get serviceaccounts", "get jobs", "get pods", "patch pods"],
    ...["patch jobs", "patch pods/status", "patch jobs/status"],
  ];
  if (minor < since.serviceCidrs) inOtherTests.push("list servicecidrs", "watch servicecidrs");
  expect([...new Set(granted)].filter((one) => !asked.has(one)).sort()).toEqual(
    [...elsewhere, ...inOtherTests].sort(),
  );
  expect([...asked].filter((one) => !granted.includes(one))).toEqual([]);
  // One line for each cache of these tests that cannot be what it should, and none that a right is missing.
  const complaints = operator.log.filter(({ level }) => level !== "info");
  const known = ["default/taken", "default/refused", "default/contested", "default/quiet"];
  expect(
    complaints.filter(
      ({ message, object }) => message !== "Reconciler error" || !known.includes(String(object)),
    ),
  ).toEqual([]);
  expect(JSON.stringify(complaints)).not.toContain("cannot");
});
