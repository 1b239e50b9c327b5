import type { V1JobSpec } from "@kubernetes/client-node";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { createBatches } from "../../../src/controllers/batches.ts";
import { gateControllers } from "../../../src/controllers/gates.ts";
import { createHeads } from "../../../src/controllers/heads.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { createWaiters } from "../../../src/controllers/waiters.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { KubeError } from "../../../src/kube/errors.ts";
import type { KubeObject } from "../../../src/kube/objects.ts";
import type { Head } from "../../../src/workflow/opening.ts";
import { jobOf, keyed, podOf, type StepAnnotations } from "../../support/builders.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const start = Date.parse("2026-01-01T12:00:00Z");
const injected = { [names.injectedLabel]: "true" };
const held = { ...injected, [names.waitingLabel]: "true" };
const complete = { conditions: [{ type: "Complete", status: "True" }] };
const wait: StepAnnotations = { "wait-for-inputs": "true" };

interface More {
  readonly labels?: object;
  readonly status?: object;
  readonly spec?: Partial<V1JobSpec>;
}

function job(name: string, map: StepAnnotations, more: More = {}): StepJob {
  const { labels = held, status = {}, spec = {} } = more;
  const made = jobOf(name, map, "true", { suspend: labels === held, ...spec });
  const metadata = { ...made.metadata, labels, namespace: "ns", uid: `uid-${name}` };
  return keepJob({
    ...made,
    metadata: { ...metadata, creationTimestamp: new Date(start) },
    status,
  } as StepJob);
}

interface Body {
  readonly spec?: { readonly template?: object };
}

function world(
  jobsThere: readonly StepJob[],
  podsThere: readonly StepPod[] = [],
  head: Head = { missing: true },
  refuse: (path: string, body: unknown) => KubeError | undefined = () => undefined,
  pushes = createPushes(),
  servesKueue = false,
  refuses: (body: Body) => boolean = () => false,
) {
  const jobs = mirrorOf(jobsThere);
  const pods = mirrorOf(podsThere);
  const steps = createWorkflowSteps(jobs, pods, pushes);
  let asked = 0;
  let now = start + 10_000;
  const onAsked: { call: () => unknown } = { call: () => undefined };
  const heads = createHeads(
    {
      ask: async () => {
        asked++;
        await onAsked.call();
        return head;
      },
    },
    (_, { registry }) => (registry.startsWith("cache ") ? undefined : registry),
  );
  const writes: { readonly path: string; readonly body: unknown }[] = [];
  /** The same with those that are refused. */
  const sent: typeof writes = [];
  const client = {
    now: () => now,
    request: ({ path, body }: { path: string; body?: unknown }) => {
      if (path === `/apis/${names.kueueGroup}`)
        return servesKueue ? Promise.resolve({}) : Promise.reject(new KubeError(`GET ${path}`, 404, {}));
      sent.push({ path, body });
      const refusal = refuse(path, body);
      if (refusal) return Promise.reject(refusal);
      writes.push({ path, body });
      if (body !== undefined && refuses(body as Body))
        return Promise.reject(new KubeError(`PATCH ${path}`, 422, {}));
      return Promise.resolve({});
    },
  } as unknown as KubeClient;
  const waiters = createWaiters({ jobs, pods, steps, heads, client });
  const events: string[] = [];
  const foreseen: string[] = [];
  const controllers = gateControllers({
    ...{ client, jobs, pods, steps, heads, waiters },
    batches: createBatches({ jobs, pods, steps, client }),
    log: pino({ enabled: false }),
    publish: ({ metadata }, { reason, note }) => void events.push(`${metadata?.name} ${reason} ${note}`),
    follow: () => {},
    observeWait: () => {},
    memo: {
      look: () => Promise.resolve({ kind: "open" }),
      modeOf: () => "off",
      finish: () => Promise.resolve(false),
      foresee: ({ name }) => {
        foreseen.push(name);
        return Promise.resolve();
      },
      release: () => {},
      onWake: () => {},
    },
  });
  const told = (reason: string) => events.filter((event) => event.split(" ")[1] === reason);
  const setClock = (afterMs: number) => {
    now = start + afterMs;
  };
  return { jobs, foreseen, writes, sent, told, controllers, setClock, heads: () => asked, onAsked };
}

