import { describe, expect, onTestFinished } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey } from "../../src/cache/access.ts";
import type { OrasCache } from "../../src/cache/types.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { cacheOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { startKeptRegistry } from "../support/kept-registry.ts";
import type { ObjectsIn, SeenEvent } from "../support/objects-in.ts";
import { asksNobody, startOperator } from "../support/operator.ts";
import { startProxy } from "../support/proxy.ts";
import { startRegistry } from "../support/registry.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

const test = base.extend("agent", { scope: "file" }, () => agentProgram());

const { exportAnnotation, exportFinalizer } = names;

async function createCache(ns: ObjectsIn, to: string, spec: OrasCache["spec"] = {}): Promise<void> {
  const cache = cacheOf("oras", spec);
  await ns.create(resources.orasCaches, {
    ...cache,
    metadata: { ...cache.metadata, annotations: { [exportAnnotation]: to } },
  });
  await until(() => ns.set("oras"), "the StatefulSet");
}

const finalizers = async (ns: ObjectsIn) => (await ns.cache("oras"))?.metadata?.finalizers;
const isHeld = (ns: ObjectsIn) =>
  until(async () => (await finalizers(ns))?.includes(exportFinalizer), "the finalizer");
const isGone = (ns: ObjectsIn) => until(async () => (await ns.cache("oras")) === undefined, "it to be gone");
const note = (ns: ObjectsIn, reason: string) =>
  until(async () => (await ns.events("oras")).find((event) => event.reason === reason), reason);

/** An OrasCache with a real registry of three artifacts and its keeper, and another registry that can be cut off. */
async function exporting(agent: string, installed: KubeClient, ns: ObjectsIn) {
  const remote = await startRegistry();
  const { hostname, port } = new URL(remote.url);
  const proxy = await startProxy({ hostname, port });
  const to = `http://127.0.0.1:${proxy.port}/kept`;
  await createCache(ns, to);
  await isHeld(ns);
  const secret = await get<KubeObject & { data: { key: string } }>(installed, resources.secrets, {
    namespace: names.operatorNamespace,
    name: names.cacheKeySecret,
  });
  const operatorKey = Buffer.from(secret?.data.key ?? "", "base64").toString();
  const key = cacheKey(operatorKey, { name: "oras", namespace: ns.namespace });
  const kept = await startKeptRegistry(agent, key);
  for (const reference of ["models/a:v1", "models/a:v2", "scratch/b:v1"]) await kept.push(reference);
  await registryPod(ns, "oras", {
    ...readyPod("2026-01-01T00:00:00Z"),
    ...{ podIP: kept.address, podIPs: [{ ip: kept.address }] },
  });
  await ns.rollOut("oras");
  await ns.untilReason("oras", "Ready", "RegistryReady");
  onTestFinished(async () => {
    await kept.stop();
    await proxy.close();
    await remote.stop();
  });
  const tags = async (repository: string) => {
    const answer = await fetch(`${remote.url}/v2/kept/${repository}/tags/list`);
    return ((await answer.json()) as { tags: string[] }).tags.sort();
  };
  return { proxy, kept, to, tags };
}

