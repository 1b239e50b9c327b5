import type { V1Secret } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { cacheKey, passwordOf } from "../../src/cache/access.ts";
import { firstUser } from "../../src/cache/logins.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { cacheOf } from "./builders.ts";
import type { ControlPlane } from "./control-plane.ts";
import { type KeptRegistry, startKeptRegistry } from "./kept-registry.ts";
import { type ObjectsIn, objectsIn } from "./objects-in.ts";
import { makePlugin, type Plugin } from "./plugin.ts";
import { startForwarding } from "./port-forward.ts";
import { readyPod, registryPod } from "./registry-pod.ts";

type OnCleanup = (end: () => Promise<void>) => void;

/** A cache with its real registry and keeper behind the real API server, and the program that asks it. */
interface ForwardedCache {
  readonly ns: ObjectsIn;
  /** Of the cache. */
  readonly key: string;
  readonly registry: KeptRegistry;
  readonly plugin: Plugin;
}

/**
 * Makes a cache as it is in a cluster, with its real registry and keeper behind the real API server, but no kubelet.
 *
 * @param where - the API server, a client of it, and the agent's program
 * @param namespace - that is made for it
 * @param onCleanup - ends it
 * @param options - keeper: more options of the keeper; spec: of the cache
 */
export async function forwardedCache(
  where: { readonly plane: ControlPlane; readonly installed: KubeClient; readonly agent: string },
  namespace: string,
  onCleanup: OnCleanup,
  { keeper, spec }: { readonly keeper?: readonly string[]; readonly spec?: object } = {},
): Promise<ForwardedCache> {
  const ns = await objectsIn(where.installed, namespace);
  const key = cacheKey("secret", { name: "oras", namespace });
  const registry = await startKeptRegistry(where.agent, key, { ...(keeper && { keeper }) });
  const forwarding = await startForwarding(where.plane, registry.address);
  onCleanup(async () => {
    forwarding.stop();
    await registry.stop();
  });
  await ns.create(resources.orasCaches, { ...cacheOf("oras"), ...(spec && { spec }) } as KubeObject);
  await ns.patchStatus(resources.orasCaches, "oras", { credentialsSecret: "login" });
  const stringData = { username: firstUser, password: passwordOf(key, firstUser) };
  await ns.create(resources.secrets, { metadata: { name: "login" }, stringData } as KubeObject);
  return { ns, key, registry, plugin: await makePlugin(namespace, forwarding.kubeconfig) };
}

/**
 * Makes a cache that the operator takes for ready: its Pod is a real registry with its real keeper; no kubelet.
 *
 * @param where - the namespace, a client of the API server, and the agent's program
 * @param onCleanup - ends it
 */
export async function readyCache(
  {
    ns,
    installed,
    agent,
  }: { readonly ns: ObjectsIn; readonly installed: KubeClient; readonly agent: string },
  onCleanup: OnCleanup,
): Promise<KeptRegistry> {
  await ns.createCache("oras", { auth: { type: "htpasswd" } });
  const place = { namespace: names.operatorNamespace, name: names.cacheKeySecret };
  const operatorKey = dataOf(await get<V1Secret & KubeObject>(installed, resources.secrets, place), "key");
  const key = cacheKey(operatorKey, { name: "oras", namespace: ns.namespace });
  const registry = await startKeptRegistry(agent, key);
  onCleanup(registry.stop);
  const { address: ip } = registry;
  await registryPod(ns, "oras", {
    ...readyPod("2026-01-01T00:00:00Z"),
    ...{ podIP: ip, podIPs: [{ ip }] },
  });
  await ns.rollOut();
  await ns.untilReason("oras", "Ready", "RegistryReady");
  return registry;
}

/** A value of a Secret as text; empty where it has none. */
export function dataOf(secret: V1Secret | undefined, key: string): string {
  return Buffer.from(secret?.data?.[key] ?? "", "base64").toString();
}
