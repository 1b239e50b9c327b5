import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, type Resource, resources } from "../../src/kube/resources.ts";
import { cacheOf, jobOf } from "../support/builders.ts";
import { test } from "../support/integration.ts";
import { type ObjectsIn, objectsIn } from "../support/objects-in.ts";
import { kubectl } from "../support/programs.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

/** Of a cache whose spec says nothing. Secrets are not looked at again once they are there. */
const children = [resources.statefulSets, resources.services, resources.networkPolicies];

test("lif-11: a Secret of orasEnv that changes has no effect, until the restart that is asked for", async ({
  ns,
}) => {
  await ns.create(resources.secrets, withData("env", { REGISTRY_LOG_LEVEL: "info" }));
  await ns.createCache("oras", { secrets: { orasEnv: "env" }, storage: { emptyDir: {} } });
  await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
  await ns.rollOut();
  await ns.untilReason("oras", "Ready", "RegistryReady");
  const generation = async () => (await ns.set("oras"))?.metadata?.generation;
  const before = await generation();
  await ns.patch(resources.secrets, "env", { data: { REGISTRY_LOG_LEVEL: btoa("debug") } });
  await ns.patch(resources.orasCaches, "oras", { metadata: { annotations: { look: "again" } } });
  await until(async () => (await ns.cache("oras"))?.metadata?.annotations?.["look"], "the change");
  expect(await generation()).toBe(before);
  await ns.patch(resources.orasCaches, "oras", {
    metadata: { annotations: { [names.restartAnnotation]: "now" } },
  });
  await until(async () => (await generation()) !== before, "another template");
});

describe("lif-13: a cache that is made again", () => {
  test("gets a Secret again that the garbage collector has taken along with the cache before it", async ({
    ns,
  }) => {
    await ns.createCache("oras", { auth: { type: "htpasswd" } });
    const { key } = await until(() => secretsOf(ns), "its Secrets");
    const secret = () => ns.read(resources.secrets, key);
    const uid = (await until(secret, "the Secret")).metadata?.uid;
    await ns.remove(resources.secrets, key);
    // The kubelet waits for it, and says so in an Event alone.
    await registryPod(ns, "oras", {
      phase: "Pending",
      conditions: [
        { type: "PodScheduled", status: "True", lastTransitionTime: new Date(Date.now() - 20_000) },
        { type: "PodReadyToStartContainers", status: "False" },
      ],
    });
    expect((await until(secret, "the Secret that is missing")).metadata?.uid).not.toBe(uid);
  });

  test("takes over what one that was deleted with --cascade=orphan has left, with its Pod", async ({
    ns,
    plane,
    collector: _,
  }) => {
    await ns.createCache();
    await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
    await ns.rollOut();
    await ns.untilReason("oras", "Ready", "RegistryReady");
    const before = await uidsOf(ns);
    const first = (await ns.cache("oras"))?.metadata?.uid;
    await kubectl(plane.kubeconfig, ["delete", "orascache", "oras", "-n", ns.namespace, "--cascade=orphan"]);
    await ns.create(resources.orasCaches, cacheOf());
    const second = (await ns.cache("oras"))?.metadata?.uid;
    expect(second).not.toBe(first);
    for (const child of children) {
      await until(async () => (await ownerOf(ns, child)) === second, `the owner of the ${child.kind}`);
    }
    expect(await uidsOf(ns)).toEqual(before);
    // Its Secret has another name, as that of every cache: the Pod with the artifacts stays all the same.
    expect((await ns.set("oras"))?.spec?.updateStrategy?.type).toBe("OnDelete");
    await until(async () => (await ns.condition("oras", "Available"))?.status === "True", "the status");
  });

  test("waits for what an earlier one has left and the garbage collector has not deleted yet, ten times", async ({
    ns,
    collector: _,
  }) => {
    await ns.createCache("oras", { auth: { type: "htpasswd" } });
    const secrets = await until(() => secretsOf(ns), "its Secrets");
    for (let round = 0; round < 10; round++) {
      await ns.remove(resources.orasCaches, "oras");
      // At once: the children are those of before.
      await ns.create(resources.orasCaches, cacheOf("oras", { auth: { type: "htpasswd" } }));
      const uid = (await ns.cache("oras"))?.metadata?.uid;
      for (const child of children) {
        await until(async () => (await ownerOf(ns, child)) === uid, `a ${child.kind} of its own`);
      }
      // A step that comes now may have found the login of before, too: it is there again before anybody asks for it.
      for (const name of [secrets.login, secrets.key]) {
        await until(async () => (await ownerOf(ns, resources.secrets, name)) === uid, `its own ${name}`);
      }
      await ns.rollOut();
      await ns.untilReason("oras", "Ready", "RegistryReady");
    }
  });
});

