import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { jobOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { minor } from "../support/kubernetes-version.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { metric, type Operator, ready } from "../support/operator.ts";
import type { Hold } from "../support/registry-proxy.ts";
import { until } from "../support/wait.ts";
import type { webhookConfiguration } from "../support/webhooks.ts";
import { endOfJob } from "../support/workflow-world.ts";

type When = (method: string, path: string) => boolean;

/** Keeps a request or its answer back, and does something when it is there. */
function createTrap() {
  let armed: { what: string; when: When; spring: () => void } | undefined;
  let release = () => {};
  let passed = Promise.resolve(false);
  const hold: Hold = (method, path, what) => {
    if (armed?.what !== what || !armed.when(method, path)) return undefined;
    armed.spring();
    armed = undefined;
    const [kept, end] = [Promise.withResolvers<void>(), Promise.withResolvers<boolean>()];
    release = kept.resolve;
    passed = end.promise;
    return { released: kept.promise, passed: end.resolve };
  };
  return {
    hold,
    arm: (what: "request" | "answer", when: When, spring = () => {}) => {
      armed = { what, when, spring };
    },
    isSprung: () => armed === undefined,
    /** Settles when what was kept back has gone on: whether who asked was still there. */
    release: () => {
      release();
      return passed;
    },
  };
}

// biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
const test = base.extend("two", { scope: "file" }, async ({}, { onCleanup }) => {
  const trap = createTrap();
  const { admin, operator, startAnother, world, stop } = await startJobPlane({ hold: trap.hold });
  const replicas: Operator[] = [operator];
  onCleanup(async () => {
    for (const { process } of replicas) process.kill("SIGCONT");
    await stop();
  });
  const another = await startAnother();
  replicas.push(another);
  await ready(another, admin);
  return { trap, admin, replicas, world, ns: await world.namespace("two") };
});

const leads = async (replica: Operator) =>
  (await metric(replica, "leader_election_master_status")) === 1 && replica;
const terms = ({ log }: Operator) => log.filter(({ message }) => message === "stopped leading").length;
const memoized = ({ log }: Operator, name: string) =>
  log.filter(({ message, step }) => /memoized$/.test(message) && step === `Job ${name}`).length;

/** The work is in the last word of its name. */
const job = (ns: ObjectsIn, name: string, completions?: number) => {
  const output = `${ns.namespace}/${name}:${completions === undefined ? "v1" : "$(JOB_COMPLETION_INDEX)"}`;
  const spec = completions === undefined ? {} : { completionMode: "Indexed", completions, parallelism: 2 };
  const map = { memoize: "on", "memoize-assume": "tags", "output-uri": output };
  return jobOf(name, map, `make ${name.split("-").at(-1)}`, spec) as V1Job & { kind: string };
};
const read = (ns: ObjectsIn, name: string) => ns.read<V1Job>(resources.jobs, name);

async function askWebhookOf(admin: KubeClient, { webhookPort }: Operator): Promise<void> {
  const path = pathOf(resources.mutatingWebhookConfigurations, { name: names.webhookConfiguration });
  const { webhooks } = await admin.request<Awaited<ReturnType<typeof webhookConfiguration>>>({ path });
  const change = webhooks.map((_, i) => ({
    ...{ op: "replace", path: `/webhooks/${i}/clientConfig/service/port`, value: webhookPort },
  }));
  await admin.request({ method: "PATCH", path, contentType: "application/json-patch+json", body: change });
}

/** Creates a Job, and waits until what it made is remembered. */
async function make(ns: ObjectsIn, name: string, completions?: number): Promise<void> {
  await ns.create(resources.jobs, job(ns, name, completions));
  const word = async () =>
    (await read(ns, name))?.metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ")[1];
  expect(await until(word, `what became of the result of ${name}`)).toBe("written");
}

const asked = (method: string, path: string) => (by: string, at: string) => by === method && at === path;
/** The entry is written anew just before the tag is looked at for the last time. */
const afterEntry = (last: ReturnType<typeof asked>) => {
  let isWritten = false;
  return (method: string, path: string) => {
    isWritten ||= method === "PUT" && path.startsWith(`/v2/${names.memoRepository}/manifests/`);
    return isWritten && last(method, path);
  };
};

describe.skipIf(minor < 31)("a leader that is stopped for longer than its Lease", () => {
  test.for([
    ["before the claim", "one", undefined, asked("HEAD", "/v2/two/one/manifests/v1")],
    ["before the tag", "two", undefined, afterEntry(asked("HEAD", "/v2/two/two/manifests/v1"))],
    ["before the end", "three", undefined, asked("PUT", "/v2/two/three/manifests/v1")],
    ["before some indexes are complete", "part", 3, asked("PUT", "/v2/two/part/manifests/1")],
  ] as const)(
    "%s does nothing again when it goes on",
    { timeout: 300_000 },
    async ([, name, completions, when], { two: { trap, admin, replicas, world, ns } }) => {
      const first = `first-${name}`;
      await make(ns, first, completions && completions - 1);
      const old = await until(async () => (await Promise.all(replicas.map(leads))).find(Boolean), "a leader");
      const next = replicas.find((replica) => replica !== old) as Operator;
      // The API server asks the one that goes on.
      await askWebhookOf(admin, next);
      trap.arm("answer", when, () => old.process.kill("SIGSTOP"));
      await ns.create(resources.jobs, job(ns, name, completions));
      await until(trap.isSprung, `the leader to be stopped at ${name}`);
      await until(() => leads(next), "the other one to lead");
      const end = () => read(ns, name).then(endOfJob);
      expect(await until(end, `the end of ${name}`)).toBe("Complete");
      const settled = () =>
        read(ns, name).then((one) => one?.metadata?.annotations?.[names.memoClaimAnnotation] === undefined);
      await until(settled, "the last write");
      if (completions !== undefined)
        await until(() => recordedBy(ns, name), "its other index to be remembered");
      // What it logs comes by another way than what it writes.
      await until(() => memoized(next, name) > 0, "its words");
      expect(memoized(next, name)).toBe(1);
      // Somebody pushes over what it was to write.
      const tag = completions === undefined ? "v1" : "1";
      const pushed = await world.put(`two/${name}:${tag}`, "by hand");
      const before = await get<KubeObject>(admin, resources.jobs, { namespace: "two", name });
      const ended = terms(old);
      // The answer is there before it goes on.
      await trap.release();
      old.process.kill("SIGCONT");
      await until(() => terms(old) > ended, "the old leader to notice");
      expect(await world.tagged(`two/${name}`, tag)).toBe(pushed);
      const after = await get<KubeObject>(admin, resources.jobs, { namespace: "two", name });
      expect(after?.metadata?.resourceVersion).toBe(before?.metadata?.resourceVersion);
      expect(memoized(old, name)).toBe(0);
      const runs = world.runsIn("two").filter((run) => run.job === name);
      expect(runs.map(({ index }) => index)).toEqual(completions === undefined ? [] : [`${completions - 1}`]);
      const told = async () => (await ns.events(name)).filter(({ reason }) => reason === "Memoized");
      await until(async () => (await told()).length > 0, "its Event");
      expect(await told()).toHaveLength(1);
    },
  );
});

/** When the Lease was renewed last. */
async function renewedAt(admin: KubeClient): Promise<number> {
  const lease = await get<KubeObject & { readonly spec?: { readonly renewTime?: string } }>(
    admin,
    resources.leases,
    { namespace: names.operatorNamespace, name: names.lease },
  );
  return Date.parse(lease?.spec?.renewTime ?? "");
}

test.skipIf(minor < 31)(
  "a tag that cannot be written in the time that the Lease had left is not written later",
  { timeout: 300_000 },
  async ({ two: { trap, admin, world, ns } }) => {
    await make(ns, "first-slow");
    trap.arm("request", asked("PUT", "/v2/two/slow/manifests/v1"));
    await ns.create(resources.jobs, job(ns, "slow"));
    await until(trap.isSprung, "the leader to write the tag");
    const run = world.hold("two");
    const begun = await renewedAt(admin);
    const pushed = await world.put("two/slow:v1", "by hand");
    // It goes on leading; the request has the time that was left when it was made, which is 10 s at most.
    await until(async () => (await renewedAt(admin)) - begun > 13_000, "the Lease to be renewed for longer");
    expect(await trap.release()).toBe(false);
    expect(await world.tagged("two/slow", "v1")).toBe(pushed);
    // What somebody has pushed since the claim is left alone: it runs.
    run();
    expect(await until(() => read(ns, "slow").then(endOfJob), "the end of slow")).toBe("Complete");
    expect(world.runsIn("two").filter((run) => run.job === "slow")).toHaveLength(1);
  },
);

async function recordedBy(ns: ObjectsIn, name: string): Promise<boolean> {
  const { annotations = {} } = (await read(ns, name))?.metadata ?? {};
  return annotations[names.memoKeyAnnotation]?.endsWith(" written") ?? false;
}
