import type { V1Job, V1Pod, V1Secret } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { dataOf, readyCache } from "../support/kept-caches.ts";
import type { KeptRegistry } from "../support/kept-registry.ts";
import { type ObjectsIn, rolledOut } from "../support/objects-in.ts";
import { until } from "../support/wait.ts";

/** A cache whose Pod is a real registry with its real keeper; no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("registry", ({ ns, installed, agent }, { onCleanup }) =>
    readyCache({ ns, installed, agent }, onCleanup),
  );

/** The login that new Pods get, as they have it. */
async function loginOf(ns: ObjectsIn): Promise<{ user: string; as: string; secret: string }> {
  const name = (await ns.status("oras"))?.credentialsSecret ?? "";
  const secret = await ns.read<V1Secret>(resources.secrets, name);
  const [user, password] = [dataOf(secret, "username"), dataOf(secret, "password")];
  return { user, as: `Basic ${btoa(`${user}:${password}`)}`, secret: name };
}

/** What pushes from now on, again and again, until it is ended. */
function startPushing(registry: KeptRegistry, name: string, as: () => Promise<string>) {
  const refusals: unknown[] = [];
  let [count, ended] = [0, false];
  const running = (async () => {
    while (!ended) {
      await registry
        .push(`pushers/${name}:v${count}`, { as: await as() })
        .catch((error: unknown) => refusals.push(error));
      count++;
    }
  })();
  return {
    count: () => count,
    end: async () => {
      ended = true;
      await running;
      return refusals;
    },
  };
}

/** Asks for another login, and waits until steps get it. The StatefulSet's controller does not run here. */
async function rotated(ns: ObjectsIn, user: string) {
  const asks = { metadata: { annotations: { [names.rotateAnnotation]: user } } };
  await ns.patch(resources.orasCaches, "oras", asks);
  return until(async () => {
    const set = await ns.set("oras");
    // As it is where the template has changed, and the Pod has not.
    const revisions = { updatedReplicas: 0, currentRevision: "a", updateRevision: "b" };
    if (set?.status?.observedGeneration !== set?.metadata?.generation)
      await ns.patchStatus(resources.statefulSets, "oras", { ...rolledOut(set), ...revisions });
    const login = await loginOf(ns);
    return login.user === user && login;
  }, `the login of ${user}`);
}

/** What new Pods of the registry are told. */
async function usersOf(ns: ObjectsIn): Promise<readonly string[]> {
  return (await ns.set("oras"))?.spec?.template.spec?.initContainers?.[0]?.args ?? [];
}

const earlierOf = async (ns: ObjectsIn) =>
  ((await ns.status("oras"))?.auth?.earlier ?? []).map(({ user }) => user);

/** Whether a registry lets a login in no more. */
const isRefused = (registry: KeptRegistry, as: string): Promise<boolean> =>
  registry.push("a/b:1", { as }).then(
    () => false,
    (error: Error) => error.message.includes("401"),
  );

/** Waits until nothing has a user any more: the StatefulSet, the status, which is written after it, and the registry. */
async function untilEnded(ns: ObjectsIn, registry: KeptRegistry, user: string, as: string): Promise<void> {
  await until(async () => {
    // The StatefulSet is looked at again, as it is when anything of it changes. Its controller says so after each change, for ever.
    await ns.patchStatus(resources.statefulSets, "oras", {
      ...rolledOut(await ns.set("oras")),
      ...{ updatedReplicas: 0, updateRevision: `r${Date.now()}` },
    });
    const isNamed = (await usersOf(ns)).includes(`--user=${user}`) || (await earlierOf(ns)).includes(user);
    return !isNamed && (await isRefused(registry, as));
  }, `the end of ${user}`);
}

test("a login is rotated twice while everybody pushes, and nobody is refused", async ({ ns, registry }) => {
  const first = await loginOf(ns);
  expect(first.user).toBe("oras-1");
  const pushers = [startPushing(registry, "first", async () => first.as)];
  // New steps: each with the login that is the one for new Pods at that moment.
  pushers.push(startPushing(registry, "new", async () => (await loginOf(ns)).as));
  for (const user of ["oras-2", "oras-3"]) {
    const login = await rotated(ns, user);
    expect(login.secret).not.toBe(first.secret);
    pushers.push(startPushing(registry, user, async () => login.as));
  }
  const begun = pushers.map(({ count }) => count());
  await until(async () => pushers.every(({ count }, i) => count() > (begun[i] ?? 0) + 3), "pushes of all");
  expect(await Promise.all(pushers.map(({ end }) => end()))).toEqual([[], [], [], []]);

  const status = await ns.status("oras");
  expect(status?.auth).toMatchObject({ user: "oras-3", earlier: [{ user: "oras-1" }, { user: "oras-2" }] });
  const set = await ns.set("oras");
  expect(set?.spec?.updateStrategy?.type).toBe("OnDelete");
  expect(set?.spec?.template.spec?.initContainers?.[0]?.args).toEqual(
    expect.arrayContaining(["--user=oras-1", "--user=oras-2", "--user=oras-3"]),
  );
  expect(await ns.condition("oras", "UpdatePending")).toBeUndefined();
  // Events are written beside the status.
  const told = async () => (await ns.events("oras")).filter(({ reason }) => reason === "Rotated");
  await until(async () => (await told()).length > 1, "an Event of each");
  expect(await told()).toHaveLength(2);

  // As docs/security.md says it for a login that somebody else has seen.
  await ns.patchStatus(resources.orasCaches, "oras", { auth: { earlier: null } });
  await until(() => isRefused(registry, first.as), "the end of the first login");
  await registry.push("a/b:2", { as: (await loginOf(ns)).as });
});