describe("an OrasCache with export-to", () => {
  test("goes once another registry has everything", async ({ agent, installed, ns }) => {
    const { proxy, kept, to, tags } = await exporting(agent, installed, ns);
    expect(await ns.condition("oras", "Exported")).toBeUndefined();
    proxy.cut();
    await ns.remove(resources.orasCaches, "oras");
    const failed = await ns.untilReason("oras", "Exported", "ExportFailed");
    expect(failed.message).toContain(`${to} has 0 of 3 artifacts, and nothing is copied by now: `);
    expect(failed.message).toContain(`orascache oras ${exportAnnotation}-`);
    expect(await note(ns, "ExportFailed")).toMatchObject({ type: "Warning" });
    // What a step pushes meanwhile is copied, too.
    await kept.push("models/a:v3");
    proxy.restore();
    await isGone(ns);
    expect(await note(ns, "Exported")).toMatchObject({ type: "Normal", note: `${to} has 4 artifacts.` });
    expect(await tags("models/a")).toEqual(["v1", "v2", "v3"]);
    expect(await tags("scratch/b")).toEqual(["v1"]);
  });

  test("whose value is wrong says so and goes when it is taken off", async ({ ns }) => {
    await createCache(ns, "ghcr.io/acme");
    await isHeld(ns);
    const { message } = await ns.untilReason("oras", "Exported", "ExportFailed");
    expect(message).toContain(`${exportAnnotation} is "ghcr.io/acme"; ${names.exportAllowed}`);
    await ns.remove(resources.orasCaches, "oras");
    await until(async () => (await ns.cache("oras"))?.metadata?.deletionTimestamp, "its deletion");
    expect(await isHeld(ns)).toBe(true);
    await ns.patch(resources.orasCaches, "oras", { metadata: { annotations: { [exportAnnotation]: null } } });
    await isGone(ns);
  });

  test("has a finalizer only with the annotation", async ({ ns }) => {
    await createCache(ns, "oci://ghcr.io/acme");
    await isHeld(ns);
    await ns.patch(resources.orasCaches, "oras", {
      metadata: {
        annotations: { [exportAnnotation]: null },
        finalizers: [exportFinalizer, "example.com/other"],
      },
    });
    await until(async () => (await finalizers(ns))?.join() === "example.com/other", "only the other one");
    await ns.patch(resources.orasCaches, "oras", {
      metadata: { annotations: { [exportAnnotation]: "oci://ghcr.io/acme" } },
    });
    await until(async () => (await finalizers(ns))?.length === 2, "both");
    await ns.patch(resources.orasCaches, "oras", { metadata: { finalizers: [exportFinalizer] } });
    await ns.patch(resources.orasCaches, "oras", { spec: { deploy: false } });
    await until(async () => (await finalizers(ns)) === undefined, "no finalizer without a registry");
  });

  test("goes with its namespace, whatever state it is in", async ({ installed, ns }) => {
    await createCache(ns, "oci://127.0.0.1:1/acme");
    await isHeld(ns);
    await ns.remove(resources.orasCaches, "oras");
    await ns.untilReason("oras", "Exported", "Exporting");
    // What the namespace controller does beside it, which does not run here, is done: the cache is being deleted.
    await installed.request({ method: "DELETE", path: pathOf(resources.namespaces, { name: ns.namespace }) });
    await isGone(ns);
    const path = pathOf(resources.events, { namespace: names.operatorNamespace });
    const told = await until(async () => {
      const { items } = await installed.request<{ items: SeenEvent[] }>({ path });
      return items.find(({ reason }) => reason === "NotExported");
    }, "an Event in the operator's namespace");
    expect(told).toMatchObject({ type: "Warning", regarding: { kind: "Pod" } });
    expect(told.note).toContain(`${ns.namespace}/oras goes without its export to 127.0.0.1:1/acme`);
  });

  test("goes at once where its registry is deleted first", async ({ installed, ns }) => {
    await createCache(ns, "oci://127.0.0.1:1/acme");
    await isHeld(ns);
    const path = pathOf(resources.orasCaches, { namespace: ns.namespace, name: "oras" });
    await installed.request({ method: "DELETE", path, body: { propagationPolicy: "Foreground" } });
    // The garbage collector, which takes its own finalizer off, does not run here.
    await until(async () => (await finalizers(ns))?.join() === "foregroundDeletion", "no finalizer");
    expect((await note(ns, "NotExported")).note).toContain("--cascade=foreground");
  });

  test("is resumed where it was suspended", async ({ ns }) => {
    const spec = { suspend: true, storage: { persistentVolumeClaim: { size: "1Gi" } } } as OrasCache["spec"];
    await createCache(ns, "oci://127.0.0.1:1/acme", spec);
    await isHeld(ns);
    await until(async () => (await ns.set("oras"))?.spec?.replicas === 0, "no Pod");
    await ns.remove(resources.orasCaches, "oras");
    await until(async () => (await ns.set("oras"))?.spec?.replicas === 1, "a Pod");
    await ns.patch(resources.orasCaches, "oras", { metadata: { annotations: { [exportAnnotation]: null } } });
    await isGone(ns);
  });

  // The last one: the operator of the others ends here.
  test("goes on with another operator", async ({ agent, installed, ns, plane, operator }) => {
    const { proxy, tags } = await exporting(agent, installed, ns);
    proxy.cut();
    await ns.remove(resources.orasCaches, "oras");
    await ns.untilReason("oras", "Exported", "ExportFailed");
    await operator.stop();
    proxy.restore();
    expect(await isHeld(ns)).toBe(true);
    const another = await startOperator(plane.operatorKubeconfig, ...asksNobody);
    onTestFinished(async () => {
      await another.stop();
    });
    await isGone(ns);
    expect(await tags("models/a")).toEqual(["v1", "v2"]);
  });
});
