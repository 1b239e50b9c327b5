import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { leftBehind, notPushed } from "../../schema/share.ts";
import type { Objects } from "../../src/cli/graph/steps.ts";
import { memoizedReason } from "../../src/controllers/step-jobs.ts";
import { jobOf, podOf, type StepAnnotations } from "./builders.ts";

/** How a step of these objects is. */
type State = "succeeded" | "notRun" | "failed" | "running" | "waiting";

const begun = Date.parse("2026-11-27T09:00:00Z");
const time = (seconds: number) => new Date(begun + seconds * 1000).toISOString();

/** Who made the result that a step has taken, as the operator writes it. */
export function takenFrom(name: string): string {
  return `Job/${name} Pod/${name}-p5n8r ${time(-93_600)}`;
}

/**
 * A Job as the API server would have it, and its Pod.
 *
 * @param name - of the Job
 * @param map - its annotations
 * @param state - how it is
 * @param waitsFor - the sentence of one that waits
 */
export function stepIn(
  name: string,
  map: StepAnnotations,
  state: State,
  waitsFor = "",
): { job: V1Job; pods: V1Pod[] } {
  const job = jobOf(name, map) as V1Job & { metadata: object };
  const uid = `uid-${name}`;
  const condition = (type: string, reason: string, message: string) => ({
    type,
    status: "True",
    reason,
    message,
    lastTransitionTime: time(300) as unknown as Date,
  });
  const status = {
    succeeded: {
      startTime: time(60),
      completionTime: time(192),
      succeeded: 1,
      conditions: [condition("Complete", "CompletionsReached", "")],
    },
    notRun: {
      completionTime: time(3),
      conditions: ["SuccessCriteriaMet", "Complete"].map((type) =>
        condition(type, memoizedReason, "Did not run: its result is there already (key 6c1f0a9b3d55)."),
      ),
    },
    failed: {
      startTime: time(60),
      failed: 1,
      conditions: [
        condition("Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"),
      ],
    },
    running: { startTime: time(240), active: 1 },
    waiting: {
      conditions: [
        { type: names.inputsAvailable, status: "False", reason: "WaitingForInputs", message: waitsFor },
      ],
    },
  }[state];
  const held = state === "waiting";
  const metadata = {
    ...job.metadata,
    uid,
    creationTimestamp: time(0),
    namespace: "runs",
    ...(held && { labels: { [names.waitingLabel]: "true" } }),
    ...(state === "notRun" && {
      labels: { [names.waitingLabel]: "false", [names.memoizedLabel]: "true" },
      annotations: { ...job.metadata?.annotations, [names.memoizedFromAnnotation]: takenFrom(name) },
    }),
  };
  const full = { ...job, metadata, spec: { ...job.spec, suspend: held }, status } as unknown as V1Job;
  return { job: full, pods: held || state === "notRun" ? [] : [podIn(name, uid, map, state)] };
}

function podIn(job: string, uid: string, map: StepAnnotations, state: State): V1Pod {
  const pod = podOf(`${job}-x7k2p`);
  const artifact = `oras-0.oras.runs.svc.cluster.local:${names.registryPort}/${map["output-uri"]}`;
  const digest = `sha256:${Buffer.from(job.padEnd(32, "0").slice(0, 32)).toString("hex")}`;
  const message = JSON.stringify({ artifact, digest, bytes: 73_400_320, seconds: 4.2 });
  const ended = (name: string, exitCode: number, more: object) => ({
    name,
    state: { terminated: { exitCode, finishedAt: time(190), containerID: "x", ...more } },
  });
  const statuses = {
    succeeded: [ended(names.pushContainer, 0, { message })],
    failed: [ended("main", 137, { reason: "OOMKilled" }), ...leftBy(map, digest)],
    running: [{ name: "main", state: { running: { startedAt: time(240) } } }],
    ...{ waiting: [], notRun: [] },
  }[state];
  const ownerReferences = [{ apiVersion: "batch/v1", kind: "Job", name: job, uid, controller: true }];
  const metadata = { ...pod.metadata, ownerReferences, creationTimestamp: time(60), namespace: "runs" };
  const phase = { succeeded: "Succeeded", failed: "Failed", running: "Running" }[state as string];
  return { ...pod, metadata, status: { phase, containerStatuses: statuses } } as unknown as V1Pod;
}

/** The container that has pushed to the failure-uri of a step, where it has one. */
function leftBy(map: StepAnnotations, digest: string): object[] {
  const uri = map["failure-uri"];
  if (uri === undefined) return [];
  const place = `oras-0.oras.runs.svc.cluster.local:${names.registryPort}/${uri}`;
  const message = `${notPushed}the program ended with exit code 137${leftBehind}${place} (${digest})`;
  const terminated = { exitCode: 0, finishedAt: time(192), containerID: "x", message };
  return [{ name: names.pushContainer, state: { terminated } }];
}

/**
 * A namespace of many steps: each but the first reads two artifacts of earlier ones, the same in every run; nothing of it folds.
 *
 * @param count - of the steps
 */
export function manySteps(count: number): Objects {
  const drawn = randomNumbers();
  const near = (at: number) => Math.max(0, at - 1 - Math.floor(drawn() * 300));
  const states: readonly State[] = ["succeeded", "succeeded", "succeeded", "running", "waiting", "waiting"];
  const steps = Array.from({ length: count }, (_, at) => {
    const inputs = at === 0 ? {} : { "input-uri": `work/x:${near(at)}`, "input-uri_1": `work/x:${near(at)}` };
    const state =
      at % 97 === 50
        ? "failed"
        : (states[Math.min(5, Math.floor((at / count) * 5 + drawn() * 1.4))] ?? "waiting");
    return stepIn(
      `step-${at}`,
      { ...inputs, "output-uri": `work/x:${at}` },
      state,
      "Waits for work/x:1 (made by Job step-1).",
    );
  });
  return objectsOf(steps);
}

/** The objects of some steps. */
export function objectsOf(
  steps: readonly { readonly job: V1Job; readonly pods: readonly V1Pod[] }[],
): Objects {
  return {
    namespace: "runs",
    jobs: steps.map(({ job }) => job),
    pods: steps.flatMap(({ pods }) => pods),
    caches: [],
  };
}

/** The same numbers in every run (Park and Miller's generator). */
export function randomNumbers(): () => number {
  let state = 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

/**
 * An Indexed Job that runs, of which some indexes took results that were there.
 *
 * @param name - of the Job
 * @param map - its annotations
 * @param indexes - how many there are and have succeeded, and which have not run
 */
export function indexedIn(
  name: string,
  map: StepAnnotations,
  {
    wanted,
    succeeded,
    taken,
  }: { readonly wanted: number; readonly succeeded: number; readonly taken: string },
): { job: V1Job; pods: V1Pod[] } {
  const { job, pods } = stepIn(name, map, "running");
  const { metadata, spec, status } = job;
  const from = { [names.memoizedFromAnnotation]: `${takenFrom(name)} indexes ${taken}` };
  const indexed = {
    ...job,
    metadata: { ...metadata, annotations: { ...metadata?.annotations, ...from } },
    spec: { ...spec, completions: wanted, completionMode: "Indexed" },
    status: { ...status, succeeded },
  };
  return { job: indexed as V1Job, pods };
}
