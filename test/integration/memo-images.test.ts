import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { renew } from "../../src/certificates/renew.ts";
import { resources } from "../../src/kube/resources.ts";
import { jobOf } from "../support/builders.ts";
import { temporaryFolder } from "../support/folders.ts";
import { test as base } from "../support/integration.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { digest } from "../support/keys.ts";
import { minor } from "../support/kubernetes-version.ts";
import { pusherTo } from "../support/memo.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { freePort } from "../support/ports.ts";
import { startRegistry } from "../support/registry.ts";
import { startRegistryProxy } from "../support/registry-proxy.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";

const test = base
  // biome-ignore lint/correctness/noEmptyPattern: vitest reads from it which fixtures are needed
  .extend("hosted", { scope: "file" }, async ({}, { onCleanup }) => {
    const registry = await startRegistry();
    const { cas, certificate, key } = await renew("everything", undefined, ["localhost"], new Date());
    const ca = join(temporaryFolder("images"), "ca.crt");
    writeFileSync(ca, cas.join("\n"));
    const port = await freePort();
    const pair = { cert: certificate, key };
    const stop = await startRegistryProxy("127.0.0.1", port, registry.url, () => undefined, pair);
    onCleanup(async () => {
      stop();
      await registry.stop();
    });
    return { ca, host: `localhost:${port}`, images: pusherTo(registry.url) };
  })
  /** The operator, which asks that registry what tags of images are, beside the real controllers of Jobs. */
  .extend("world", { scope: "file" }, async ({ hosted: { ca, host } }, { onCleanup }) => {
    const { world, stop } = await startJobPlane({
      flags: ["--image-lookup-hosts", host],
      env: { NODE_EXTRA_CA_CERTS: ca },
    });
    onCleanup(stop);
    return world;
  });

const [right, other] = [`docker.io/x/app@${digest("a")}`, `docker.io/x/app@${digest("b")}`];

/** A step that does the same as all of its namespace, named by a digest, or by the image that is given. */
const step = (ns: ObjectsIn, name: string, image = right, spec: object = {}, init: object[] = []) => {
  const tag = "completions" in spec ? "$(JOB_COMPLETION_INDEX)" : "1";
  const map = { memoize: "on", "output-uri": `${ns.namespace}/${name}:${tag}` } as const;
  const made = jobOf(name, map, `make ${ns.namespace}`, spec);
  const pod = made.spec?.template.spec;
  const containers = pod?.containers.map((container) => ({ ...container, image }));
  const template = { spec: { ...pod, containers, initContainers: init } };
  return { ...made, spec: { ...made.spec, template } } as V1Job & { kind: string };
};
const read = (ns: ObjectsIn, name: string) => ns.read<V1Job>(resources.jobs, name);
const memoOf = async (ns: ObjectsIn, name: string) =>
  (await read(ns, name))?.metadata?.annotations?.[names.memoKeyAnnotation]?.split(" ") ?? [];
const ended = async (ns: ObjectsIn, name: string) => {
  expect(await until(() => read(ns, name).then(endOfJob), `the end of ${name}`)).toBe("Complete");
  return read(ns, name);
};
const reasonOf = (job: V1Job | undefined) =>
  job?.status?.conditions?.find(({ type }) => type === "Complete")?.reason;
const word = (ns: ObjectsIn, name: string) =>
  until(async () => (await memoOf(ns, name))[1], `what became of the result of ${name}`);
const whyNot = (ns: ObjectsIn, name: string) =>
  until(
    async () => (await ns.events(name)).find(({ reason }) => reason === "NotRemembered")?.note,
    `${name} to be told that it is not remembered`,
  );
const init = [{ name: "before", image: right, command: ["true"] }];

