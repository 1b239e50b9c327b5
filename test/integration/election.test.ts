import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { createClient, type KubeClient } from "../../src/kube/client.ts";
import { connect } from "../../src/kube/connection.ts";
import { electLeader } from "../../src/kube/lease.ts";
import { get, type Metadata } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { startProxy, type TcpProxy } from "../support/proxy.ts";
import { until } from "../support/wait.ts";

let direct: KubeClient;
let proxied: KubeClient;
let proxy: TcpProxy;
let folder: string;

beforeAll(async () => {
  const kubeconfig = inject("kubeconfig");
  process.env["KUBECONFIG"] = kubeconfig;
  direct = createClient(await connect());
  const text = await readFile(kubeconfig, "utf8");
  const port = /server: https:\/\/127\.0\.0\.1:(\d+)/.exec(text)?.[1] ?? "";
  proxy = await startProxy({ hostname: "127.0.0.1", port });
  folder = await mkdtemp(join(tmpdir(), "oras-operator-election-"));
  await writeFile(join(folder, "kubeconfig"), text.replace(`:${port}`, `:${proxy.port}`), { mode: 0o600 });
  process.env["KUBECONFIG"] = join(folder, "kubeconfig");
  proxied = createClient(await connect());
});

afterAll(async () => {
  direct?.close();
  proxied?.close();
  proxy?.close();
  await rm(folder, { recursive: true, force: true });
});

interface Candidate {
  readonly leads: () => boolean;
  readonly stop: () => void;
  readonly ended: Promise<void>;
}

function stand(client: KubeClient, name: string, identity: string, log: string[]): Candidate {
  const stop = new AbortController();
  let leads = false;
  const ended = electLeader({
    client,
    namespace: "default",
    name,
    identity,
    signal: stop.signal,
    durationMs: 1_000,
    renewDeadlineMs: 600,
    retryMs: 100,
    onTrouble: () => {},
    lead: async (signal) => {
      leads = true;
      log.push(`+${identity}`);
      await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      leads = false;
      log.push(`-${identity}`);
    },
  });
  return { leads: () => leads, stop: () => stop.abort(), ended };
}

test("one leads; when it stops it gives the Lease up and the other leads", async () => {
  const log: string[] = [];
  const a = stand(direct, "orderly", "a", log);
  await until(a.leads, "a to lead");
  const b = stand(direct, "orderly", "b", log);
  const lease = await get<{ metadata?: Metadata; spec?: { holderIdentity?: string } }>(
    direct,
    resources.leases,
    {
      namespace: "default",
      name: "orderly",
    },
  );
  expect(lease?.spec?.holderIdentity).toBe("a");
  a.stop();
  await a.ended;
  await until(b.leads, "b to lead");
  b.stop();
  await b.ended;
  expect(log).toEqual(["+a", "-a", "+b", "-b"]);
});

test("a leader that is cut off stops before the other begins, and stands again when it is back", async () => {
  const log: string[] = [];
  const a = stand(proxied, "cut-off", "a", log);
  await until(a.leads, "a to lead");
  const b = stand(direct, "cut-off", "b", log);
  proxy.cut();
  await until(b.leads, "b to lead");
  expect(log).toEqual(["+a", "-a", "+b"]);
  proxy.mend();
  b.stop();
  await b.ended;
  await until(a.leads, "a to lead again");
  a.stop();
  await a.ended;
});

test("a leader whose work failed gives the Lease up", async () => {
  const stop = new AbortController();
  const troubles: unknown[] = [];
  let terms = 0;
  const ended = electLeader({
    client: direct,
    namespace: "default",
    name: "failing",
    identity: "a",
    signal: stop.signal,
    retryMs: 20,
    onTrouble: (error) => troubles.push(error),
    lead: async () => {
      terms++;
      throw new Error("no work");
    },
  });
  await until(() => terms >= 2, "another term");
  stop.abort();
  await ended;
  expect(troubles).toContainEqual(new Error("no work"));
});
