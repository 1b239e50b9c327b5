import type { V1NetworkPolicy, V1Secret, V1StatefulSet } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import { asksForPassword, cacheKey, passwordOf } from "../../src/cache/access.ts";
import { conditionOf } from "../../src/cache/status.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { pathOf, type Resource, resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { type Operator, ready, startOperator } from "../support/operator.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";

const namespace = "default";
let plane: ControlPlane;
let client: KubeClient;
let operators: Operator[] = [];

beforeAll(async () => {
  plane = await startControlPlane();
  client = await adminClient(plane);
  await installOperator(client);
  await installWebhooks(client, 443);
});

afterAll(async () => {
  await Promise.all(operators.map((operator) => operator.stop()));
  client?.close();
  await plane?.stop();
});

const read = <T>(resource: Resource, name: string, where = namespace) =>
  get<T & KubeObject>(client, resource, { namespace: where, name });
const setOf = (name: string) => read<V1StatefulSet>(resources.statefulSets, name);
const create = (name: string, spec: object = {}) =>
  client.request({
    method: "POST",
    path: pathOf(resources.orasCaches, { namespace }),
    body: { ...cacheOf(name), spec },
  });
const settled = (name: string) =>
  until(async () => {
    const cache = await read<StoredOrasCache>(resources.orasCaches, name);
    return cache?.status?.observedGeneration === cache?.metadata?.generation && cache;
  }, `the status of ${name}`) as Promise<StoredOrasCache>;
const text = (secret: V1Secret | undefined, key: string) =>
  Buffer.from(secret?.data?.[key] ?? "", "base64").toString();
const operatorKey = async () =>
  text(await read<V1Secret>(resources.secrets, names.cacheKeySecret, names.operatorNamespace), "key");

/** Starts replicas in place of those that run. */
async function run(...flags: string[]): Promise<void> {
  await Promise.all(operators.map((operator) => operator.stop()));
  operators = await Promise.all([1, 2].map(() => startOperator(plane.operatorKubeconfig, ...flags)));
  await Promise.all(operators.map((operator) => ready(operator, client)));
}

describe("the key of the caches", () => {
  let key: string;

  test("is made by one of the replicas that start together, and kept", async () => {
    await run();
    key = await operatorKey();
    expect(key).toMatch(/^[\w-]{43}$/);
    await run();
    expect(await operatorKey()).toBe(key);
  });

  test("comes back as it was when its Secret is deleted", async () => {
    const path = pathOf(resources.secrets, {
      namespace: names.operatorNamespace,
      name: names.cacheKeySecret,
    });
    await client.request({ method: "DELETE", path });
    expect(await until(async () => (await operatorKey()) || undefined, "the Secret")).toBe(key);
  });

  test("that is another one is not used before a restart, and the log says so", async () => {
    const where = { namespace: names.operatorNamespace };
    const body = {
      metadata: { name: names.cacheKeySecret, ...where },
      type: "Opaque",
      stringData: { key: "other" },
    };
    const path = pathOf(resources.secrets, { ...where, name: names.cacheKeySecret });
    // Those that run would make it again at once.
    for (const { process } of operators) process.kill("SIGSTOP");
    try {
      await client.request({ method: "DELETE", path });
      await client.request({ method: "POST", path: pathOf(resources.secrets, where), body });
    } finally {
      for (const { process } of operators) process.kill("SIGCONT");
    }
    const told = (operator: Operator) =>
      operator.log.some(({ message }) => message.startsWith("the key of the caches was changed; restart"));
    await until(async () => operators.every(told), "the log");
  });
});