describe("a step that goes while its registry is asked", () => {
  it("is not counted among those that ask again: others would ask the later, for ever", async () => {
    const there = Array.from({ length: 40 }, (_, i) =>
      job(`gone-${i}`, { ...wait, "input-uri": `gone/${i}:1` }, { labels: held }),
    );
    const stays = job("stays", { ...wait, "input-uri": "a/b:1" }, { labels: held });
    const { jobs, controllers, onAsked } = world([stays, ...there]);
    for (const { metadata } of there) {
      const key = `ns/${metadata?.name}`;
      onAsked.call = () => jobs.store.remove(key);
      await controllers[0]?.reconcile(key);
    }
    onAsked.call = () => undefined;
    expect(await controllers[0]?.reconcile("ns/stays")).toBeLessThanOrEqual(1_000);
  });
});

describe("a Job for a queue of Kueue", () => {
  const map: StepAnnotations = { ...wait, "input-uri": `a/b@sha256:${"a".repeat(64)}` };
  const queued = (suspendedBy: string, gates: string = names.inputsGate) => {
    const made = job("one", map, { labels: held });
    const { metadata } = made;
    const labels = { ...metadata?.labels, [names.kueueQueueLabel]: "team" };
    const annotations = {
      ...metadata?.annotations,
      [names.gateAnnotation]: suspendedBy,
      [names.kueueGatesAnnotation]: gates,
    };
    return { ...made, metadata: { ...metadata, labels, annotations } } as StepJob;
  };
  const head = { digest: `sha256:${"a".repeat(64)}` };
  const opened = async (one: StepJob, isServed: boolean) => {
    const { controllers, writes } = world([one], [], head, undefined, undefined, isServed);
    await controllers[0]?.reconcile("ns/one");
    return writes.find(({ path }) => path.endsWith("/jobs/one"))?.body as {
      metadata: { annotations: object };
      spec: object;
    };
  };

  it.each([
    ["Kueue", "suspend", true, false],
    ["Kueue, where its author suspended it", "author", true, false],
    ["the operator, where Kueue is not installed", "suspend", false, true],
    ["its author, where Kueue is not installed", "author", false, false],
  ])("is resumed by %s", async (_, by, isServed, resumes) => {
    const { spec, metadata } = await opened(queued(by), isServed);
    expect("suspend" in spec).toBe(resumes);
    expect(metadata.annotations).toMatchObject({ [names.kueueGatesAnnotation]: null });
  });

  it("waits on for others", async () => {
    const { metadata } = await opened(queued("suspend", `x.io/a, ${names.inputsGate}`), true);
    expect(metadata.annotations).toMatchObject({ [names.kueueGatesAnnotation]: "x.io/a" });
  });
});

describe("a Job that has started once, and waits again", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const map: StepAnnotations = { ...wait, "input-uri": `a/b@${digest}` };

  it.each([
    ["is resumed without pins where its template cannot be changed", { startTime: new Date(start) }, true],
    ["is not where it has never started", {}, false],
  ])("%s", async (_, status, isOpened) => {
    const made = job("one", map, { status });
    const annotations = { ...made.metadata?.annotations, [names.gateAnnotation]: "suspend" };
    const one = { ...made, metadata: { ...made.metadata, annotations } } as StepJob;
    const { controllers, sent } = world([one], [], { digest }, (path, body) =>
      (body as Body | undefined)?.spec?.template === undefined
        ? undefined
        : new KubeError(`PATCH ${path}`, 422, {}),
    );
    const look = Promise.resolve(controllers[0]?.reconcile("ns/one"));
    if (isOpened) await look;
    else await expect(look).rejects.toThrow("422");
    const specs = sent
      .filter(({ path }) => path.endsWith("/jobs/one"))
      .map(({ body }) => (body as Body).spec);
    const pins = { metadata: { annotations: { [names.inputDigestsAnnotation]: digest } } };
    const first = { suspend: false, template: pins };
    expect(specs).toEqual(isOpened ? [first, { suspend: false }] : [first]);
  });
});

