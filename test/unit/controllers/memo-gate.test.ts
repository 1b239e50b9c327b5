import type { V1Job } from "@kubernetes/client-node";
import { pino } from "pino";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { createMemoGate } from "../../../src/controllers/memo.ts";
import { keysOf } from "../../../src/controllers/memo-keys.ts";
import type { MemoSettings } from "../../../src/controllers/memo-settings.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import type { StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import { originalOf } from "../../../src/injection/original.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { sha256 } from "../../../src/lineage/canonical.ts";
import type { Memos } from "../../../src/memo/memos.ts";
import { jobOf } from "../../support/builders.ts";
import { digest } from "../../support/keys.ts";
import { mirrorOf } from "../../support/mirrors.ts";
import { created } from "../../support/patched.ts";

/** A step that is held, and what looks at it. */
function world(
  map: object,
  spec: object,
  more: Partial<MemoSettings>,
  change: (job: V1Job) => void = () => {},
) {
  const job = created(jobOf("step", { "output-uri": "a/b:c", memoize: "on", ...map }, "true", spec)) as V1Job;
  Object.assign(job.metadata ?? {}, { namespace: "work", uid: "j", resourceVersion: "1" });
  change(job);
  const clock = { now: 1_000 };
  const written: unknown[] = [];
  const request = ({ body }: { readonly body?: unknown }) => {
    if (body !== undefined) written.push(body);
    return Promise.resolve(job);
  };
  const client = { now: () => clock.now, request } as unknown as KubeClient;
  const [jobs, pods] = [
    mirrorOf<StepJob>([keepJob({ ...job, kind: "Job" } as StepJob)]),
    mirrorOf<StepPod>(),
  ];
  const steps = createWorkflowSteps(jobs, pods, createPushes());
  const settings = {
    ...{ client, jobs, pods, steps, originalOf, minor: 36, log: pino({ enabled: false }) },
    ...{ caches: { store: new Map() }, leftMs: () => 10_000 },
    filesOf: () => Promise.resolve([]),
    digestsOf: () => Promise.resolve([digest("b")]),
    ...more,
  } as MemoSettings;
  const step = steps.job("work/step");
  if (step === undefined) throw new Error("it is no step");
  return { clock, settings, step, written };
}

describe("a step whose result is there", () => {
  const entry = {
    ...{ key: "k", parts: "{}", at: "2026-01-01T00:00:00Z", by: { kind: "Job", name: "a", uid: "a" } },
    output: { repository: "x/y", digest: digest("d"), mediaType: "x", size: 1 },
  };
  const memos = {
    find: () => Promise.resolve({ kind: "hit", entry }),
    tagged: () => Promise.resolve({ missing: true }),
    retag: () => Promise.resolve({ kind: "unknown", because: "the registry answers with 507" }),
    latestOf: () => Promise.resolve(undefined),
  } as unknown as Memos;

  it("runs after a minute in which it cannot be taken, such as from a registry that is full", async () => {
    const { clock, settings, step } = world({}, {}, { memos });
    const gate = createMemoGate(settings);
    const told: string[] = [];
    const look = () => gate.look(step, [], ({ note }) => told.push(note));
    expect(await look()).toMatchObject({ kind: "held" });
    clock.now += 59_000;
    expect(await look()).toMatchObject({ kind: "held" });
    clock.now += 1_000;
    expect(await look()).toMatchObject({ kind: "open" });
    expect(told.join()).toContain("the registry answers with 507");
  });
});

it.each([
  ["kueue.x-k8s.io/multikueue", /NotMemoizable .*written by kueue.x-k8s.io\/multikueue/],
  ["kubernetes.io/job-controller", /^MemoMiss/],
])("a Job that is managed by %s", async (managedBy, says) => {
  const miss = { kind: "miss", because: "nothing is remembered of it" };
  const memos = { find: () => Promise.resolve(miss), latestOf: () => Promise.resolve(undefined) };
  const { settings, step } = world({}, { managedBy }, { memos: memos as unknown as Memos });
  const told: string[] = [];
  const outcome = await createMemoGate(settings).look(step, [], ({ reason, note }) =>
    told.push(`${reason} ${note}`),
  );
  expect(outcome.kind).toBe("open");
  expect(told.join()).toMatch(says);
});

it.each([
  ["refresh", /^Normal MemoMiss Runs, as memoize is refresh \(key [0-9a-f]{12}\)\. .*takes the place/],
  ["verify", /^Normal MemoMiss Runs, as memoize is verify \(key [0-9a-f]{12}\)\. .*is compared/],
])("a step with memoize: %s is told that it runs for that", async (memoize, says) => {
  const { settings, step } = world({ memoize } as never, {}, {});
  const told: string[] = [];
  await createMemoGate(settings).look(step, [], ({ type, reason, note }) =>
    told.push(`${type} ${reason} ${note}`),
  );
  expect(told).toEqual([expect.stringMatching(says)]);
});