describe("a registry with a password", () => {
  test("has Secrets that only its Pod and steps need, of the operator's key", async () => {
    await create("closed", { auth: { type: "htpasswd" } });
    const { status } = await settled("closed");
    await run(); // with the key that is there now
    const cache = await until(async () => {
      const found = await settled("closed");
      return found.status?.credentialsSecret !== status?.credentialsSecret && found;
    }, "the login of that key");
    const login = await until(
      () => read<V1Secret>(resources.secrets, cache.status?.credentialsSecret ?? ""),
      "the login",
    );
    const key = cacheKey(await operatorKey(), { name: "closed", namespace });
    expect(text(login, "password")).toBe(passwordOf(key, text(login, "username")));
    expect(asksForPassword((await setOf("closed")) as V1StatefulSet)).toBe(true);
    const volumes = (await setOf("closed"))?.spec?.template.spec?.volumes ?? [];
    const mounted = volumes.flatMap(({ secret }) => secret?.secretName ?? []);
    // The other one is its author's, and need not be there: the login for an export.
    expect(mounted).toEqual([expect.stringMatching(/^closed-key-[0-9a-f]{10}$/), "closed-export"]);
    expect(text(await read<V1Secret>(resources.secrets, mounted[0] ?? ""), "key")).toBe(key);
  });

  test("and a NetworkPolicy is what a new one has; one that runs open stays open and says so", async () => {
    const policyOf = (name: string) => read<V1NetworkPolicy>(resources.networkPolicies, name);
    const openOf = (reason: string | undefined) =>
      until(async () => {
        const cache = await read<StoredOrasCache>(resources.orasCaches, "early");
        return conditionOf(cache?.status, "Open")?.reason === reason && cache;
      }, `the condition Open: ${reason}`) as Promise<StoredOrasCache>;
    const change = (spec: object) =>
      client.request({
        method: "PATCH",
        path: pathOf(resources.orasCaches, { namespace, name: "early" }),
        contentType: "application/merge-patch+json",
        body: { spec },
      });
    await run("--registry-auth", "none", "--registry-network-policy", "none");
    await create("early");
    expect(conditionOf((await settled("early")).status, "Open")).toBeUndefined();
    await run();
    await create("late");
    expect((await settled("late")).status?.credentialsSecret).toMatch(/^late-credentials-/);
    expect(await policyOf("late")).toMatchObject({ spec: { policyTypes: ["Ingress"] } });
    expect((await openOf("KeptOpen")).status?.credentialsSecret).toBeUndefined();
    expect(asksForPassword((await setOf("early")) as V1StatefulSet)).toBe(false);
    expect(await policyOf("early")).toBeUndefined();
    await change({ auth: { type: "htpasswd" } });
    expect((await openOf("KeptReachable")).status?.credentialsSecret).toMatch(/^early-credentials-/);
    await change({ networkPolicy: { from: [{ ipBlock: { cidr: "192.0.2.0/24" } }] } });
    await openOf(undefined);
    const rules = async () => JSON.stringify((await policyOf("early"))?.spec?.ingress);
    expect(await rules()).toContain("192.0.2.0/24");
    // What was asked for once is not what ran open: it is kept when the spec says nothing any more.
    await change({ networkPolicy: null });
    await until(async () => !(await rules()).includes("192.0.2.0/24"), "whom it named to be gone");
    expect(await policyOf("early")).toBeDefined();
    // Whom it names may stay when it is opened.
    await change({ networkPolicy: { mode: "none", from: [{ podSelector: {} }] } });
    await until(async () => (await policyOf("early")) === undefined, "its end");
  });

  test("and whose login somebody deleted has it again when a step comes", async () => {
    await create("again");
    const name = (await settled("again")).status?.credentialsSecret ?? "";
    const login = await until(() => read<V1Secret>(resources.secrets, name), "the login");
    await client.request({ method: "DELETE", path: pathOf(resources.secrets, { namespace, name }) });
    const labels = { [names.injectedLabel]: "true", [names.usesCacheLabel]: "again" };
    const spec = { containers: [{ name: "main", image: "example.com/main" }] };
    const body = { metadata: { name: "step", labels }, spec };
    await client.request({ method: "POST", path: pathOf(resources.pods, { namespace }), body });
    const back = await until(() => read<V1Secret>(resources.secrets, name), "the login to be back");
    expect(back.data).toEqual(login.data);
    expect(back.metadata?.uid).not.toBe(login.metadata?.uid);
  });

  test("cannot be asked of a remote one", async () => {
    const refused = create("remote", { deploy: false, registry: "ghcr.io", auth: { type: "htpasswd" } });
    await expect(refused).rejects.toThrow("auth may only be set where deploy is true");
  });
});
