import { expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import { get, type KubeObject, replace } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { asksNobody, metric, type Operator, ready, startOperator } from "../support/operator.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";
import { apiServer } from "./installed.ts";

const rounds = 5;
const caches = 10;
const children = [
  resources.statefulSets,
  resources.services,
  resources.secrets,
  resources.networkPolicies,
  resources.events,
] as const;
const leasePlace = { namespace: names.operatorNamespace, name: names.lease };

const stops = ({ log }: Operator) => log.filter(({ message }) => message === "stopped leading").length;

async function twoReplicas() {
  const cluster = await apiServer();
  const { plane, client } = cluster;
  const replicas = await Promise.all(
    [1, 2].map(() => startOperator(plane.operatorKubeconfig, ...asksNobody)),
  );
  onTestFinished(async () => {
    for (const { process } of replicas) process.kill("SIGCONT");
    await Promise.all(replicas.map(({ stop }) => stop()));
  });
  await installWebhooks(client, (replicas[0] as Operator).webhookPort);
  await Promise.all(replicas.map((replica) => ready(replica, client)));
  const leads = async (replica: Operator) => (await metric(replica, "leader_election_master_status")) === 1;
  const leader = (among: readonly Operator[] = replicas) =>
    until(async () => {
      const found = await Promise.all(among.map(leads));
      return among[found.indexOf(true)];
    }, "a leader");
  /** Every child and every Event, by their last change: whoever writes again what is there changes one. */
  const state = async () => {
    const objects = await Promise.all(children.map((resource) => cluster.all<KubeObject>(resource)));
    return objects
      .flat()
      .map(({ metadata }) => `${metadata?.namespace}/${metadata?.name} ${metadata?.resourceVersion}`)
      .filter((line) => !line.startsWith(`${names.operatorNamespace}/`))
      .sort();
  };
  /** Waits until the last thing has been told: Events are sent beside the work. */
  const quiet = async () => {
    await cluster.settled();
    let before: string[] = [];
    return until(async () => {
      const now = await state();
      const isSame = JSON.stringify(now) === JSON.stringify(before);
      before = now;
      return isSame && now;
    }, "nothing to change any more");
  };
  return { ...cluster, replicas, leader, leads, state, quiet };
}

test(`a leader that is stopped for longer than its Lease, ${rounds} times, does nothing again when it goes on`, async () => {
  const { addCaches, all, settled, replicas, leader, leads, quiet, state } = await twoReplicas();
  for (let round = 0; round < rounds; round++) {
    const old = await leader();
    const others = replicas.filter((replica) => replica !== old);
    // In the midst of its work.
    const making = addCaches(`stopped-${round}`, caches);
    const isBegun = async () =>
      (await all<KubeObject>(resources.statefulSets)).some(
        ({ metadata }) => metadata?.namespace === `stopped-${round}`,
      );
    await until(isBegun, "the first StatefulSet");
    old.process.kill("SIGSTOP");
    await making;
    await leader(others);
    await settled();
    const before = await quiet();
    old.process.kill("SIGCONT");
    await until(async () => !(await leads(old)), "the old leader to notice");
    await quiet();
    expect(await state()).toEqual(before);
  }
  console.info({ stopped: rounds, caches: rounds * caches, changedByTheOldLeader: 0 });
});

test("a Lease that is stolen, ten times, ends a leadership and nothing is done twice", async () => {
  const { client, addCaches, replicas, leader, leads, quiet, state } = await twoReplicas();
  await leader();
  await addCaches("stolen", caches);
  const before = await quiet();
  for (let round = 0; round < 10; round++) {
    const old = await leader();
    const stopped = stops(old);
    await until(async () => {
      const lease = await get<KubeObject & { spec: object }>(client, resources.leases, leasePlace);
      if (lease === undefined) return false;
      const spec = { ...lease.spec, holderIdentity: `thief-${round}`, leaseDurationSeconds: 1 };
      return replace(client, resources.leases, { ...lease, spec });
    }, "the Lease to be stolen");
    await until(() => stops(old) > stopped, "the old leader to stop");
    await leader();
  }
  await quiet();
  expect(await state()).toEqual(before);
  expect((await Promise.all(replicas.map(leads))).filter(Boolean)).toHaveLength(1);
  console.info({ stolen: 10, caches, changed: 0 });
});