describe("a step that waits", () => {
  const foreseen = async (map: object, more: Partial<MemoSettings>) => {
    const { settings, step } = world(map, {}, more);
    const told: string[] = [];
    await createMemoGate(settings).foresee(step, ({ type, reason, note }) =>
      told.push(`${type} ${reason} ${note}`),
    );
    return told;
  };
  const unresolved = { digestsOf: () => Promise.resolve(undefined) };

  it("is told that the tag of its image is not resolved", async () => {
    expect(await foreseen({}, unresolved)).toEqual([
      expect.stringMatching(/^Warning NotMemoizable Waits, .*add "tags" to memoize-assume.*TagNotResolved/),
    ]);
  });

  it.each<[string, object, Partial<MemoSettings>]>([
    ["its tag is resolved", {}, {}],
    ["its author takes tags for fixed", { "memoize-assume": "tags" }, unresolved],
    ["it is not to be memoized", { memoize: "off" }, unresolved],
    ["nobody can be asked now", {}, { digestsOf: () => Promise.reject(new Error("away")) }],
  ])("is told nothing where %s", async (_, map, more) => {
    expect(await foreseen(map, more)).toEqual([]);
  });
});

describe("a step with a thousand keys", () => {
  const indexed = { completionMode: "Indexed", completions: 1_000, parallelism: 10 };
  const map = { "output-uri": "a/b:$(JOB_COMPLETION_INDEX)", "input-uri": "i/n:1" };
  const inputOf = (count: number) => () =>
    Promise.resolve(Array.from({ length: count }, (_, at) => ({ title: `file-${at}`, digest: digest("a") })));

  it("does not keep what each is made from", async () => {
    const { settings, step } = world(map, indexed, { filesOf: inputOf(50) });
    const keys = await keysOf(settings, step, [digest("a")]);
    if (keys.kind !== "keyed") throw new Error(JSON.stringify(keys));
    expect(keys.keyed.units).toHaveLength(1_000);
    const { key } = keys.keyed.units[999] ?? {};
    expect(sha256(key?.text ?? "")).toBe(key?.key);
    const kept = Object.getOwnPropertyDescriptors(key ?? {}) as Record<string, PropertyDescriptor>;
    expect(Object.keys(kept).filter((name) => kept[name]?.value !== undefined)).toEqual(["key"]);
  });

  it("is refused where they are made from too much: it would stop all work of the operator", async () => {
    const { settings, step } = world(map, indexed, { filesOf: inputOf(5_000) });
    const keys = await keysOf(settings, step, [digest("a")]);
    expect(keys).toMatchObject({ kind: "refused", reasons: [expect.stringContaining("characters")] });
  });
});

describe("a Job of which some indexes have results", () => {
  const indexed = { completionMode: "Indexed", completions: 2 };
  const map = { "output-uri": "a/b:$(JOB_COMPLETION_INDEX)", "input-uri": "i/n:1" };
  const [before, since] = [digest("1"), digest("2")];
  /** What its input is counts, and nothing else of it. */
  const filesOf: MemoSettings["filesOf"] = (_, __, pin) => Promise.resolve([{ title: "file", digest: pin }]);
  const keysWith = async (pin: string) => {
    const { settings, step } = world(map, indexed, { filesOf });
    const keys = await keysOf(settings, step, [pin]);
    if (keys.kind !== "keyed") throw new Error(JSON.stringify(keys));
    return keys.keyed;
  };
  const entryOf = (key: string) => ({
    ...{ key, parts: "{}", at: "2026-01-01T00:00:00Z", by: { kind: "Job", name: "a", uid: "a" } },
    output: { repository: "a/b", digest: digest("d"), mediaType: "x", size: 1 },
  });
  const memosWith = (known: string | undefined) =>
    ({
      find: (_: string, key: string) =>
        Promise.resolve(
          key === known ? { kind: "hit", entry: entryOf(key) } : { kind: "miss", because: "it is new" },
        ),
      tagged: () => Promise.resolve({ missing: true }),
      retag: () => Promise.resolve({ kind: "done" }),
      latestOf: () => Promise.resolve(undefined),
    }) as unknown as Memos;
  const toldTo = () => {};

  it("says what its inputs are before these take them", async () => {
    const { units } = await keysWith(before);
    const memos = memosWith(units[0]?.key.key);
    const { settings, step, written } = world(map, indexed, { filesOf, memos });
    const outcome = await createMemoGate(settings).look(step, [before], toldTo);
    expect(outcome).toMatchObject({ kind: "open", from: expect.stringMatching(/ indexes 0$/) });
    const pins = { metadata: { annotations: { [names.inputDigestsAnnotation]: before } } };
    expect(written[0]).toMatchObject({
      metadata: { annotations: { [names.memoClaimAnnotation]: expect.any(String) } },
      spec: { template: pins },
    });
    expect(written[1]).toMatchObject({ status: { completedIndexes: "0" } });
  });

  it("is opened by the next leader with the inputs that these were made of, wherever the tag is by now", async () => {
    const { key } = await keysWith(before);
    const { settings, step } = world(map, indexed, { filesOf, memos: memosWith(undefined) }, (job) => {
      const claim = `${key} ${digest("d")} none Job/a ${"2026-01-01T00:00:00Z"}`;
      const { metadata, spec } = job;
      if (!metadata || !spec) throw new Error("it is no Job");
      metadata.annotations = { ...metadata.annotations, [names.memoClaimAnnotation]: claim };
      spec.template.metadata = {
        ...spec.template.metadata,
        annotations: { ...spec.template.metadata?.annotations, [names.inputDigestsAnnotation]: before },
      };
      job.status = { succeeded: 1, completedIndexes: "0" };
    });
    expect(await createMemoGate(settings).look(step, [since], toldTo)).toMatchObject({
      ...{ kind: "open", key, pins: [before] },
      from: expect.stringMatching(/ indexes 0$/),
    });
  });
});
