import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, inject } from "vitest";
import type { KubeClient } from "../../src/kube/client.ts";
import { electLeader } from "../../src/kube/lease.ts";
import { get, type KubeObject, type Metadata, replace } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { untilEnded } from "../../src/manager/process.ts";
import { adminClient } from "../support/installation.ts";
import { test as base } from "../support/integration.ts";
import { startProxy } from "../support/proxy.ts";
import { until } from "../support/wait.ts";

const serverIn = (kubeconfig: string) => new URL(/server: (\S+)/.exec(kubeconfig)?.[1] ?? "");

const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("proxy", { scope: "file" }, async ({}, { onCleanup }) => {
    const proxy = await startProxy(serverIn(await readFile(inject("kubeconfig"), "utf8")));
    onCleanup(proxy.close);
    return proxy;
  })
  .extend("proxied", { scope: "file" }, async ({ proxy, folder }, { onCleanup }) => {
    const text = await readFile(inject("kubeconfig"), "utf8");
    const kubeconfig = join(folder, "kubeconfig");
    await writeFile(kubeconfig, text.replace(`:${serverIn(text).port}`, `:${proxy.port}`), { mode: 0o600 });
    const client = await adminClient({ kubeconfig });
    onCleanup(client.close);
    return client;
  });

interface Candidate {
  readonly leads: () => boolean;
  readonly stop: () => void;
  readonly ended: Promise<void>;
}

/** A busy machine does not take a term away that nothing is to end. */
const long = { durationMs: 60_000, renewDeadlineMs: 50_000, retryMs: 100 };
const short = { durationMs: 1_000, renewDeadlineMs: 600, retryMs: 100 };

function stand(
  client: KubeClient,
  name: string,
  identity: string,
  log: string[],
  times: typeof long,
): Candidate {
  const stop = new AbortController();
  let leads = false;
  const ended = electLeader({
    client,
    namespace: "default",
    name,
    identity,
    signal: stop.signal,
    ...times,
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

test("one leads; when it stops it gives the Lease up and the other leads", async ({ shared }) => {
  const log: string[] = [];
  const a = stand(shared, "orderly", "a", log, long);
  await until(a.leads, "a to lead");
  const b = stand(shared, "orderly", "b", log, long);
  const lease = await get<{ metadata?: Metadata; spec?: { holderIdentity?: string } }>(
    shared,
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

test("a leader that is cut off stops before the other begins, and stands again when it is back", async ({
  shared,
  proxied,
  proxy,
}) => {
  const log: string[] = [];
  const a = stand(proxied, "cut-off", "a", log, short);
  await until(a.leads, "a to lead");
  const b = stand(shared, "cut-off", "b", log, long);
  proxy.cut();
  await until(b.leads, "b to lead");
  // A busy machine may have ended a term of the first one before it was cut off; then it had another.
  expect(log.slice(-3)).toEqual(["+a", "-a", "+b"]);
  proxy.restore();
  b.stop();
  await b.ended;
  await until(a.leads, "a to lead again");
  a.stop();
  await a.ended;
});

test("a leader that was stopped for longer than its Lease knows it before anything tells it", async ({
  shared,
}) => {
  const stop = new AbortController();
  const led: boolean[] = [];
  await electLeader({
    client: shared,
    namespace: "default",
    name: "stopped",
    identity: "a",
    signal: stop.signal,
    durationMs: 1_000,
    renewDeadlineMs: 600,
    retryMs: 100,
    onTrouble: () => {},
    lead: async (signal, leads) => {
      led.push(leads());
      // As SIGSTOP does it: no timer and no answer is looked at before this goes on.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
      led.push(signal.aborted, leads());
      stop.abort();
    },
  });
  expect(led).toEqual([true, false, false]);
});

test("a leader that another one has replaced does not lead, whatever its clock says", async ({ shared }) => {
  const stop = new AbortController();
  const led: boolean[] = [];
  await electLeader({
    client: shared,
    namespace: "default",
    name: "stolen",
    identity: "a",
    signal: stop.signal,
    durationMs: 60_000,
    renewDeadlineMs: 50_000,
    retryMs: 100,
    onTrouble: () => {},
    lead: async (signal, leads) => {
      led.push(leads());
      const which = { namespace: "default", name: "stolen" };
      await until(async () => {
        const lease = await get<KubeObject>(shared, resources.leases, which);
        const spec = { holderIdentity: "b", leaseDurationSeconds: 60 };
        return lease && (await replace(shared, resources.leases, { ...lease, spec } as KubeObject));
      }, "the Lease to be stolen");
      await untilEnded(signal);
      led.push(leads());
      stop.abort();
    },
  });
  expect(led).toEqual([true, false]);
});

test("a leader whose work failed gives the Lease up", async ({ shared }) => {
  const stop = new AbortController();
  const troubles: unknown[] = [];
  let terms = 0;
  const ended = electLeader({
    client: shared,
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
