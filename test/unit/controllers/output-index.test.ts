import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pino } from "pino";
import { describe, expect, it, onTestFinished, type TestContext } from "vitest";
import { names } from "../../../schema/names.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { outputIndexController } from "../../../src/controllers/output-index.ts";
import { createOutputIndexes, markIndexed } from "../../../src/controllers/output-indexes.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import type { RegistryAccess } from "../../../src/controllers/trust.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import type { Reflector } from "../../../src/kube/reflector.ts";
import { digestOf } from "../../../src/registry/blobs.ts";
import { idOf } from "../../../src/workflow/step.ts";
import { jobOf, type StepAnnotations } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const now = Date.parse("2026-01-01T12:00:00Z");
const manifestType = "application/vnd.oci.image.manifest.v1+json";
const index = { registry: "cache oras", repository: "forest/sample", version: ":all" };
const map: StepAnnotations = {
  "output-uri": "forest/sample:$(JOB_COMPLETION_INDEX)",
  "output-index": "forest/sample:all",
};

interface Ended {
  readonly ageMs?: number;
  readonly completions?: number;
  readonly completedIndexes?: string;
  readonly type?: string;
  /** What stands on it of its index. */
  readonly told?: "True" | "False";
  readonly managedBy?: string;
  /** Why that is so. */
  readonly reason?: string;
  /** What makes the same artifact without an index. */
  readonly map?: StepAnnotations;
  readonly createdMs?: number;
}

function ended(
  name: string,
  { ageMs = 1_000, completions = 3, type = "Complete", createdMs = 0, ...more }: Ended = {},
) {
  const { completedIndexes, told, reason, managedBy, map: annotations = map } = more;
  const made = jobOf(name, annotations, "true", {
    ...{ completionMode: "Indexed", completions },
    ...(managedBy && { managedBy }),
  });
  const at = new Date(now - ageMs).toISOString();
  return keepJob({
    ...made,
    metadata: {
      ...{ ...made.metadata, namespace: "work", uid: `uid-${name}` },
      creationTimestamp: new Date(now - 3_600_000 + createdMs).toISOString(),
    },
    status: {
      conditions: [
        { type, status: "True", lastTransitionTime: at },
        ...(told ? [{ type: names.outputIndexed, status: told, reason }] : []),
      ],
      ...(type === "Complete" && {
        completionTime: at,
        completedIndexes: completedIndexes ?? `0-${completions - 1}`,
      }),
    },
  } as unknown as StepJob);
}

/** A Pod that tells of what it has pushed. */
function pushed(job: string, number: number, digest: string): StepPod {
  const message = JSON.stringify({ artifact: `h/forest/sample:${number}`, digest, bytes: 1, seconds: 1 });
  const terminated = { exitCode: 0, finishedAt: new Date(now).toISOString(), message };
  return keepStep({
    metadata: {
      ...{ name: `${job}-${number}`, namespace: "work", uid: `${job}-${number}` },
      labels: { "batch.kubernetes.io/job-completion-index": `${number}` },
      ownerReferences: [
        { apiVersion: "batch/v1", kind: "Job", name: job, uid: `uid-${job}`, controller: true },
      ],
    },
    status: { phase: "Succeeded", containerStatuses: [{ name: names.pushContainer, state: { terminated } }] },
  } as unknown as StepPod);
}

const manifest = (text: string) =>
  Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: manifestType, layers: [], text }));