describe("a Job whose status somebody else writes", () => {
  const multikueue = "kueue.x-k8s.io/multikueue";
  const late: StepAnnotations = { ...wait, "input-uri": "a/b:1", "wait-timeout": "60s" };
  const of = (map: StepAnnotations, managedBy = multikueue) => job("one", map, { spec: { managedBy } });
  const statuses = (writes: readonly { path: string }[]) =>
    writes.filter(({ path }) => path.endsWith("/status"));
  const failed = { conditions: [{ type: "Failed", status: "True" }] };
  const makes = job("makes", { "output-uri": "a/b:1" }, { labels: injected, status: failed });

  it("is told once an hour that it waits in vain, and not ended", async () => {
    const { controllers, told, setClock, writes } = world([of(late)]);
    const counts: number[] = [];
    const hour = 3_600_000;
    for (const at of [59_000, 60_000, 61_000, hour, hour + 59_999, hour + 60_000, hour * 2, hour * 3]) {
      setClock(at);
      // It may come all the same: its registry is asked as before.
      expect(await controllers[0]?.reconcile("ns/one")).toBeLessThanOrEqual(30_000);
      counts.push(told("InputNeverCame").length);
    }
    expect(counts).toEqual([0, 1, 1, 1, 1, 2, 2, 3]);
    expect(told("InputNeverCame")[0]).toMatch(
      /^one InputNeverCame Job one did not start within 60 s.* written by kueue.x-k8s.io\/multikueue, as managedBy says\. Delete it, or set wait-for-inputs to "false".* a\/b:1/,
    );
    expect(statuses(writes)).toEqual([]);
  });

  it("is told so, too, when what makes its input has failed", async () => {
    const { controllers, told, writes } = world([of({ ...late, "on-producer-failure": "fail" }), makes]);
    await controllers[0]?.reconcile("ns/one");
    expect(told("InputProducerFailed").join()).toMatch(/as on-producer-failure says\. .*multikueue/);
    expect(statuses(writes)).toEqual([]);
  });

  it.each<[string, StepAnnotations, number, Head]>([
    ["waits", { "input-uri": "a/b:1" }, 0, { missing: true }],
    ["cannot be read", { "input-uri": "a/b:1", "wait-timeout": "soon" }, 0, { missing: true }],
    [
      "starts after all",
      { "input-uri": `a/b@sha256:${"a".repeat(64)}`, "wait-timeout": "1s" },
      9_000,
      { digest: `sha256:${"a".repeat(64)}` },
    ],
    ["is started by hand", { "wait-for-inputs": "false", "input-uri": "a/b:1" }, 9_000, { missing: true }],
  ])("has nothing in it when it %s", async (what, map, at, head) => {
    const { controllers, setClock, writes } = world([of({ ...wait, ...map })], [], head);
    setClock(at);
    await controllers[0]?.reconcile("ns/one");
    expect(JSON.stringify(writes).includes(`"${names.waitingLabel}":"false"`)).toBe(what.includes("start"));
    expect(statuses(writes)).toEqual([]);
  });

  it("has nothing in it when it has started, or is refused to", async () => {
    const started = job("one", late, { labels: injected, spec: { managedBy: multikueue } });
    const first = world([started]);
    await first.controllers[0]?.reconcile("ns/one");
    const refusal = new KubeError("PATCH x", 403, { message: "no Jobs at night" });
    const second = world([of(late)], [], { missing: true }, () => refusal);
    await expect(second.controllers[0]?.reconcile("ns/one")).rejects.toThrow(refusal);
    expect(second.told("StartRefused")).toHaveLength(1);
    expect(statuses([...first.sent, ...second.sent])).toEqual([]);
  });

  it("is one of another controller than that of Kubernetes", async () => {
    const { controllers, setClock, writes } = world([of(late, names.jobController)]);
    setClock(60_000);
    await controllers[0]?.reconcile("ns/one");
    expect(JSON.stringify(statuses(writes))).toContain("FailureTarget");
  });
});

