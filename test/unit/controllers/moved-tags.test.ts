import { expect, it, onTestFinished, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import { createMovedTags } from "../../../src/controllers/moved-tags.ts";
import { createPushes } from "../../../src/controllers/pushes.ts";
import { keepJob, type StepJob } from "../../../src/controllers/step-jobs.ts";
import { keepStep, type StepPod } from "../../../src/controllers/step-pods.ts";
import { createWorkflowSteps } from "../../../src/controllers/workflow-steps.ts";
import type { EventNote } from "../../../src/kube/events.ts";
import { type KubeObject, keyOf } from "../../../src/kube/objects.ts";
import type { Head } from "../../../src/workflow/opening.ts";
import { type Artifact, idOf } from "../../../src/workflow/step.ts";
import { jobOf, keyed, type StepAnnotations } from "../../support/builders.ts";
import { digestOfLetter } from "../../support/ended-step.ts";
import { mirrorOf } from "../../support/mirrors.ts";

const [first, second, third] = ["a", "b", "c"].map(digestOfLetter) as [string, string, string];
const data: Artifact = { registry: "cache oras", repository: "a/b", version: ":1" };
const label = (waits: boolean) => ({ [names.injectedLabel]: "true", [names.waitingLabel]: `${waits}` });

/** A Job that was started with these digests. */
function started(
  name: string,
  map: StepAnnotations,
  pins: readonly string[],
  { namespace = "ns", waits = false, status = {} } = {},
): StepJob {
  const job = jobOf(name, map);
  const annotations = { [names.inputDigestsAnnotation]: pins.join(",") };
  return keepJob({
    ...job,
    metadata: { ...job.metadata, namespace, uid: `uid-${name}`, labels: label(waits) },
    spec: { ...job.spec, template: { ...job.spec?.template, metadata: { annotations } } },
    status,
  } as StepJob);
}

function podWithPin(name: string, pin: string): StepPod {
  const annotations = { ...keyed({ "input-uri": "a/b:1" }), [names.inputDigestsAnnotation]: pin };
  return keepStep({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "ns", uid: `uid-${name}`, annotations, labels: label(false) },
    spec: { containers: [] },
  } as StepPod);
}

/** A Pod that says that it has pushed. */
function pusher(path: string, namespace = "ns"): StepPod {
  const artifact = `oras-0.oras.${namespace}.svc.cluster.local:5000/${path}`;
  const message = JSON.stringify({ artifact, digest: second, bytes: 1, seconds: 1 });
  const state = { terminated: { exitCode: 0, finishedAt: new Date(0), message } };
  return {
    metadata: { name: "pusher", namespace, uid: "uid-pusher" },
    status: { containerStatuses: [{ name: names.pushContainer, state }] },
  } as never;
}

function world(existing: readonly StepJob[] = [], head: Head = { digest: second }) {
  const [jobs, pods] = [mirrorOf<StepJob>(existing), mirrorOf<StepPod>()];
  const steps = createWorkflowSteps(jobs as never, pods as never, createPushes());
  let room = Number.POSITIVE_INFINITY;
  const publish = vi.fn();
  const send = (object: KubeObject, note: EventNote) => {
    if (room-- <= 0) return Promise.resolve(false);
    publish(object, note);
    return Promise.resolve(true);
  };
  const ends = new AbortController();
  const answer = { head };
  const asked: string[] = [];
  const heads = {
    of: (_: string, artifact: Artifact) => {
      asked.push(idOf(artifact));
      return Promise.resolve(answer.head);
    },
    outdated: () => {},
  };
  const moved = createMovedTags({
    jobs: jobs as never,
    pods: pods as never,
    steps,
    heads,
    send,
    signal: ends.signal,
  });
  const told = () =>
    publish.mock.calls.map(([object, { reason, note }]) => [object.metadata.name, reason, note]);
  const roomFor = (events: number) => {
    room = events;
  };
  return { jobs, pods, moved, told, asked, answer, roomFor, end: () => ends.abort() };
}

const reads = { "input-uri": "a/b:1" };

it("a step that was started with another digest is told once", async () => {
  const { moved, told, pods, answer } = world([
    started("old", reads, [first]),
    started("second", { "input-uri": "a/x:1", "input-uri_1": "a/b:1" }, [first, first]),
    started("new", reads, [second]),
  ]);
  pods.store.put(podWithPin("bare", first));
  await moved.look("ns", data);
  answer.head = { digest: third };
  await moved.look("ns", data);
  expect(told().map(([name]) => name)).toEqual(["old", "second", "bare", "new"]);
  expect(told()[0]).toEqual([
    ...["old", "InputTagMoved"],
    expect.stringContaining(`The tag of a/b:1 has moved to ${second}. This step goes on with ${first}`),
  ]);
});