/** A registry in memory with these tags, and the controller. */
async function world(
  onTestFinished: TestContext["onTestFinished"],
  {
    jobs: jobsThere,
    pods: podsThere = [],
    tags,
    isReady = true,
    before,
    marks: isMarking = true,
    mark,
    hold,
    status,
  }: {
    readonly jobs: readonly StepJob[];
    readonly pods?: readonly StepPod[];
    readonly tags: Readonly<Record<string, string>>;
    readonly isReady?: boolean;
    /** When the leader before was last there. */
    readonly before?: number;
    /** Whether the operator may write on Jobs. */
    readonly marks?: boolean;
    readonly mark?: () => Promise<void>;
    /** Before a request is answered. */
    readonly hold?: (method: string, reference: string) => Promise<void> | undefined;
    /** What it is answered with instead. */
    readonly status?: (method: string) => number | undefined;
  },
) {
  const held = new Map<string, Buffer>();
  const put = (reference: string, bytes: Buffer) => held.set(reference, bytes).set(digestOf(bytes), bytes);
  for (const [tag, text] of Object.entries(tags)) put(tag, manifest(text));
  const server = createServer(async (request, response) => {
    const reference = (request.url ?? "").split("/").at(-1) ?? "";
    await hold?.(request.method ?? "", reference);
    const refused = status?.(request.method ?? "");
    if (refused !== undefined) return void response.writeHead(refused).end();
    if (request.method === "PUT") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        put(reference, Buffer.concat(chunks));
        response.writeHead(201).end();
      });
      return;
    }
    const bytes = held.get(reference);
    const headers = {
      "content-type": manifestType,
      ...(bytes && { "docker-content-digest": digestOf(bytes) }),
    };
    response.writeHead(bytes ? 200 : 404, headers).end(bytes);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const access = { peer: { host: `127.0.0.1:${port}` }, authorization: undefined } as RegistryAccess;
  const cache = { metadata: { name: "oras", namespace: "work" }, spec: { deploy: true } } as StoredOrasCache;
  const jobs = mirrorOf(jobsThere);
  const pods = mirrorOf(podsThere);
  const indexes = createOutputIndexes(before, isMarking);
  const steps = createWorkflowSteps(jobs as never, pods as never, createPushes(), indexes);
  const events: string[] = [];
  const woken: string[] = [];
  const marks: string[] = [];
  let clock = now;
  let leads = true;
  const controller = outputIndexController({
    ...{ jobs: jobs as unknown as Reflector<StepJob>, pods: pods as unknown as Reflector<StepPod> },
    ...{ steps, indexes },
    client: { now: () => clock },
    log: pino({ enabled: false }),
    publish: (_, { reason, note }) => void events.push(`${reason} ${note}`),
    caches: { store: new Map([["work/oras", cache]]) as never },
    access: { to: () => Promise.resolve(isReady ? access : undefined), forget: () => {} },
    heads: { outdated: () => {} },
    waiters: { wake: (_, artifact) => void woken.push(idOf(artifact)) },
    mayWrite: () => {
      if (!leads) throw new Error("another one leads");
    },
    mark: async ({ metadata }, { status, reason, message }) => {
      await mark?.();
      marks.push(`${metadata?.name} ${status} ${reason} ${message}`);
    },
    signal: AbortSignal.timeout(20_000),
  });
  const keys: string[] = [];
  for (const watch of controller.watches) watch.start((key) => keys.push(key));
  const listed = () => {
    const text = held.get("all")?.toString();
    if (text === undefined) return undefined;
    const { manifests } = JSON.parse(text) as { manifests: { digest: string; annotations: object }[] };
    return manifests.map(({ digest, annotations }) => [Object.values(annotations)[0], digest]);
  };
  return {
    ...{ controller, keys, events, woken, marks, listed, held },
    later: (ms: number) => {
      clock += ms;
    },
    come: jobs.store.put,
    go: (name: string) => {
      const key = `work/${name}`;
      if (jobs.store.get(key) === undefined) throw new Error(`there is no Job ${name}`);
      jobs.store.remove(key);
    },
    producers: () =>
      steps
        .producersOf("work", index)
        .map(({ name, state, pushed, pushedNothing }) => ({ name, state, pushed, pushedNothing })),
    stop: () => {
      leads = false;
    },
  };
}

const of = (text: string) => digestOf(manifest(text));

