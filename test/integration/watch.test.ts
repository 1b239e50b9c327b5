import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createBackoff } from "../../src/kube/backoff.ts";
import { createClient, type KubeClient } from "../../src/kube/client.ts";
import { connectInCluster } from "../../src/kube/connection.ts";
import { detectCluster } from "../../src/kube/facts.ts";
import { create, type KubeObject, patchMerge, remove } from "../../src/kube/objects.ts";
import { type Reflector, startReflector } from "../../src/kube/reflector.ts";
import { resources } from "../../src/kube/resources.ts";
import { type ControlPlane, startControlPlane } from "../support/control-plane.ts";
import { adminClient } from "../support/installation.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { until } from "../support/wait.ts";

let plane: ControlPlane;
let admin: KubeClient;
let proxy: TcpProxy;
let files: string;
/** By way of the proxy. */
let client: KubeClient;
let stop = new AbortController();

beforeAll(async () => {
  plane = await startControlPlane();
  admin = await adminClient(plane);
  proxy = await startProxy(plane.server);
  files = await mkdtemp(join(tmpdir(), "oras-operator-service-account-"));
  await writeFile(join(files, "token"), `${plane.token}\n`);
  await writeFile(join(files, "ca.crt"), plane.ca);
  client = createClient(await connectInCluster("127.0.0.1", String(proxy.port), files));
});

afterEach(() => {
  stop.abort(new Error("the test is over"));
  stop = new AbortController();
});

afterAll(async () => {
  client?.close();
  admin?.close();
  proxy?.close();
  await plane?.stop();
  await rm(files, { recursive: true, force: true });
});

interface Mirror extends Reflector<KubeObject> {
  readonly troubles: unknown[];
  readonly changes: string[];
}

/** Mirrors the Services with a label. */
function mirror(label: string, silenceMs = 90_000): Mirror {
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
  return { ...reflector, troubles, changes };
}

const service = (name: string, label: string): KubeObject & { spec: object } => ({
  metadata: { name, namespace: "default", labels: { test: label } },
  spec: { clusterIP: "None", ports: [{ port: 80 }], selector: { app: name } },
});
const make = (name: string, label: string) => create(admin, resources.services, service(name, label));
const drop = (name: string, label: string) => remove(admin, resources.services, service(name, label));
const has = (seen: Mirror, name: string) => seen.store.get(`default/${name}`) !== undefined;

test("a Pod's ServiceAccount files are enough to connect, and connections are used again", async () => {
  expect(await detectCluster(client)).toMatchObject({ openshift: false, minor: expect.any(Number) });
  const before = proxy.taken();
  for (let i = 0; i < 20; i++) await client.request({ path: "/version" });
  expect(proxy.taken() - before).toBeLessThanOrEqual(1);
});

test("objects that are made, changed and deleted are mirrored, with their kind", async () => {
  await make("early", "mirrored");
  const seen = mirror("mirrored");
  await seen.synced;
  expect(seen.store.get("default/early")).toMatchObject({ kind: "Service", apiVersion: "v1" });
  await make("late", "mirrored");
  await until(() => has(seen, "late"), "the new one");
  const place = { namespace: "default", name: "late" };
  await patchMerge(admin, resources.services, place, { metadata: { labels: { more: "labels" } } });
  await until(() => seen.store.get("default/late")?.metadata?.labels?.["more"], "the change");
  await patchMerge(admin, resources.services, place, { metadata: { labels: { test: "other" } } });
  await until(() => !has(seen, "late"), "what no longer matches to be gone");
  await drop("early", "mirrored");
  await until(() => !has(seen, "early"), "the deleted one to be gone");
  expect(seen.changes).toEqual(["+early", "+late", "~late", "-late", "-early"]);
  expect(seen.troubles).toEqual([]);
});

test("what happened while the connection was cut is caught up with, each change told once", async () => {
  await make("kept", "cut");
  await make("doomed", "cut");
  const seen = mirror("cut");
  await seen.synced;
  proxy.cut();
  await until(() => seen.troubles.length >= 2, "failed attempts");
  await drop("doomed", "cut");
  await make("born", "cut");
  proxy.mend();
  await until(() => has(seen, "born") && !has(seen, "doomed"), "both");
  expect(seen.changes.sort()).toEqual(["+born", "+doomed", "+kept", "-doomed"]);
});

test("a half-open connection is given up after its silence, and nothing is lost", async () => {
  const seen = mirror("half-open", 500);
  await seen.synced;
  await make("before", "half-open");
  await until(() => has(seen, "before"), "the watch to work");
  proxy.freeze();
  await make("while-frozen", "half-open");
  await until(() => has(seen, "while-frozen"), "what happened meanwhile");
  // Also a watch that is only quiet is silent, so this alone alarms nobody.
  expect(seen.troubles).toEqual([]);
});

test("an API server that hangs and goes on is followed", async () => {
  const seen = mirror("hanging", 500);
  await seen.synced;
  plane.apiServer().kill("SIGSTOP");
  await until(() => seen.troubles.length > 0, "trouble");
  plane.apiServer().kill("SIGCONT");
  await make("after", "hanging");
  await until(() => has(seen, "after"), "what came after");
});

test("an API server that is killed and comes back is followed", async () => {
  await make("old", "killed");
  const seen = mirror("killed");
  await seen.synced;
  await plane.killApiServer();
  await until(() => seen.troubles.length >= 3, "trouble");
  expect(has(seen, "old")).toBe(true);
  await plane.startApiServer();
  await until(() => make("new", "killed"), "the API server to take objects");
  await until(() => has(seen, "new"), "what came after");
  expect(seen.changes).toEqual(["+old", "+new"]);
});

test("it ends when it is told to", async () => {
  const seen = mirror("ending");
  await seen.synced;
  stop.abort(new Error("enough"));
  await seen.stopped;
  expect(seen.troubles).toEqual([]);
});