test("a login ends after its time, once no Pod has it", async ({ ns, registry, installed }) => {
  const first = await loginOf(ns);
  const step = podOf("step", { "output-uri": "a/b:1" }) as V1Pod & KubeObject;
  await ns.create(resources.pods, step);
  const made = await ns.read<V1Pod>(resources.pods, "step");
  expect(JSON.stringify(made?.spec?.volumes)).toContain(first.secret);
  const second = await rotated(ns, "oras-2");
  const later = podOf("later", { "output-uri": "a/b:2" }) as V1Pod & KubeObject;
  // Its webhook hears of the status by its watch.
  await until(async () => {
    const path = pathOf(resources.pods, { namespace: ns.namespace });
    const request = { method: "POST", path, query: { dryRun: "All" }, body: later } as const;
    const tried = await installed.request<V1Pod>(request);
    return JSON.stringify(tried.spec?.volumes).includes(second.secret);
  }, "the operator to know of the second login");
  await ns.create(resources.pods, later);
  const volumes = JSON.stringify((await ns.read<V1Pod>(resources.pods, "later"))?.spec?.volumes);
  expect([volumes.includes(second.secret), volumes.includes(first.secret)]).toEqual([true, false]);
  // As from a backup: with what was injected then.
  const { labels, annotations } = made?.metadata ?? {};
  const copy = { ...made, metadata: { name: "copy", labels, annotations }, status: undefined };
  await ns.create(resources.pods, copy as unknown as V1Pod & KubeObject);
  const copied = JSON.stringify((await ns.read<V1Pod>(resources.pods, "copy"))?.spec?.volumes);
  expect([copied.includes(second.secret), copied.includes(first.secret)]).toEqual([true, false]);

  // A day later.
  const auth = {
    ...(await ns.status("oras"))?.auth,
    earlier: [{ user: "oras-1", until: "2026-01-01T00:00:00Z" }],
  };
  await ns.patchStatus(resources.orasCaches, "oras", { auth });
  await rotated(ns, "oras-3");
  expect(await usersOf(ns)).toContain("--user=oras-1");
  await registry.push("a/b:3", { as: first.as });

  await ns.patchStatus(resources.pods, "step", { phase: "Succeeded" });
  await untilEnded(ns, registry, "oras-1", first.as);
  await registry.push("a/b:5", { as: second.as });
  expect(await earlierOf(ns)).toEqual(["oras-2"]);
  const ended = async () => (await ns.events("oras")).filter(({ reason }) => reason === "LoginEnded");
  await until(async () => (await ended()).length > 0, "the Event");
  // It was not taken back by a look that did not know of the status yet.
  await rotated(ns, "oras-4");
  expect(await ended()).toHaveLength(1);
});

test("a login lasts while a Job may make Pods with it, though it has none for days", async ({
  ns,
  registry,
}) => {
  const first = await loginOf(ns);
  const jobs = {
    waits: jobOf("waits", { "input-uri": "a/b:1", "wait-for-inputs": "true" }),
    // By its author, or by Kueue.
    suspended: jobOf("suspended", { "output-uri": "a/b:2" }, "true", { suspend: true }),
    // No controller of Jobs runs here: as between two tries.
    tries: jobOf("tries", { "output-uri": "a/b:3" }, "true", { backoffLimit: 6 }),
  };
  for (const job of Object.values(jobs)) await ns.create(resources.jobs, job);
  for (const name of Object.keys(jobs)) {
    const made = await ns.read<V1Job>(resources.jobs, name);
    expect(JSON.stringify(made?.spec?.template.spec?.volumes)).toContain(first.secret);
  }
  await rotated(ns, "oras-2");
  // A day later.
  const earlier = [{ user: "oras-1", until: "2026-01-01T00:00:00Z" }];
  await ns.patchStatus(resources.orasCaches, "oras", {
    auth: { ...(await ns.status("oras"))?.auth, earlier },
  });
  for (const [i, name] of Object.keys(jobs).entries()) {
    await rotated(ns, `oras-${i + 3}`);
    expect(await usersOf(ns)).toContain("--user=oras-1");
    await registry.push(`a/c:${i}`, { as: first.as });
    await ns.remove(resources.jobs, name);
  }
  await untilEnded(ns, registry, "oras-1", first.as);
});