describe("the index of an Indexed Job", () => {
  it("lists what its Pods say that they pushed, and of those that are gone what their tags name", async ({
    onTestFinished,
  }) => {
    const tags = { 0: "zero", 1: "one", 2: "two", old: "told" };
    const made = await world(onTestFinished, {
      jobs: [ended("sample")],
      pods: [pushed("sample", 1, of("told"))],
      tags,
    });
    expect(made.keys).toEqual(["work/sample"]);
    expect(made.producers()).toMatchObject([{ name: "Job sample", state: "live" }]);
    expect(await made.controller.reconcile("work/sample")).toBeUndefined();
    expect(made.listed()).toEqual([
      ["0", of("zero")],
      ["1", of("told")],
      ["2", of("two")],
    ]);
    const digest = digestOf(made.held.get("all") ?? Buffer.alloc(0));
    expect(made.events).toEqual([
      `IndexPushed Pushed forest/sample:all, an index of 3 artifacts: ${digest}.`,
    ]);
    expect(made.marks).toEqual([`sample True ${made.events[0]}`]);
    expect(made.woken).toEqual([idOf(index)]);
    expect(made.producers()).toMatchObject([{ state: "succeeded", pushed: digest }]);
  });

  it("lists the indexes that succeeded, in their order, where not all had to", async ({ onTestFinished }) => {
    const jobs = [ended("sample", { completions: 12, completedIndexes: "2,9-10" })];
    const tags = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`${i}`, `part ${i}`]));
    const made = await world(onTestFinished, { jobs, tags });
    await made.controller.reconcile("work/sample");
    expect(made.listed()?.map(([number]) => number)).toEqual(["2", "9", "10"]);
  });

  it("is not written where a part is missing, and whoever waits for it learns that", async ({
    onTestFinished,
  }) => {
    const made = await world(onTestFinished, { jobs: [ended("sample")], tags: { 0: "zero", 2: "two" } });
    expect(await made.controller.reconcile("work/sample")).toBeUndefined();
    expect(made.listed()).toBeUndefined();
    expect(made.events).toEqual([
      "IndexNotPushed forest/sample:all is not written: forest/sample:1 is not in the registry.",
    ]);
    expect(made.marks).toEqual([`sample False ${made.events[0]}`]);
    expect(made.producers()).toMatchObject([{ state: "succeeded", pushedNothing: true }]);
    expect(made.woken).toHaveLength(1);
  });

  it("is tried again while the registry is not there, and meanwhile nobody takes an earlier one", async ({
    onTestFinished,
  }) => {
    const tags = { all: "earlier", 0: "zero", 1: "one", 2: "two" };
    const made = await world(onTestFinished, { jobs: [ended("sample")], tags, isReady: false });
    expect(await made.controller.reconcile("work/sample")).toBeGreaterThan(0);
    expect(made.events).toEqual([expect.stringMatching(/is not ready\. It is tried again\.$/)]);
    expect(made.producers()).toMatchObject([{ state: "live" }]);
  });

  it("is not written by one that leads no more", async ({ onTestFinished }) => {
    const made = await world(onTestFinished, {
      jobs: [ended("sample")],
      tags: { 0: "zero", 1: "one", 2: "two" },
    });
    made.stop();
    expect(await made.controller.reconcile("work/sample")).toBeGreaterThan(0);
    expect(made.listed()).toBeUndefined();
  });

  it("of an earlier Job does not take the place of a later one's", async ({ onTestFinished }) => {
    const jobs = [ended("early", { ageMs: 60_000 }), ended("late")];
    const made = await world(onTestFinished, { jobs, tags: { 0: "zero", 1: "one", 2: "two" } });
    expect(made.keys).toEqual(["work/early", "work/late"]);
    expect(await made.controller.reconcile("work/early")).toBeUndefined();
    expect([made.listed(), made.events]).toEqual([undefined, []]);
    expect(made.marks).toEqual([expect.stringMatching(/^early True IndexSuperseded Job late, which/)]);
    await made.controller.reconcile("work/late");
    expect(made.listed()).toHaveLength(3);
  });

  it("of an earlier Job does not take the place of one that comes while its parts are read", async ({
    onTestFinished,
  }) => {
    const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    let isHeld = false;
    const made = await world(onTestFinished, {
      jobs: [ended("early", { ageMs: 60_000, completions: 2 })],
      tags: { 0: "zero", 1: "one", 2: "two" },
      hold: (method, reference) => {
        if (isHeld || method !== "GET" || reference !== "1") return undefined;
        isHeld = true;
        asked.resolve();
        return answered.promise;
      },
    });
    const early = made.controller.reconcile("work/early");
    await asked.promise;
    made.come(ended("late"));
    await made.controller.reconcile("work/late");
    answered.resolve();
    await early;
    expect(made.listed()).toHaveLength(3);
    expect(made.producers()).toMatchObject([{ state: "succeeded" }, { state: "succeeded" }]);
  });

  it.each([1_000, 11 * 60_000, 30 * 86_400_000])(
    "is written by a new leader of a Job that was complete %d ms ago, if it does not stand there what became of it",
    async (ageMs) => {
      const jobs = [
        ended("sample", { ageMs }),
        ended("done", { ageMs, told: "True" }),
        ended("not", { ageMs, told: "False" }),
      ];
      const made = await world(onTestFinished, { jobs, tags: { 0: "zero", 1: "one", 2: "two" } });
      expect(made.keys).toEqual(["work/sample"]);
      await made.controller.reconcile("work/sample");
      expect(made.listed()).toHaveLength(3);
      expect(made.producers().map(({ state, pushedNothing }) => [state, pushedNothing])).toEqual([
        ["succeeded", undefined],
        ["succeeded", undefined],
        ["succeeded", true],
      ]);
    },
  );

  it("is tried for an hour by each leader, however long ago its Job was complete", async ({
    onTestFinished,
  }) => {
    const jobs = [ended("sample", { ageMs: 86_400_000 })];
    const made = await world(onTestFinished, { jobs, tags: {}, isReady: false });
    expect(await made.controller.reconcile("work/sample")).toBeGreaterThan(0);
    const pending = expect.stringMatching(
      /^sample False IndexPending .* is not ready\. It is tried again\.$/,
    );
    expect(made.marks).toEqual([pending]);
    expect(await made.controller.reconcile("work/sample")).toBeGreaterThan(0);
    expect(made.marks).toHaveLength(1);
    made.later(3_600_000);
    expect(await made.controller.reconcile("work/sample")).toBeUndefined();
    const never = expect.stringMatching(/^sample False IndexNotPushed .* is not ready\.$/);
    expect(made.marks).toEqual([pending, never]);
  });

  it("is written once where the Job does not take what became of it: that alone is tried again", async ({
    onTestFinished,
  }) => {
    let [puts, refusals] = [0, 2];
    const made = await world(onTestFinished, {
      jobs: [ended("sample")],
      tags: { 0: "zero", 1: "one", 2: "two" },
      hold: (method) => {
        if (method === "PUT") puts++;
        return undefined;
      },
      mark: () => (refusals-- > 0 ? Promise.reject(new Error("away")) : Promise.resolve()),
    });
    for (let i = 0; i < 2; i++)
      await expect(made.controller.reconcile("work/sample")).rejects.toThrow("away");
    made.come(ended("sample"));
    await made.controller.reconcile("work/sample");
    expect([puts, made.events.length, made.marks.length]).toEqual([1, 1, 1]);
  });

  it.each<[string, Ended, number?, boolean?]>([
    ["failed", { type: "Failed" }],
    [
      "was complete long before the last leader was there, where its status is somebody else's",
      { ageMs: 3_600_000, managedBy: "kueue.x-k8s.io/multikueue" },
      now,
      true,
    ],
    [
      "was complete long before the last leader was there, where it cannot stand on it",
      { ageMs: 3_600_000 },
      now,
      false,
    ],
  ])("is not looked for of a Job that %s", async (_, end, before, marks) => {
    const made = await world(onTestFinished, {
      jobs: [ended("sample", end)],
      tags: {},
      ...(before !== undefined && { before }),
      ...(marks !== undefined && { marks }),
    });
    expect(made.keys).toEqual([]);
    expect(made.producers()).toHaveLength(1);
    expect(made.producers()[0]?.state).not.toBe("live");
  });
});