it("of many readers all are told, each once, as Events have room for them and for others", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const names = Array.from({ length: 300 }, (_, i) => `step-${i}`);
  const { moved, told, jobs, roomFor, answer, end } = world(
    names.map((name) => started(name, reads, [first])),
  );
  roomFor(70);
  await Promise.all([moved.look("ns", data), moved.look("ns", data)]);
  expect(new Set(told().map(([name]) => name)).size).toBe(70);
  // Who ends meanwhile need not know.
  jobs.store.put(
    started("step-299", reads, [first], { status: { conditions: [{ type: "Failed", status: "True" }] } }),
  );
  for (const left of [170, 270, 299]) {
    roomFor(300);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(told()).toHaveLength(left);
  }
  expect(new Set(told().map(([name]) => name))).toEqual(new Set(names.slice(0, -1)));
  await vi.advanceTimersByTimeAsync(600_000);
  expect(told()).toHaveLength(299);
  // No longer once another one leads.
  jobs.store.put(started("new", reads, [first]));
  answer.head = { digest: third };
  roomFor(0);
  await moved.look("ns", data);
  end();
  roomFor(9);
  await vi.advanceTimersByTimeAsync(600_000);
  expect(told()).toHaveLength(299);
});

it("of several tags that move at once a hundred readers a minute are told in a namespace, and those of each in turn", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  const tags = [":1", ":2", ":3"].map((version) => ({ ...data, version }));
  const readersOf = (namespace: string) =>
    tags.flatMap(({ version }) =>
      Array.from({ length: 120 }, (_, i) =>
        started(`${namespace}${version}-${i}`, { "input-uri": `a/b${version}` }, [first], { namespace }),
      ),
    );
  const { moved, told } = world([...readersOf("one"), ...readersOf("two")]);
  const push = (namespace: string) => Promise.all(tags.map((tag) => moved.look(namespace, tag)));
  const counts = (namespace: string) =>
    tags.map(({ version }) => told().filter(([name]) => name.startsWith(`${namespace}${version}-`)).length);
  await push("one");
  expect(counts("one")).toEqual([100, 0, 0]);
  // Another namespace has room of its own; another push makes none.
  await push("two");
  await push("one");
  expect([counts("one"), counts("two")]).toEqual([
    [100, 0, 0],
    [100, 0, 0],
  ]);
  for (const expected of [
    [100, 100, 0],
    [100, 100, 100],
    [120, 120, 120],
  ]) {
    await vi.advanceTimersByTimeAsync(60_000);
    expect([counts("one"), counts("two")]).toEqual([expected, expected]);
  }
  await vi.advanceTimersByTimeAsync(600_000);
  expect(told()).toHaveLength(720);
});

it.each<[string, StepJob]>([
  ["waits", started("step", reads, [first], { waits: true })],
  [
    "has ended",
    started("step", reads, [first], { status: { conditions: [{ type: "Complete", status: "True" }] } }),
  ],
  ["is in another namespace", started("step", reads, [first], { namespace: "other" })],
  ["was started by hand, as it is", started("step", reads, ["tag"])],
  ["waits in its Pod", started("step", reads, ["wait"])],
  ["has no pins", started("step", reads, [])],
  ["names a digest", started("step", { "input-uri": `a/b@${first}` }, [first])],
  ["reads another tag", started("step", { "input-uri": "a/b:2" }, [first])],
  ["reads from a remote registry", started("step", { "input-uri": "ghcr.io/a/b:1" }, [first])],
  ["makes it itself", started("step", { ...reads, "output-uri": "a/b:1", "output-path": "o" }, [first])],
])("one that %s is not", async (_, job) => {
  const { moved, told } = world([job]);
  expect(moved.anyOn("ns", data)).toBe(false);
  await moved.look("ns", data);
  expect(told()).toEqual([]);
});

it.each<[string, Head]>([
  ["does not have it", { missing: true } as never],
  ["does not answer", { unknown: "no answer" }],
])("nothing is told where the registry %s", async (_, head) => {
  const { moved, told } = world([started("old", reads, [first])], head);
  await moved.look("ns", data);
  expect(told()).toEqual([]);
});

it("a Pod that has pushed is how it is found out; for what nobody reads no registry is asked", async () => {
  const { pods, told, asked } = world([started("old", reads, [first])]);
  for (const pod of [pusher("a/c:1"), pusher("a/b:1", "other"), pusher(`a/b@${first}`)]) {
    pods.store.put(pod);
    pods.store.remove(keyOf(pod));
  }
  expect(asked).toEqual([]);
  pods.store.put(pusher("a/b:1"));
  pods.store.put(pusher("a/b:1"));
  await vi.waitFor(() => expect(told()).toHaveLength(1));
  expect(asked).toHaveLength(1);
});

it("what no step reads any more is forgotten", () => {
  const job = started("old", reads, [first]);
  const { jobs, moved } = world([job]);
  const caches: string[] = [];
  moved.onRead((cache) => caches.push(cache));
  expect(caches).toEqual(["ns/oras"]);
  expect(moved.anyFor("ns/oras")).toBe(true);
  jobs.store.put(
    started("old", reads, [first], { status: { conditions: [{ type: "Failed", status: "True" }] } }),
  );
  expect([moved.anyFor("ns/oras"), moved.anyOn("ns", data)]).toEqual([false, false]);
  jobs.store.put(job);
  expect(caches).toHaveLength(2);
  jobs.store.remove(keyOf(job));
  expect([moved.anyFor("ns/oras"), moved.anyOn("ns", data)]).toEqual([false, false]);
});