describe.skipIf(minor < 31).concurrent("a step that ran another image than its key says", () => {
  const ran = (image: string, container = "main") =>
    `the container ${container} ran ${image}, not ${digest("a")}`;
  interface About {
    readonly report: (container: string, attempt: number) => string;
    readonly because: string;
    readonly init?: object[];
    readonly spec?: object;
    /** Its first Pod fails. */
    readonly fails?: true;
  }
  test.for<[what: string, namespace: string, about: About]>([
    ["in its container", "another", { report: () => other, because: ran(other) }],
    [
      "in an init container",
      "init",
      { report: (one) => (one === "before" ? other : right), because: ran(other, "before"), init },
    ],
    [
      "in the Pod that failed before the one that succeeded",
      "retried",
      { report: (_, attempt) => (attempt === 0 ? other : right), because: ran(other), fails: true },
    ],
    [
      "in the Pod that succeeded after one that failed",
      "last",
      { report: (_, attempt) => (attempt === 0 ? right : other), because: ran(other), fails: true },
    ],
    [
      "in one index of an Indexed Job",
      "indexed",
      {
        report: (_, attempt) => (attempt === 0 ? other : right),
        because: ran(other),
        spec: { completionMode: "Indexed", completions: 2, parallelism: 1 },
      },
    ],
    [
      "or one that the kubelet does not name",
      "unnamed",
      { report: () => "", because: ran("an unknown image") },
    ],
  ])("%s is not remembered", { timeout: 600_000 }, async ([, namespace, about], { world }) => {
    const ns = await world.namespace(namespace);
    const { report, because, init: before = [], spec = {}, fails = false } = about;
    const create = (name: string) =>
      ns.create(resources.jobs, step(ns, name, right, { backoffLimit: 6, ...spec }, before));
    const runsOf = (name: string) => world.runsIn(namespace).filter(({ job }) => job === name).length;
    const pods = "completions" in spec ? 2 : 1;
    world.reportImages(namespace, "first", report);
    if (fails) world.break(namespace, "first");
    await create("first");
    await until(() => runsOf("first") > 0, "its first Pod");
    world.mend(namespace, "first");
    await ended(ns, "first");
    expect(runsOf("first")).toBe(fails ? 2 : pods);
    expect(await word(ns, "first")).toBe("refused");
    expect(await whyNot(ns, "first")).toBe(`Its result is not remembered: ${because}.`);
    const [key = ""] = await memoOf(ns, "first");
    expect(await world.tagged(names.memoRepository, key)).toBeUndefined();
    // So the next one is no hit; it runs what its key says, and is remembered.
    await create("second");
    await ended(ns, "second");
    expect(runsOf("second")).toBe(pods);
    expect(await word(ns, "second")).toBe("written");
    expect((await memoOf(ns, "second"))[0]).toBe(key);
    await create("third");
    expect(reasonOf(await ended(ns, "third"))).toBe("Memoized");
    expect(runsOf("third")).toBe(0);
  });

  test("behind a tag is not remembered", { timeout: 600_000 }, async ({
    world,
    hosted: { host, images },
  }) => {
    const ns = await world.namespace("tag");
    const image = `${host}/x/tag:1`;
    const old = await images.push("x/tag", "1", "old");
    const next = await images.push("x/tag", "1", "new");
    // The node still has what the tag was.
    world.reportImages("tag", "first", () => `${host}/x/tag@${old.digest}`);
    await ns.create(resources.jobs, step(ns, "first", image));
    await ended(ns, "first");
    expect(await word(ns, "first")).toBe("refused");
    expect(await whyNot(ns, "first")).toContain(`@${old.digest}, not ${next.digest}`);
    const [key = ""] = await memoOf(ns, "first");
    expect(await world.tagged(names.memoRepository, key)).toBeUndefined();
    world.reportImages("tag", "second", () => `${host}/x/tag@${next.digest}`);
    await ns.create(resources.jobs, step(ns, "second", image));
    await ended(ns, "second");
    expect(world.runsIn("tag").map(({ job }) => job)).toEqual(["first", "second"]);
    expect(await word(ns, "second")).toBe("written");
    await ns.create(resources.jobs, step(ns, "third", image));
    expect(reasonOf(await ended(ns, "third"))).toBe("Memoized");
  });

  test("is not remembered where its tag was moved before the node pulled it", { timeout: 600_000 }, async ({
    world,
    hosted: { host, images },
  }) => {
    const ns = await world.namespace("moved");
    const image = `${host}/x/moved:1`;
    const old = await images.push("x/moved", "1", "old");
    const release = world.hold("moved");
    await ns.create(resources.jobs, step(ns, "first", image));
    await until(async () => (await read(ns, "first"))?.status?.active, "its Pod");
    const next = await images.push("x/moved", "1", "new");
    for (const name of ["first", "second"])
      world.reportImages("moved", name, () => `${host}/x/moved@${next.digest}`);
    release();
    await ended(ns, "first");
    expect(await word(ns, "first")).toBe("refused");
    // Either is said: what a tag stands for is remembered for 2 s.
    const other = `the container main ran ${host}/x/moved@${next.digest}, not ${old.digest}`;
    const changed = "the step, or what an image's tag stands for, has changed since it was started";
    const told = [other, changed].map((because) => `Its result is not remembered: ${because}.`);
    expect(told).toContain(await whyNot(ns, "first"));
    const [key = ""] = await memoOf(ns, "first");
    expect(await world.tagged(names.memoRepository, key)).toBeUndefined();
    await ns.create(resources.jobs, step(ns, "second", image));
    await ended(ns, "second");
    expect(world.runsIn("moved").map(({ job }) => job)).toEqual(["first", "second"]);
    expect((await memoOf(ns, "second"))[0]).not.toBe(key);
  });
});