it.each([
  [undefined, 1],
  [names.jobController, 1],
  ["kueue.x-k8s.io/multikueue", 0],
])(
  "what has become of it stands on a Job that is managed by %s, unless that is somebody else",
  async (managedBy, count) => {
    let requests = 0;
    const client = { now: () => now, request: () => Promise.resolve(requests++) } as unknown as KubeClient;
    const job = ended("sample", managedBy === undefined ? {} : { managedBy });
    await markIndexed(client, job, { status: "True", reason: "IndexPushed", message: "x" });
    expect(requests).toBe(count);
  },
);

describe("an index that may be newer than that of a Job", () => {
  const tags = { 0: "zero", 1: "one", 2: "two" };
  const ofHand = { ...tags, all: "of a later run" };
  const hourMs = 3_600_000;

  it("is left alone where a leader was there long after the Job was complete and nothing stands on it", async ({
    onTestFinished,
  }) => {
    const jobs = [ended("sample", { ageMs: hourMs })];
    const made = await world(onTestFinished, { jobs, tags: ofHand, before: now });
    expect(made.producers()).toMatchObject([{ state: "live" }]);
    expect(await made.controller.reconcile("work/sample")).toBeUndefined();
    expect(made.held.get("all")).toEqual(manifest("of a later run"));
    expect(made.marks).toEqual([
      expect.stringMatching(
        new RegExp(`^sample True IndexSuperseded forest/sample:all is ${of("of a later run")}, and may be`),
      ),
    ]);
    expect(made.producers()).toMatchObject([{ state: "succeeded" }]);
  });

  it.each<[string, Ended, Readonly<Record<string, string>>, number | undefined]>([
    ["there is none", { ageMs: hourMs }, tags, now],
    ["nobody has led since", { ageMs: hourMs }, ofHand, now - hourMs],
    ["the one who led had little time", { ageMs: 60_000 }, ofHand, now],
    ["nobody has led ever", { ageMs: hourMs }, ofHand, undefined],
    [
      "the one who led has said that it is still to be written",
      { ageMs: hourMs, told: "False", reason: "IndexPending" },
      ofHand,
      now,
    ],
  ])("but is written where %s", async (_, end, held, before) => {
    const made = await world(onTestFinished, {
      ...{ jobs: [ended("sample", end)], tags: held },
      ...(before !== undefined && { before }),
    });
    await made.controller.reconcile("work/sample");
    expect(made.listed()).toHaveLength(3);
    expect(made.marks).toEqual([expect.stringMatching(/^sample True IndexPushed /)]);
  });

  it("is tried again where the registry does not say what its tag has", async ({ onTestFinished }) => {
    let isAway = true;
    const made = await world(onTestFinished, {
      ...{ jobs: [ended("sample", { ageMs: hourMs })], tags: ofHand, before: now },
      status: (method) => (method === "HEAD" && isAway ? 503 : undefined),
    });
    expect(await made.controller.reconcile("work/sample")).toBeGreaterThan(0);
    isAway = false;
    await made.controller.reconcile("work/sample");
    expect(made.held.get("all")).toEqual(manifest("of a later run"));
  });

  it("is left alone where a later Job has written it and was deleted", async ({ onTestFinished }) => {
    let isAway = true;
    const made = await world(onTestFinished, {
      ...{ jobs: [ended("early", { ageMs: 60_000, completions: 2 })], tags },
      status: () => (isAway ? 503 : undefined),
    });
    expect(await made.controller.reconcile("work/early")).toBeGreaterThan(0);
    isAway = false;
    made.come(ended("late"));
    await made.controller.reconcile("work/late");
    made.go("late");
    await made.controller.reconcile("work/early");
    expect(made.listed()).toHaveLength(3);
    expect(made.marks.at(-1)).toMatch(/^early True IndexSuperseded Job late, which was complete later/);
  });

  it.each([1_000, 0])(
    "is written where a step that ended %i ms ago has pushed something else by a name with variables",
    async (ageMs) => {
      const other = ended("other", {
        ageMs,
        createdMs: 1_000,
        map: { "output-uri": "forest/sample:$(POD_NAME)" },
      });
      const made = await world(onTestFinished, {
        jobs: [ended("sample", { ageMs: 1_000 }), other],
        tags: { 0: "zero", 1: "one", 2: "two" },
      });
      await made.controller.reconcile("work/sample");
      expect(made.listed()).toHaveLength(3);
      expect(made.marks).toEqual([expect.stringMatching(/^sample True IndexPushed/)]);
    },
  );

  it("is left alone where a step without an index has pushed it later", async ({ onTestFinished }) => {
    const plain = ended("plain", { map: { "output-uri": "forest/sample:all" } });
    const jobs = [ended("early", { ageMs: 60_000 }), plain];
    const made = await world(onTestFinished, { jobs, tags: ofHand });
    await made.controller.reconcile("work/early");
    expect(made.held.get("all")).toEqual(manifest("of a later run"));
    expect(made.marks).toEqual([expect.stringMatching(/^early True IndexSuperseded Job plain, which/)]);
  });

  it.each([
    ["first", "second"],
    ["second", "first"],
  ])(
    "of two Jobs that were complete in one second is that of the one made later: %s, then %s",
    async (...order) => {
      const jobs = [
        ended("first", { completions: 2, createdMs: 1_000 }),
        ended("second", { completions: 3, createdMs: 2_000 }),
      ];
      const made = await world(onTestFinished, { jobs, tags });
      for (const name of order) await made.controller.reconcile(`work/${name}`);
      expect(made.listed()).toHaveLength(3);
      expect(made.marks.toSorted()).toEqual([
        expect.stringMatching(/^first True IndexSuperseded Job second/),
        expect.stringMatching(/^second True IndexPushed/),
      ]);
    },
  );
});
