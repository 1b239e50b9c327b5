import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { renew } from "../../src/certificates/renew.ts";
import { resources } from "../../src/kube/resources.ts";
import { latestTag } from "../../src/memo/entry.ts";
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

type World = Awaited<ReturnType<typeof startJobPlane>>["world"];

const someDigest = expect.stringMatching(/^sha256:/) as string;
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
/** What is remembered of each tag that a step has pushed to: the key of an Indexed Job is that of none of its entries. */
const entriesOf = (world: World, ns: ObjectsIn, name: string, pods: number) =>
  Promise.all(
    Array.from({ length: pods }, (_, i) => {
      const tag = pods > 1 ? `${i}` : "1";
      return world.tagged(names.memoRepository, latestTag({ repository: `${ns.namespace}/${name}`, tag }));
    }),
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
    expect(await entriesOf(world, ns, "first", pods)).toEqual(Array(pods).fill(undefined));
    // So the next one is no hit; it runs what its key says, and is remembered.
    await create("second");
    await ended(ns, "second");
    expect(runsOf("second")).toBe(pods);
    expect(await word(ns, "second")).toBe("written");
    expect((await memoOf(ns, "second"))[0]).toBe(key);
    expect(await entriesOf(world, ns, "second", pods)).toEqual(Array(pods).fill(someDigest));
    await create("third");
    expect(reasonOf(await ended(ns, "third"))).toBe("Memoized");
    expect(runsOf("third")).toBe(0);
  });

  test.for([
    ["a Job", "tag", 1],
    ["each index of an Indexed Job", "tags", 3],
  ] as const)(
    "behind a tag is not remembered of %s",
    { timeout: 600_000 },
    async ([, namespace, pods], { world, hosted: { host, images } }) => {
      const ns = await world.namespace(namespace);
      const repository = `x/${namespace}`;
      const image = `${host}/${repository}:1`;
      const spec = pods > 1 ? { completionMode: "Indexed", completions: pods, parallelism: 1 } : {};
      const create = (name: string) => ns.create(resources.jobs, step(ns, name, image, spec));
      const old = await images.push(repository, "1", "old");
      const next = await images.push(repository, "1", "new");
      // The nodes of all Pods, or of the last one alone, still have what the tag was.
      const isOld: Readonly<Record<string, (attempt: number) => boolean>> = {
        all: () => true,
        last: (attempt) => attempt === pods - 1,
      };
      for (const [name, of] of Object.entries(isOld)) {
        const has = (attempt: number) => (of(attempt) ? old : next).digest;
        world.reportImages(namespace, name, (_, attempt) => `${host}/${repository}@${has(attempt)}`);
        await create(name);
        await ended(ns, name);
        expect(await word(ns, name)).toBe("refused");
        expect(await whyNot(ns, name)).toContain(`@${old.digest}, not ${next.digest}`);
        expect(await entriesOf(world, ns, name, pods)).toEqual(Array(pods).fill(undefined));
      }
      world.reportImages(namespace, "right", () => `${host}/${repository}@${next.digest}`);
      await create("right");
      await ended(ns, "right");
      const ran = ["all", "last", "right"].flatMap((name) => Array<string>(pods).fill(name));
      expect(world.runsIn(namespace).map(({ job }) => job)).toEqual(ran);
      expect(await word(ns, "right")).toBe("written");
      expect(await entriesOf(world, ns, "right", pods)).toEqual(Array(pods).fill(someDigest));
      await create("takes");
      expect(reasonOf(await ended(ns, "takes"))).toBe("Memoized");
      expect(await entriesOf(world, ns, "takes", pods)).toEqual(await entriesOf(world, ns, "right", pods));
    },
  );

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
    const runsNew = (name: string) =>
      world.reportImages("moved", name, () => `${host}/x/moved@${next.digest}`);
    runsNew("first");
    release();
    await ended(ns, "first");
    expect(await word(ns, "first")).toBe("refused");
    // Either is said: see below.
    const other = `the container main ran ${host}/x/moved@${next.digest}, not ${old.digest}`;
    const changed = "the step, or what an image's tag stands for, has changed since it was started";
    const told = [other, changed].map((because) => `Its result is not remembered: ${because}.`);
    expect(told).toContain(await whyNot(ns, "first"));
    const [key = ""] = await memoOf(ns, "first");
    expect(await world.tagged(names.memoRepository, key)).toBeUndefined();
    // What a tag stands for is remembered for 2 s: until then a step has the key of the first, and is refused like it.
    const later: string[] = [];
    await until(async () => {
      const name = `later-${later.length}`;
      later.push(name);
      runsNew(name);
      await ns.create(resources.jobs, step(ns, name, image));
      await ended(ns, name);
      const isSame = (await memoOf(ns, name))[0] === key;
      expect(await word(ns, name)).toBe(isSame ? "refused" : "written");
      return !isSame;
    }, "a step whose key has the image that the tag is now");
    expect(await world.tagged(names.memoRepository, key)).toBeUndefined();
    expect(world.runsIn("moved").map(({ job }) => job)).toEqual(["first", ...later]);
    await ns.create(resources.jobs, step(ns, "takes", image));
    expect(reasonOf(await ended(ns, "takes"))).toBe("Memoized");
  });
});
