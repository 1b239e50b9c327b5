import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "vitest";
import { createBackoff } from "../../src/common/backoff.ts";
import { createClient, type KubeClient } from "../../src/kube/client.ts";
import { connectInCluster } from "../../src/kube/connection.ts";
import { detectCluster } from "../../src/kube/facts.ts";
import { create, type KubeObject, patchMerge, remove } from "../../src/kube/objects.ts";
import { type Reflector, startReflector } from "../../src/kube/reflector.ts";
import { resources } from "../../src/kube/resources.ts";
import { test as base } from "../support/integration.ts";
import { startProxy } from "../support/proxy.ts";
import { until } from "../support/wait.ts";

const test = base
  .extend("proxy", { scope: "file" }, async ({ plane }, { onCleanup }) => {
    const proxy = await startProxy(plane.server);
    onCleanup(proxy.close);
    return proxy;
  })
  /** By way of the proxy, with the files that a Pod has of its ServiceAccount. */
  .extend("client", { scope: "file" }, async ({ plane, proxy, folder }, { onCleanup }) => {
    await writeFile(join(folder, "token"), `${plane.token}\n`);
    await writeFile(join(folder, "ca.crt"), plane.ca);
    const client = createClient(await connectInCluster("127.0.0.1", String(proxy.port), folder));
    onCleanup(client.close);
    return client;
  })
  /** Starts to mirror the Services with a label; it stops with the test. */
  .extend("mirror", ({ client }, { onCleanup }) => {
    const stop = new AbortController();
    onCleanup(() => stop.abort(new Error("the test is over")));
    return (label: string, silenceMs?: number) => mirrorOf(client, stop, label, silenceMs);
  })
  /** Makes and deletes Services with a label. */
  .extend("services", ({ admin }) => ({
    make: (name: string, label: string) => create(admin, resources.services, service(name, label)),
    drop: (name: string, label: string) => remove(admin, resources.services, service(name, label)),
  }));

interface Mirror extends Reflector<KubeObject> {
  readonly troubles: unknown[];
  readonly changes: string[];
  readonly stop: () => void;
}

function mirrorOf(client: KubeClient, stop: AbortController, label: string, silenceMs = 90_000): Mirror {
  const troubles: unknown[] = [];
  const changes: string[] = [];
  const reflector = startReflector({
    client,
    resource: resources.services,
    labelSelector: `test=${label}`,
    onChange: (key, now, before) => changes.push(`${now ? (before ? "~" : "+") : "-"}${key.split("/")[1]}`),
    onTrouble: (error) => troubles.push(error),
    signal: stop.signal,
    silenceMs,
    backoff: createBackoff(10, 100),
  });
  return { ...reflector, troubles, changes, stop: () => stop.abort(new Error("enough")) };
}

const service = (name: string, label: string): KubeObject & { spec: object } => ({
  metadata: { name, namespace: "default", labels: { test: label } },
  spec: { clusterIP: "None", ports: [{ port: 80 }], selector: { app: name } },
});
const has = (seen: Mirror, name: string) => seen.store.get(`default/${name}`) !== undefined;

test("a Pod's ServiceAccount files are enough to connect, and connections are used again", async ({
  client,
  proxy,
}) => {
  expect(await detectCluster(client)).toMatchObject({ openshift: false, minor: expect.any(Number) });
  const before = proxy.taken();
  for (let i = 0; i < 20; i++) await client.request({ path: "/version" });
  expect(proxy.taken() - before).toBeLessThanOrEqual(1);
});

test("objects that are made, changed and deleted are mirrored, with their kind", async ({
  admin,
  mirror,
  services,
}) => {
  await services.make("early", "mirrored");
  const seen = mirror("mirrored");
  await seen.synced;
  expect(seen.store.get("default/early")).toMatchObject({ kind: "Service", apiVersion: "v1" });
  await services.make("late", "mirrored");
  await until(() => has(seen, "late"), "the new one");
  const place = { namespace: "default", name: "late" };
  await patchMerge(admin, resources.services, place, { metadata: { labels: { more: "labels" } } });
  await until(() => seen.store.get("default/late")?.metadata?.labels?.["more"], "the change");
  await patchMerge(admin, resources.services, place, { metadata: { labels: { test: "other" } } });
  await until(() => !has(seen, "late"), "what no longer matches to be gone");
  await services.drop("early", "mirrored");
  await until(() => !has(seen, "early"), "the deleted one to be gone");
  expect(seen.changes).toEqual(["+early", "+late", "~late", "-late", "-early"]);
  expect(seen.troubles).toEqual([]);
});

test("what happened while the connection was cut is caught up with, each change told once", async ({
  mirror,
  proxy,
  services,
}) => {
  await services.make("kept", "cut");
  await services.make("doomed", "cut");
  const seen = mirror("cut");
  await seen.synced;
  proxy.cut();
  await until(() => seen.troubles.length >= 2, "failed attempts");
  await services.drop("doomed", "cut");
  await services.make("born", "cut");
  proxy.restore();
  await until(() => has(seen, "born") && !has(seen, "doomed"), "both");
  expect(seen.changes.sort()).toEqual(["+born", "+doomed", "+kept", "-doomed"]);
});

test("a half-open connection is given up after its silence, and nothing is lost", async ({
  mirror,
  proxy,
  services,
}) => {
  // Also for a new connection it waits no longer, which is trouble: a busy machine is to be able to answer.
  const seen = mirror("half-open", 5_000);
  await seen.synced;
  await services.make("before", "half-open");
  await until(() => has(seen, "before"), "the watch to work");
  proxy.freeze();
  await services.make("while-frozen", "half-open");
  await until(() => has(seen, "while-frozen"), "what happened meanwhile");
  // Also a watch that is only quiet is silent, so this alone alarms nobody.
  expect(seen.troubles).toEqual([]);
});

test("an API server that hangs and goes on is followed", async ({ plane, mirror, services }) => {
  const seen = mirror("hanging", 500);
  await seen.synced;
  plane.apiServer().kill("SIGSTOP");
  await until(() => seen.troubles.length > 0, "trouble");
  plane.apiServer().kill("SIGCONT");
  await services.make("after", "hanging");
  await until(() => has(seen, "after"), "what came after");
});

test("an API server that is killed and comes back is followed", async ({ plane, mirror, services }) => {
  await services.make("old", "killed");
  const seen = mirror("killed");
  await seen.synced;
  await plane.killApiServer();
  await until(() => seen.troubles.length >= 3, "trouble");
  expect(has(seen, "old")).toBe(true);
  await plane.startApiServer();
  await until(() => services.make("new", "killed"), "the API server to take objects");
  await until(() => has(seen, "new"), "what came after");
  expect(seen.changes).toEqual(["+old", "+new"]);
});

test("it ends when it is stopped", async ({ mirror }) => {
  const seen = mirror("ending");
  await seen.synced;
  seen.stop();
  await seen.stopped;
  expect(seen.troubles).toEqual([]);
});
