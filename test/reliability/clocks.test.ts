import { expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey } from "../../src/cache/access.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { podOf } from "../support/builders.ts";
import { falseClock } from "../support/clocks.ts";
import { startKeptRegistry } from "../support/kept-registry.ts";
import { objectsIn } from "../support/objects-in.ts";
import { asksNobody, metric, ready, startOperatorIn } from "../support/operator.ts";
import { readyPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";
import { apiServer } from "./installed.ts";

const day = 24 * 3_600_000;
const jumps = [1, -1, 60, -60];
const patienceMs = 300_000;

test(`the clock of the leader jumps by ${jumps.join(", ")} days: one leads, Pods are admitted, what is young stays`, async () => {
  const { plane, client } = await apiServer();
  const clocks = [falseClock(), falseClock()];
  const replicas = await Promise.all(
    clocks.map(({ env }) => startOperatorIn(env, plane.operatorKubeconfig, ...asksNobody)),
  );
  onTestFinished(async () => {
    await Promise.all(replicas.map(({ stop }) => stop()));
  });
  const [first] = replicas as [(typeof replicas)[0]];
  await installWebhooks(client, first.webhookPort);
  await Promise.all(replicas.map((replica) => ready(replica, client)));
  const leading = () =>
    Promise.all(replicas.map(async (each) => (await metric(each, "leader_election_master_status")) === 1));
  const leader = () =>
    until(async () => {
      const found = (await leading()).indexOf(true);
      return found < 0 ? undefined : { at: found };
    }, "a leader");
  const secretOf = (name: string) =>
    get<KubeObject & { data: Record<string, string> }>(client, resources.secrets, {
      namespace: names.operatorNamespace,
      name,
    });
  const operatorKey = Buffer.from(
    Object.values((await secretOf(names.cacheKeySecret))?.data ?? {})[0] ?? "",
    "base64",
  ).toString();
  const certificate = async () => (await secretOf(names.webhookSecret))?.data["tls.crt"];
  const issued = await certificate();

  const ns = await objectsIn(client, "clocks");
  const key = cacheKey(operatorKey, { name: "oras", namespace: ns.namespace });
  const registry = await startKeptRegistry(await agentProgram(), key);
  onTestFinished(registry.stop);
  await registry.push("scratch/a:young");
  await registry.push("scratch/a:hours", { ageMs: day / 2 });
  const rules = [{ repositories: ["**"], keepYoungerThan: "24h" }];
  const retention = { schedule: "* * * * *", rules, grace: "1h" };
  const set = await ns.createCache("oras", { auth: { type: "htpasswd" }, retention } as object);
  const { template } = set.spec ?? {};
  await ns.create(resources.pods, {
    metadata: { name: "oras-0", labels: template?.metadata?.labels ?? {} },
    ...({ spec: template?.spec } as object),
  });
  const { address } = registry;
  const status = { ...readyPod("2026-01-01T00:00:00Z"), podIP: address, podIPs: [{ ip: address }] };
  await ns.patchStatus(resources.pods, "oras-0", status);
  await ns.rollOut("oras");
  const passes = async () => Date.parse((await ns.status("oras"))?.storage?.lastSweep ?? "");
  const pass = (after: number) =>
    until(
      async () => {
        const time = await passes();
        return time > after && time;
      },
      "a pass",
      patienceMs,
    );
  let last = await pass(0);

  const expected = ["hours", "young"];
  for (const [round, days] of jumps.entries()) {
    const { at } = await leader();
    await registry.push(`scratch/a:old-${round}`, { ageMs: 3 * day });
    await registry.push(`scratch/a:young-${round}`);
    expected.push(`young-${round}`);
    clocks[at]?.set(days);
    // The clock is set in the midst of a minute, so that the pass after the next is wholly made by the new one.
    last = await pass(await pass(last));
    expect(Math.abs(Date.now() - last)).toBeLessThan(patienceMs);
    expect(await registry.tags("scratch/a")).toEqual(expected.toSorted());
    expect((await leading()).filter(Boolean)).toHaveLength(1);
    expect(await certificate()).toBe(issued);
    const admitted = await client.request<{ spec: { containers: object[] } }>({
      method: "POST",
      path: "/api/v1/namespaces/clocks/pods",
      query: { dryRun: "All" },
      body: podOf(`step-${round}`, { "output-uri": "a/b:c", "output-path": "out" }),
    });
    expect(admitted.spec.containers.length).toBeGreaterThan(1);
    clocks[at]?.set(0);
    last = await pass(last);
  }
  console.info({ jumps, wronglyDeleted: 0, leaders: 1, certificatesIssuedAgain: 0 });
});