describe("a step that waits", () => {
  it("has its condition written once, also by the next leader", async () => {
    const map: StepAnnotations = { ...wait, "input-uri": "a/b:1" };
    const first = world([job("one", map)]);
    await first.controllers[0]?.reconcile("ns/one");
    const status = first.writes.find(({ path }) => path.endsWith("/status"))?.body as { status: object };
    const next = world([job("one", map, { status: status.status })]);
    await next.controllers[0]?.reconcile("ns/one");
    expect(next.writes.filter(({ path }) => path.endsWith("/status"))).toEqual([]);
    expect(next.told("WaitingForInputs")).toHaveLength(1);
  });

  it("is told again what it waits for when an hour has passed, and not before", async () => {
    const one = job("one", { ...wait, "input-uri": "a/b:1" });
    const { controllers, told, setClock, writes } = world([one]);
    const remembered = () =>
      writes.map(({ body }) => (body as KubeObject | undefined)?.metadata?.annotations).findLast(Boolean);
    const hour = 3_600_000;
    const counts: number[] = [];
    for (const at of [0, hour / 2, hour - 1, hour, 2 * hour - 1, 2 * hour, 5 * hour]) {
      setClock(at);
      const againInMs = await controllers[0]?.reconcile("ns/one");
      // It is looked at again by then.
      expect(againInMs).toBeLessThanOrEqual(hour);
      counts.push(told("WaitingForInputs").length);
      one.metadata = {
        ...one.metadata,
        annotations: { ...one.metadata?.annotations, ...remembered() },
      } as NonNullable<StepJob["metadata"]>;
    }
    expect(counts).toEqual([1, 1, 1, 2, 2, 3, 4]);
    expect(new Set(told("WaitingForInputs")).size).toBe(1);
  });

  it.each<[string, StepAnnotations, number, boolean]>([
    ["of a run whose name may have been used before", { "input-uri": "a/b:$(RUN)", run: "x" }, 2_999, false],
    ["of such a run, once no step came for a while", { "input-uri": "a/b:$(RUN)", run: "x" }, 3_000, true],
    ["named by its digest", { "input-uri": `a/b@sha256:${"a".repeat(64)}` }, 0, true],
  ])("with an input that is there, %s", async (_, map, at, opens) => {
    const { controllers, writes, setClock } = world([job("one", { ...wait, ...map })], [], {
      digest: `sha256:${"a".repeat(64)}`,
    });
    setClock(at);
    await controllers[0]?.reconcile("ns/one");
    expect(JSON.stringify(writes).includes('"suspend":false')).toBe(opens);
  });

  it("goes on when a step that made an input is gone before that it ended was written", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const inputs = { "input-uri_1": "a/b:1", "input-uri_2": "c/d:1" } as const;
    const one = job("one", { ...wait, "on-producer-failure": "fail", ...inputs });
    const quick = (status = {}) => job("quick", { "output-uri": "a/b:1" }, { labels: injected, status });
    const slow = job("slow", { "output-uri": "c/d:1" }, { labels: injected });
    const { controllers, jobs, setClock, writes, told } = world([one, quick(), slow], [], { digest });
    const remembered = () => writes.filter(({ path }) => path.endsWith("/jobs/one"));
    const annotations = () => (remembered().at(-1)?.body as KubeObject | undefined)?.metadata?.annotations;
    for (const [at, others] of [
      [0, [quick(), slow]],
      [5_000, [quick(complete), slow]],
      [5_100, [slow]],
    ] as const) {
      setClock(at);
      const metadata = { ...one.metadata, annotations: { ...one.metadata?.annotations, ...annotations() } };
      const there = [{ ...one, metadata } as StepJob, ...others];
      jobs.store.replaceAll(
        there.map((each) => ({
          ...each,
          metadata: { ...each.metadata, resourceVersion: `${at}` },
        })) as StepJob[],
      );
      await controllers[0]?.reconcile("ns/one");
    }
    expect(remembered()).toHaveLength(1);
    expect(told("InputProducerFailed")).toEqual([]);
    expect(JSON.stringify(writes)).not.toContain("FailureTarget");
  });

  it("asks what its tag was before it was made until a registry says so", async () => {
    const map: StepAnnotations = { ...wait, "input-uri": "a/b:1" };
    const one = job("one", map);
    const record = [{ input: "a/b:1", producers: { "uid-makes": "live" } }];
    const annotations = {
      ...one.metadata?.annotations,
      [names.waitingForAnnotation]: JSON.stringify(record),
    };
    const makes = job("makes", { "output-uri": "a/b:1" }, { labels: injected });
    const { controllers, writes } = world(
      [{ ...one, metadata: { ...one.metadata, annotations } } as StepJob, makes],
      [],
      { digest: `sha256:${"a".repeat(64)}` },
    );
    await controllers[0]?.reconcile("ns/one");
    expect(JSON.stringify(writes)).toContain(`\\"found\\":\\"sha256:${"a".repeat(64)}`);
  });

  it("does not take the push of an earlier life of its producer for that of this one", async () => {
    const digest = `sha256:${"a".repeat(64)}`;
    const artifact = "cache oras a/b:1";
    // A Job that was exported and created again has the id of the first one.
    const request = "11111111-2222-3333-4444-555555555555";
    const made = job("makes", { "output-uri": "a/b:1" }, { labels: injected });
    const annotations = { ...made.metadata?.annotations, [names.requestAnnotation]: request };
    const makes = { ...made, metadata: { ...made.metadata, annotations } } as StepJob;
    const opens = async (at: number) => {
      const pushes = createPushes();
      pushes.note({ request, artifact, digest, isWritten: true, at });
      const waits = job("one", { ...wait, "input-uri": "a/b:1" });
      const { controllers, writes } = world([waits, makes], [], { digest }, undefined, pushes);
      await controllers[0]?.reconcile("ns/one");
      return JSON.stringify(writes).includes('"suspend":false');
    };
    expect([await opens(start - 1), await opens(start + 999), await opens(start + 1_000)]).toEqual([
      ...[false, false, true],
    ]);
  });

  it("tells all of a circle in the same words, whoever closes it", async () => {
    const circle = ["a", "b", "c"].map((name, i) =>
      job(name, { ...wait, "input-uri": `x/${(i + 1) % 3}:1`, "output-uri": `x/${i}:1` }),
    );
    for (const name of ["a", "b", "c"]) {
      const { controllers, told } = world(circle);
      await controllers[0]?.reconcile(`ns/${name}`);
      const words = "Steps wait for each other: Job a waits for Job b waits for Job c waits for Job a.";
      expect(told("InputCycle").map((event) => event.slice(0, event.indexOf(". ") + 1))).toEqual(
        ["a", "b", "c"].map((member) => `${member} InputCycle ${words}`),
      );
    }
  });

  it.each<[string, StepAnnotations, string]>([
    ["wait-timeout", { "wait-timeout": "soon" }, "wait-timeout"],
    ["an input", { "input-uri": "NOT ONE" }, "input-uri"],
    ["nothing that there is", { nonsense: "x" } as object, "nonsense"],
  ])("says so where its annotations cannot be read, as of %s, and does not start", async (_, map, name) => {
    const bad = job("one", { ...wait, "input-uri": "a/b:1", ...map });
    const { controllers, told, writes } = world([bad], [], { digest: `sha256:${"a".repeat(64)}` });
    await controllers[0]?.reconcile("ns/one");
    await controllers[0]?.reconcile("ns/one");
    expect(told("AnnotationsRefused")).toEqual([expect.stringContaining(`${names.prefix}${name}: `)]);
    expect(writes.map(({ path }) => path)).toEqual([expect.stringMatching(/jobs\/one\/status$/)]);
    expect(JSON.stringify(writes)).toContain(`"reason":"AnnotationsRefused"`);
  });

  it.each<[string, StepAnnotations, Head, string | undefined]>([
    ["shows it to anybody", {}, { digest: `sha256:${"a".repeat(64)}` }, `sha256:${"a".repeat(64)}`],
    ["has it not", {}, { missing: true }, undefined],
    ["cannot be asked", {}, { refused: "x" }, "wait"],
    [
      "shows it to the step's login",
      { "oras-env": "login" },
      { digest: `sha256:${"a".repeat(64)}` },
      `sha256:${"a".repeat(64)}`,
    ],
    ["refuses the step's login", { "oras-env": "login" }, { unknown: "x" }, undefined],
  ])("starts with what a remote registry says that %s", async (_, map, head, pin) => {
    const step = job("one", { ...wait, "input-uri": "a/b:1", registry: "ghcr.io", run: "x", ...map });
    const { controllers, writes, heads } = world(
      [
        step,
        job(
          "makes",
          { ...map, registry: "ghcr.io", "output-uri": "a/b:1" },
          { labels: injected, status: complete },
        ),
      ],
      [],
      head,
    );
    const record = [{ input: "ghcr.io/a/b:1", found: "none", producers: { "uid-makes": "live" } }];
    step.metadata = {
      ...step.metadata,
      annotations: { ...step.metadata?.annotations, [names.waitingForAnnotation]: JSON.stringify(record) },
    } as NonNullable<StepJob["metadata"]>;
    await controllers[0]?.reconcile("ns/one");
    const opened = JSON.stringify(writes).includes('"suspend":false');
    expect(opened).toBe(pin !== undefined);
    if (pin) expect(JSON.stringify(writes)).toContain(`"${names.inputDigestsAnnotation}":"${pin}"`);
    expect(heads()).toBe(1);
  });

  it("says who may let the operator ask where a step waits in its Pod for want of that", async () => {
    const map = { ...wait, "input-uri": "a/b:1", registry: "ghcr.io", "oras-env": "login" } as const;
    const because = 'secrets "login" is forbidden: User "system:serviceaccount:there:it" cannot get resource';
    const { controllers, told, writes } = world([job("one", map)], [], {
      refused: "x",
      unread: { namespace: "ns", name: "login", because },
    });
    await controllers[0]?.reconcile("ns/one");
    expect(JSON.stringify(writes)).toContain(`"${names.inputDigestsAnnotation}":"wait"`);
    const [note = ""] = told("LoginNotReadable");
    expect(note).toContain(
      "kubectl create role read-login -n ns --verb=get --resource=secrets --resource-name=login",
    );
    expect(note).toContain("--role=read-login --serviceaccount=there:it");
  });

  it.each([403, 422])("says so where the API server answers what starts it with %i", async (status) => {
    const message = 'ValidatingAdmissionPolicy "theirs" denied the request: no Jobs at night';
    const refusal = new KubeError("PATCH x", status, { message });
    const made = job("makes", { "output-uri": "a/b:1" }, { labels: injected, status: complete });
    const { controllers, told, writes } = world(
      [job("one", { ...wait, "input-uri": "a/b:1" }), made],
      [],
      { digest: `sha256:${"a".repeat(64)}` },
      (path) => (path.endsWith("/status") ? undefined : refusal),
    );
    await expect(controllers[0]?.reconcile("ns/one")).rejects.toThrow(refusal);
    await expect(controllers[0]?.reconcile("ns/one")).rejects.toThrow(refusal);
    expect(told("StartRefused")).toEqual([expect.stringContaining(message)]);
    expect(writes).toHaveLength(1);
    expect(JSON.stringify(writes)).toContain(`"reason":"StartRefused"`);
  });

  it.each<[string, object, string]>([
    ["runs", {}, "made by Job flaky if that fails"],
    ["has succeeded", complete, "has succeeded: it does not come"],
  ])("for what another one leaves if it fails is told so while that %s", async (_, status, says) => {
    const flaky = job(
      "flaky",
      { "output-uri": "a/b:1", "failure-uri": "a/b:failed" },
      { labels: injected, status },
    );
    const { controllers, told } = world([flaky, job("one", { ...wait, "input-uri": "a/b:failed" })]);
    await controllers[0]?.reconcile("ns/one");
    expect(told("WaitingForInputs")).toEqual([expect.stringContaining(says)]);
  });

  it("is looked at for memoization once, when it is seen first", async () => {
    const { controllers, foreseen } = world([job("one", { ...wait, "input-uri": "a/b:1" })]);
    for (const _ of [1, 2]) await controllers[0]?.reconcile("ns/one");
    expect(foreseen).toEqual(["Job one"]);
  });

  it("is told which artifact of its namespace it may have meant", async () => {
    const outputs = { north: "climate/north:1", south: "climate/south:1" };
    const makers = Object.entries(outputs).map(([name, output]) =>
      job(name, { "output-uri": output }, { labels: injected }),
    );
    const { controllers, told } = world([
      ...makers,
      job("one", { ...wait, "input-uri": "climate/noth:1", "output-uri": "climate/oth:1" }),
    ]);
    await controllers[0]?.reconcile("ns/one");
    expect(told("WaitingForInputs")).toEqual([
      expect.stringContaining("did you mean climate/north:1, which Job north makes?"),
    ]);
  });

  it("is told of its end once: a Job by its own controller", async () => {
    const { controllers, told, setClock, writes } = world([
      job("one", { ...wait, "input-uri": "a/b:1", "wait-timeout": "1s" }),
    ]);
    setClock(2_000);
    await controllers[0]?.reconcile("ns/one");
    expect(JSON.stringify(writes)).toContain("FailureTarget");
    expect(told("InputNeverCame")).toEqual([]);
  });

  it("is looked at when one has ended that would leave its input", () => {
    const map: StepAnnotations = { "output-uri": "a/b:1", "failure-uri": "a/b:failed" };
    const made = job("one", { ...wait, "input-uri": "a/b:failed" });
    const step = { ...made, metadata: { ...made.metadata, resourceVersion: "1" } } as StepJob;
    const flaky = job("flaky", map, { labels: injected });
    const { controllers, jobs } = world([flaky, step]);
    const woken: string[] = [];
    for (const watch of controllers[0]?.watches ?? []) watch.start((key) => void woken.push(key));
    woken.length = 0;
    const now = { ...job("flaky", map, { labels: injected, status: complete }) };
    const metadata = { ...now.metadata, resourceVersion: "2" } as NonNullable<StepJob["metadata"]>;
    jobs.store.replaceAll([{ ...now, metadata }, step]);
    expect(woken).toContain("ns/one");
  });

  const brokenFor = (reason: string) => ({ conditions: [{ type: "Failed", status: "True", reason }] });
  const broken = brokenFor("BackoffLimitExceeded");
  /** A Pod of the Job makes: its program fails, and the container that pushes says that it has not. */
  const triedWith = (phase: string) => {
    const terminated = { exitCode: 3, reason: "Error", finishedAt: new Date(start) };
    const message = "nothing pushed: the program ended with exit code 3";
    return keepStep({
      metadata: {
        ...{ name: "makes-x7k2p", namespace: "ns", uid: "uid-pod" },
        ownerReferences: [
          { apiVersion: "batch/v1", kind: "Job", name: "makes", uid: "uid-makes", controller: true },
        ],
      },
      status: {
        phase,
        containerStatuses: [
          { name: "main", state: { terminated } },
          { name: "oras", state: { terminated: { ...terminated, exitCode: 0, message } } },
        ],
      },
    } as StepPod);
  };

  it("says in which container and with which exit code what makes its input has failed", async () => {
    const makes = job("makes", { "output-uri": "a/b:1" }, { labels: injected, status: broken });
    const tried = triedWith("Failed");
    const step = job("step", { ...wait, "input-uri": "a/b:1" });
    const { controllers, told } = world([makes, step], [tried]);
    await controllers[0]?.reconcile("ns/step");
    expect(told("InputProducerFailed")).toEqual([
      expect.stringMatching(/ Job makes was to push a\/b:1 and failed \(container main, exit code 3\)\. /),
    ]);
  });

  it("does not fail before it is seen how what makes its input has failed", async () => {
    const makes = job("makes", { "output-uri": "a/b:1" }, { labels: injected, status: broken });
    const map: StepAnnotations = { ...wait, "input-uri": "a/b:1", "on-producer-failure": "fail" };
    const early = world([makes, job("step", map)], [triedWith("Running")]);
    await early.controllers[0]?.reconcile("ns/step");
    expect(early.told("WaitingForInputs").join()).toContain("made by Job makes");
    expect(early.told("InputProducerFailed")).toEqual([]);
  });

  it("names the first of those that failed one because of the other", async () => {
    const failed = { labels: injected, status: brokenFor("InputProducerFailed") };
    const chain = [
      job("makes", { "output-uri": "a/b:1" }, { labels: injected, status: broken }),
      job("second", { ...wait, "input-uri": "a/b:1", "output-uri": "a/b:2" }, failed),
      job("third", { ...wait, "input-uri": "a/b:2", "output-uri": "a/b:3" }, failed),
      job("step", { ...wait, "input-uri": "a/b:3" }),
    ];
    const { controllers, told } = world(chain, [triedWith("Failed")]);
    await controllers[0]?.reconcile("ns/step");
    expect(told("InputProducerFailed")).toEqual([
      expect.stringContaining(
        "Job third was to push a/b:3 and failed, as Job makes failed (container main, exit code 3). Create Job makes, then Job third again,",
      ),
    ]);
  });

  it("does not fail for its producer where another Pod would be made at once, for ever", async () => {
    const failed = { conditions: [{ type: "Failed", status: "True" }] };
    const makes = job("makes", { "output-uri": "a/b:1" }, { labels: injected, status: failed });
    const map: StepAnnotations = { ...wait, "input-uri": "a/b:1", "on-producer-failure": "fail" };
    const pod = (owners: object[]) =>
      keepStep({
        ...podOf("p", map),
        metadata: {
          ...{ name: "p", namespace: "ns", uid: "uid-p", labels: held, annotations: keyed(map) },
          creationTimestamp: new Date(start),
          ownerReferences: owners,
        },
      } as StepPod);
    const alone = world([makes], [pod([])]);
    await alone.controllers[1]?.reconcile("ns/p");
    expect(alone.told("InputProducerFailed").join()).toContain("does not start");
    const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "r", uid: "r", controller: true };
    const owned = world([makes], [pod([owner])]);
    await owned.controllers[1]?.reconcile("ns/p");
    expect(JSON.stringify(owned.writes)).not.toContain('"phase":"Failed"');
    expect(owned.told("WaitingForInputs")).toHaveLength(1);
  });
});