test("lif-17: the longest names that Kubernetes accepts, of cache, namespace and Job", async ({
  installed,
  operator: _,
}) => {
  const long = await objectsIn(installed, "namespace-with-the-longest-name-that-kubernetes-does-accept-abc");
  expect(long.namespace).toHaveLength(63);
  const name = "a-52-characters-long-name-for-a-registry-cache-00000";
  expect(name).toHaveLength(52);
  await long.createCache(name, { tls: { selfIssued: true } });
  await registryPod(long, name, readyPod("2026-01-01T00:00:00Z"));
  await long.rollOut(name);
  await long.untilReason(name, "Ready", "RegistryReady");
  expect((await long.status(name))?.url).toContain(`${name}-0.${name}.${long.namespace}.svc.`);
  const job = jobOf(
    "a-job-with-a-name-of-sixty-three-characters-which-is-the-limit0",
    { "oras-cache": name, "output-uri": "some/artifact:one", "output-pipe": "out.txt" },
    "echo hello",
  );
  const made = (await long.create(resources.jobs, job as KubeObject)) as V1Job;
  expect(JSON.stringify(made.spec?.template)).toContain(`${name}-credentials-`);
});

describe("lif-23: a registry that the LimitRange of its namespace ends", () => {
  const range = (limits: object) =>
    ({ metadata: { name: "small" }, spec: { limits: [{ type: "Container", ...limits }] } }) as KubeObject;

  test("gets the usual defaults, and its own requests hold", async ({ ns }) => {
    const limits = {
      default: { memory: "64Mi", cpu: "200m" },
      defaultRequest: { memory: "32Mi", cpu: "10m" },
    };
    await ns.create(resources.limitRanges, range(limits));
    await ns.createCache();
    const { spec } = await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
    const of = (name: string) => spec?.containers.find((container) => container.name === name)?.resources;
    expect(of(names.registryContainer)).toEqual({
      limits: { memory: "64Mi", cpu: "200m" },
      requests: { memory: "64Mi", cpu: "10m" },
    });
    expect(of(names.keeperContainer)?.requests).toEqual({ memory: "32Mi", cpu: "10m" });
  });

  test("for its memory: the status says so, with the word of the kubelet", async ({ ns }) => {
    await ns.createCache();
    const { containerStatuses: [running] = [], ...status } = readyPod("2026-01-01T00:00:00Z");
    const killed = { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } };
    await registryPod(ns, "oras", {
      ...status,
      conditions: [],
      containerStatuses: [
        {
          ...(running as NonNullable<typeof running>),
          ...{ ready: false, restartCount: 1, state: killed },
          lastState: { terminated: { exitCode: 137, reason: "OOMKilled" } },
        },
      ],
    });
    const { message } = await ns.untilReason("oras", "Degraded", "CrashLoopBackOff");
    expect(message).toContain("container registry: it ends again and again (last exit code 137, OOMKilled)");
  });
});

test("lif-25: a quota refuses children; once it is gone the cache comes up within about a minute", async ({
  ns,
  installed,
}) => {
  const quota: Resource = {
    group: "",
    version: "v1",
    plural: "resourcequotas",
    kind: "ResourceQuota",
    namespaced: true,
  };
  const hard = { "count/statefulsets.apps": "0" };
  await ns.create(quota, { metadata: { name: "none" }, spec: { hard } } as KubeObject);
  // Its controller does not run beside an API server alone.
  await ns.patchStatus(quota, "none", { hard, used: { "count/statefulsets.apps": "0" } });
  const labels = { a: "b" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "x", image: "x" }] } };
  const refused = () =>
    installed
      .request({
        ...{ method: "POST", path: pathOf(resources.statefulSets, { namespace: ns.namespace }) },
        query: { dryRun: "All" },
        body: { metadata: { name: "x" }, spec: { selector: { matchLabels: labels }, template } },
      })
      .then(
        () => "",
        ({ message }: Error) => message,
      );
  // The API server's own part that counts hears of the quota a moment later.
  await expect.poll(refused).toContain("exceeded quota: none");
  await ns.create(resources.orasCaches, cacheOf());
  const { message } = await ns.untilReason("oras", "Ready", "QuotaExceeded");
  expect(message).toContain("exceeded quota: none");
  await ns.remove(quota, "none");
  await until(() => ns.set("oras"), "the StatefulSet", 70_000);
});

