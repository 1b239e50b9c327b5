import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey } from "../../src/cache/access.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { claimStorage } from "../../src/registry/owner.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { test as base } from "../support/integration.ts";
import type { objectsIn, SeenEvent } from "../support/objects-in.ts";
import { startRegistry } from "../support/registry.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { s3Environment, s3Owner, startS3, startS3Keeper } from "../support/s3.ts";
import { until } from "../support/wait.ts";

type Objects = Awaited<ReturnType<typeof objectsIn>>;

const test = base.extend("agent", { scope: "file" }, () => agentProgram());
const s3 = (more: object) => ({
  ...{ endpoint: "https://s3.example", bucket: "artifacts", secretRef: { name: "s3" }, onDelete: "Delete" },
  ...more,
});
const create = (ns: Objects, more: object = {}, spec: object = {}) =>
  ns.createCache("oras", { ...spec, storage: { s3: s3({ prefix: ns.namespace, ...more }) } } as object);
const finalizers = async (ns: Objects) => (await ns.cache("oras"))?.metadata?.finalizers ?? [];
const isHeld = (ns: Objects) =>
  until(async () => (await finalizers(ns)).includes(names.emptyFinalizer), "the finalizer");
/** If it stays, the message has the Events: they say what it waits for. */
const isGone = (ns: Objects) =>
  until(async () => {
    const cache = await ns.cache("oras");
    if (cache === undefined) return true;
    const notes = (await ns.events()).map(({ reason, note }) => `${reason}: ${note}`);
    throw new Error([`finalizers: ${cache.metadata?.finalizers}`, ...notes].join("; "));
  }, "no OrasCache");
const note = (ns: Objects, reason: string) =>
  until(async () => (await ns.events()).find((event) => event.reason === reason), reason);

describe("a cache whose folder goes with it", () => {
  test("has a finalizer only with onDelete: Delete", async ({ ns }) => {
    await create(ns);
    await isHeld(ns);
    const keep = { spec: { storage: { s3: { onDelete: "Retain" } } } };
    await ns.patch(resources.orasCaches, "oras", keep);
    await until(async () => (await finalizers(ns)).length === 0, "no finalizer");
  });

  test("is held while nobody can empty it, and let go when the folder is to be kept", async ({ ns }) => {
    await create(ns);
    await isHeld(ns);
    await ns.remove(resources.orasCaches, "oras");
    expect((await note(ns, "EmptyFailed")).note).toMatch(/Pod oras-0.*is not ready.*onDelete/);
    expect(await ns.cache("oras")).toBeDefined();
    await ns.patch(resources.orasCaches, "oras", { spec: { storage: { s3: { onDelete: "Retain" } } } });
    await isGone(ns);
  });

  test("goes with its namespace, and the folder is kept", async ({ installed, ns }) => {
    await create(ns);
    await isHeld(ns);
    await ns.remove(resources.orasCaches, "oras");
    await note(ns, "EmptyFailed");
    await installed.request({ method: "DELETE", path: pathOf(resources.namespaces, { name: ns.namespace }) });
    await isGone(ns);
    const path = pathOf(resources.events, { namespace: names.operatorNamespace });
    const told = await until(async () => {
      const { items } = await installed.request<{ items: SeenEvent[] }>({ path });
      return items.find(({ reason }) => reason === "NotEmptied");
    }, "an Event in the operator's namespace");
    expect(told.note).toContain(
      `aws s3 rm --recursive --endpoint-url https://s3.example s3://artifacts/${ns.namespace}/`,
    );
  });

  const both = { annotations: { [names.exportAnnotation]: "oci://127.0.0.1:1/acme" } };
  test.for([
    ["", {}],
    [", though its export comes first", both],
  ] as const)("has its registry resumed where it was suspended%s", async ([, metadata], { ns }) => {
    await create(ns, {}, { suspend: true });
    await ns.patch(resources.orasCaches, "oras", { metadata });
    const wanted = metadata === both ? 2 : 1;
    await until(async () => (await finalizers(ns)).length === wanted, "the finalizers");
    await until(async () => (await ns.set("oras"))?.spec?.replicas === 0, "no Pod");
    await ns.remove(resources.orasCaches, "oras");
    await until(async () => (await ns.set("oras"))?.spec?.replicas === 1, "a Pod");
    expect(await finalizers(ns)).toContain(names.emptyFinalizer);
    await ns.patch(resources.orasCaches, "oras", {
      metadata: { annotations: { [names.exportAnnotation]: null } },
    });
    expect((await note(ns, "EmptyFailed")).note).toMatch(/Pod oras-0.*is not ready.*onDelete/);
    expect((await ns.set("oras"))?.spec?.replicas).toBe(1);
    await ns.patch(resources.orasCaches, "oras", { spec: { storage: { s3: { onDelete: "Retain" } } } });
    await isGone(ns);
  });

  test("keeps its folder where it was to be exported and nobody holds it for that", async ({ ns }) => {
    await create(ns);
    await isHeld(ns);
    const annotations = { [names.exportAnnotation]: "oci://127.0.0.1:1/acme" };
    await ns.patch(resources.orasCaches, "oras", { metadata: { annotations } });
    await until(async () => (await finalizers(ns)).includes(names.exportFinalizer), "the other finalizer");
    await ns.remove(resources.orasCaches, "oras");
    // As if it had been deleted before the operator saw the annotation.
    await ns.patch(resources.orasCaches, "oras", { metadata: { finalizers: [names.emptyFinalizer] } });
    await isGone(ns);
    expect((await note(ns, "NotEmptied")).note).toContain("are not exported");
  });

  test("goes when its keeper has emptied the folder", async ({ agent, installed, ns, onTestFinished }) => {
    const server = await startS3();
    onTestFinished(server.stop);
    const registry = await startRegistry({ environment: s3Environment(server) });
    onTestFinished(registry.stop);
    const own = { installation: "this", cache: s3Owner };
    const signal = AbortSignal.timeout(60_000);
    await claimStorage({ peer: { host: registry.host }, authorization: undefined, signal }, own);
    const secret = await get<KubeObject & { data: { key: string } }>(installed, resources.secrets, {
      namespace: names.operatorNamespace,
      name: names.cacheKeySecret,
    });
    const operatorKey = Buffer.from(secret?.data["key"] ?? "", "base64").toString();
    const key = cacheKey(operatorKey, { name: "oras", namespace: ns.namespace });
    const keeper = await startS3Keeper(agent, server, { key, installation: "this" });
    onTestFinished(keeper.stop);
    await create(ns);
    await isHeld(ns);
    const address = { podIP: keeper.address, podIPs: [{ ip: keeper.address }] };
    await registryPod(ns, "oras", { ...readyPod("2026-01-01T00:00:00Z"), ...address });
    await ns.remove(resources.orasCaches, "oras");
    await isGone(ns);
    expect((await note(ns, "Emptied")).note).toMatch(/is empty: [0-9]+ objects were deleted/);
  });
});