describe("a step that has ended while it waited", () => {
  const map: StepAnnotations = { ...wait, "input-uri": "a/b:1" };
  const ofType = (type: string, reason: string) => ({ conditions: [{ type, status: "True", reason }] });
  const pod = (status: object, more: object = {}) =>
    keepStep({
      ...podOf("p", map),
      metadata: {
        ...{ name: "p", namespace: "ns", uid: "uid-p", labels: held, annotations: keyed(map) },
        ...more,
      },
      status,
    } as StepPod);
  const remembered = (step: StepJob): StepJob =>
    ({
      ...step,
      metadata: {
        ...step.metadata,
        annotations: { ...step.metadata?.annotations, [names.waitingForAnnotation]: "[]" },
      },
    }) as StepJob;
  const ended = {
    labels: { [names.waitingLabel]: "false" },
    annotations: { [names.waitingForAnnotation]: null },
  };

  it.each([
    ["by the operator, for wait-timeout", ofType("Failed", "InputNeverCame")],
    ["by the operator, for what makes its input", ofType("Failed", "InputProducerFailed")],
    ["by another controller", ofType("Failed", "Evicted")],
    ["by its deadline", ofType("Failed", "DeadlineExceeded")],
    ["as complete, by somebody else", ofType("Complete", "CompletionsReached")],
  ])("is said to wait no more: a Job %s", async (_, status) => {
    const { controllers, writes } = world([remembered(job("one", map, { status }))]);
    await controllers[0]?.reconcile("ns/one");
    expect(writes).toMatchObject([
      { path: expect.stringMatching(/\/jobs\/one$/) as string, body: { metadata: ended } },
    ]);
  });

  it.each([
    { phase: "Failed", reason: "InputNeverCame" },
    { phase: "Failed", reason: "Evicted" },
    { phase: "Succeeded" },
  ])("is said to wait no more: a Pod, %j", async (status) => {
    const { controllers, writes } = world([], [pod(status)]);
    await controllers[1]?.reconcile("ns/p");
    expect(writes).toMatchObject([
      { path: expect.stringMatching(/\/pods\/p$/) as string, body: { metadata: ended } },
    ]);
  });

  it("is left alone while the controller of Jobs has still to end it, or while it is deleted", async () => {
    const { controllers, writes } = world(
      [job("one", map, { status: ofType("FailureTarget", "InputNeverCame") })],
      [pod({ phase: "Failed" }, { deletionTimestamp: new Date(start) })],
    );
    await controllers[0]?.reconcile("ns/one");
    await controllers[1]?.reconcile("ns/p");
    expect(writes).toEqual([]);
  });

  it.each([
    ["does not say afterwards that its inputs were there", undefined, 0],
    ["says so where it had been started", "sha256:a", 1],
  ])("%s", async (_, pins, times) => {
    const labels = { ...injected, [names.waitingLabel]: "false" };
    const one = job("one", map, { labels, status: ofType("Failed", "DeadlineExceeded") });
    const annotations = {
      ...one.metadata?.annotations,
      ...(pins && { [names.inputDigestsAnnotation]: pins }),
    };
    const { controllers, writes } = world([
      { ...one, metadata: { ...one.metadata, annotations } } as StepJob,
    ]);
    await controllers[0]?.reconcile("ns/one");
    expect(writes).toHaveLength(times);
  });
});