test("of several children that are refused all are named", async ({ ns }) => {
  // Names that are somebody else's: that of the Service, of the NetworkPolicy, and of the StatefulSet, which waits for them.
  const metadata = { name: "oras" };
  await ns.create(resources.services, { metadata, spec: { ports: [{ port: 1 }] } } as KubeObject);
  await ns.create(resources.networkPolicies, { metadata, spec: { podSelector: {} } } as KubeObject);
  await ns.create(resources.orasCaches, cacheOf());
  const { message } = await ns.untilReason("oras", "Ready", "NameTaken");
  expect(message).toMatch(/^Service oras: .* Also NameTaken: NetworkPolicy oras: /);
  expect(await ns.condition("oras", "Degraded")).toMatchObject({ status: "True", message });
  expect(await ns.set("oras")).toBeUndefined();
  await ns.remove(resources.services, "oras");
  await ns.remove(resources.networkPolicies, "oras");
  await until(() => ns.set("oras"), "the StatefulSet", 70_000);
});

describe("lif-32: OrasCaches with kubectl", () => {
  const manifest = (name: string, spec: string) =>
    `apiVersion: ${names.apiVersion}\nkind: ${names.kind}\nmetadata: {name: ${name}}\nspec: ${spec}\n`;

  test("names that no StatefulSet can carry, and fields that there are not, are refused with the rule", async ({
    ns,
    plane,
  }) => {
    const tried = (name: string, spec = "{deploy: false}") =>
      kubectl(plane.kubeconfig, ["apply", "-n", ns.namespace, "-f", "-"], manifest(name, spec)).then(
        () => "made",
        ({ message }: Error) => message,
      );
    expect(await tried("a-52-characters-long-name-for-a-registry-cache-00000")).toBe("made");
    expect(await tried("a-53-characters-long-name-for-a-registry-cache-000000")).toMatch(/52|too long/i);
    for (const name of ["my.cache", "9lives"]) expect(await tried(name)).toContain("metadata.name");
    expect(await tried("unknown", "{deploy: false, replicaz: 3}")).toContain('unknown field "spec.replicaz"');
  });

  test("defaults, server-side apply by two, what somebody writes into the status, replace and delete --cascade", async ({
    ns,
    plane,
  }) => {
    const run = async (args: readonly string[], input?: string) =>
      (await kubectl(plane.kubeconfig, ["-n", ns.namespace, ...args], input)).stdout;
    const dryRun = ["create", "--dry-run=server", "-o", "jsonpath={.spec}", "-f", "-"];
    expect(JSON.parse(await run(dryRun, manifest("nothing", "null")))).toMatchObject({
      ...{ deploy: true, replicas: 1, drainSeconds: 60 },
    });
    await run(["apply", "--server-side", "-f", "-"], manifest("applied", "{deploy: false}"));
    const other = ["apply", "--server-side", "--field-manager=other", "-f", "-"];
    await expect(run(other, manifest("applied", "{deploy: true}"))).rejects.toThrow("conflict");
    const at = (path: string) => run(["get", "orascache", "applied", "-o", `jsonpath={${path}}`]);
    await until(async () => (await at(".status.observedGeneration")) === "1", "the status");
    const before = await at(".status.url");
    const wrong = '{"status":{"url":"http://else"}}';
    await run(["patch", "orascache", "applied", "--subresource=status", "--type=merge", "-p", wrong]);
    await until(async () => (await at(".status.url")) === before, "the status to be put right");
    await run(["replace", "-f", "-"], await run(["get", "orascache", "applied", "-o", "yaml"]));
    await run(["delete", "orascache", "applied", "--timeout=20s"]);
  });
});

function withData(name: string, stringData: Readonly<Record<string, string>>): KubeObject {
  return { metadata: { name }, stringData } as KubeObject;
}

async function uidsOf(ns: ObjectsIn): Promise<(string | undefined)[]> {
  return Promise.all(children.map(async (child) => (await ns.read(child, "oras"))?.metadata?.uid));
}

async function ownerOf(ns: ObjectsIn, child: Resource, name = "oras"): Promise<string | undefined> {
  return (await ns.read(child, name))?.metadata?.ownerReferences?.[0]?.uid;
}

/** The names of those that a cache has made: its key, and the login for steps. */
async function secretsOf(ns: ObjectsIn): Promise<{ login: string; key: string } | undefined> {
  const login = (await ns.status("oras"))?.credentialsSecret;
  const volumes = (await ns.set("oras"))?.spec?.template.spec?.volumes ?? [];
  const key = volumes.find(({ name }) => name === names.registryKeyVolume)?.secret?.secretName;
  return login && key ? { login, key } : undefined;
}
