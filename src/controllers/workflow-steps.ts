import { names } from "../../schema/names.ts";
import { indexBy } from "../kube/index-by.ts";
import { controllerOf, type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import type { Gate } from "../workflow/gate.ts";
import { isQueued } from "../workflow/kueue.ts";
import { type Failure, failureOfProducer, type Leaver, type Producer } from "../workflow/opening.ts";
import {
  type Artifact,
  idOf,
  isOpen,
  mayPush,
  planWith,
  type StepPlan,
  spokenArtifact,
} from "../workflow/step.ts";
import type { Held } from "./gate-writes.ts";
import { type ByArtifact, indexByArtifact } from "./index-by-artifact.ts";
import { pushedNothing, pushesOf } from "./outcomes.ts";
import type { OutputIndexes } from "./output-indexes.ts";
import type { Pushes, StepPush } from "./pushes.ts";
import { hasOnePod, hasRunJob, otherManagerOf, type StepJob, stateOfJob } from "./step-jobs.ts";
import { type InPlace, planInPlace } from "./step-places.ts";
import { hasEnded, type StepPod } from "./step-pods.ts";
import { whyFailed } from "./why-failed.ts";

/** A step of a namespace among others. */
export interface WorkflowStep extends Held {
  /** Of the object, in the stores of its kind. */
  readonly key: string;
  readonly uid: string;
  /** Such as `Job split`. */
  readonly name: string;
  readonly namespace: string;
  readonly createdAt: number;
  readonly plan: StepPlan;
  readonly state: Producer["state"];
}

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** The steps of all namespaces, and who makes what for whom. */
export interface WorkflowSteps {
  readonly job: (key: string) => WorkflowStep | undefined;
  readonly pod: (key: string) => WorkflowStep | undefined;
  /** The steps that may push an artifact. */
  readonly makersOf: (namespace: string, artifact: Artifact) => readonly WorkflowStep[];
  /** Those of them that name it without variables, as what they make or as their index: it is known that they push it. */
  readonly namersOf: (namespace: string, artifact: Artifact) => readonly WorkflowStep[];
  /** The same, and how far they are. */
  readonly producersOf: (
    namespace: string,
    artifact: Artifact,
  ) => readonly (Producer & { step: WorkflowStep })[];
  /** The steps that push an artifact if they fail, oldest first. */
  readonly leaversOf: (namespace: string, artifact: Artifact) => readonly Leaver[];
  /** All steps of a namespace that make something. */
  readonly makersIn: (namespace: string) => readonly WorkflowStep[];
  /** What an earlier Pod of the same Job was started with, of which a Pod is another try; undefined where it is the first. */
  readonly pinsOfEarlier: (step: WorkflowStep) => readonly string[] | undefined;
  /** The Pods of a Job, by its UID. */
  readonly podsOfJob: (uid: string) => readonly StepPod[];
  /** The steps of a batch that are there. */
  readonly membersOf: (namespace: string, batch: string) => readonly WorkflowStep[];
  readonly ofJob: (job: StepJob) => WorkflowStep | undefined;
  readonly ofPod: (pod: StepPod) => WorkflowStep | undefined;
}

/**
 * Views mirrored Jobs and Pods as steps.
 *
 * @param jobs - the injected Jobs
 * @param pods - the injected Pods
 * @param pushes - what registries say that steps have pushed
 * @param indexes - which indexes of outputs are written
 * @param inPlace - see there
 */
export function createWorkflowSteps(
  jobs: Mirror<StepJob>,
  pods: Mirror<StepPod>,
  pushes: Pushes,
  indexes: Pick<OutputIndexes, "of"> = { of: () => undefined },
  inPlace: InPlace = (_, artifact) => artifact,
): WorkflowSteps {
  const jobsMaking = indexByArtifact(jobs, ({ plan }) => plan?.output);
  const podsMaking = indexByArtifact(pods, ({ workflow }) => workflow?.plan?.output);
  const jobsListing = indexByArtifact(jobs, ({ plan }) => plan?.index);
  const jobsOfBatch = indexBy(jobs, ({ metadata, plan }) => batchOf(metadata?.namespace, plan));
  const podsOfBatch = indexBy(pods, ({ metadata, workflow }) => batchOf(metadata?.namespace, workflow?.plan));
  const jobsIn = indexBy(jobs, ({ metadata, plan }) => (plan?.output ? metadata?.namespace : undefined));
  const podsIn = indexBy(pods, ({ metadata, workflow }) =>
    workflow?.plan?.output ? metadata?.namespace : undefined,
  );
  const jobsLeaving = indexByArtifact(jobs, ({ plan }) => plan?.left);
  const podsLeaving = indexByArtifact(pods, ({ workflow }) => workflow?.plan?.left);
  const podsOf = indexBy(pods, (pod) => controllerOf(pod as KubeObject)?.uid);

  const placed = ({ metadata }: KubeObject, plan: StepPlan) =>
    planInPlace(plan, metadata?.namespace ?? "", inPlace);
  const ofJob = (job: StepJob): WorkflowStep | undefined =>
    job.plan && viewOf(job, placed(job, job.plan), false, stateOfJob(job), []);
  const ofPod = (pod: StepPod): WorkflowStep | undefined => {
    const plan = pod.workflow?.plan ?? planOfJob(jobs, pod);
    const gates = pod.workflow?.schedulingGates ?? [];
    return plan && viewOf(pod, placed(pod, plan), true, stateOfPod(pod), gates);
  };
  /** What its own Pod says was written when the registry answered; a registry says before. */
  const pushedBy = (
    step: WorkflowStep,
    tries: readonly StepPod[],
    artifact: Artifact,
  ): StepPush | undefined => {
    const told = tries.flatMap(pushesOf).at(-1)?.digest;
    if (told !== undefined) return { digest: told, isWritten: true };
    // Pods that are injected one by one have ids of their own.
    const requests = [step.object, ...tries].map(
      ({ metadata }) => metadata?.annotations?.[names.requestAnnotation],
    );
    const heard = requests.map((request) => pushes.of(request, idOf(artifact), step.createdAt));
    return heard.findLast((push) => push !== undefined);
  };
  /** Of the Pods of a step those that say whether it has pushed an artifact; undefined where one says nothing of the others. */
  const triesOf = (step: WorkflowStep, artifact: Artifact): readonly StepPod[] | undefined => {
    if (step.isPod) return [pods.store.get(step.key)].filter((pod) => pod !== undefined);
    const all = podsOf(step.uid);
    if (hasOnePod(step.object as StepJob)) return all;
    // Pods that are injected one by one have each its own name for it, such as by their index.
    const own = all.filter(
      ({ workflow }) =>
        workflow?.plan?.output && isEqual(inPlace(step.namespace, workflow.plan.output), artifact),
    );
    return step.plan.output && isOpen(step.plan.output) && own.length > 0 ? own : undefined;
  };
  const toldBy = (
    step: WorkflowStep,
    artifact: Artifact,
  ): Pick<Producer, "pushed" | "isWritten" | "pushedNothing"> => {
    const tries = triesOf(step, artifact);
    const pushed = tries && pushedBy(step, tries, artifact);
    if (pushed !== undefined) return { pushed: pushed.digest, isWritten: pushed.isWritten };
    return tries ? { pushedNothing: tries.some(pushedNothing) } : {};
  };

  /** Of a Job that has succeeded, its index comes a moment later; until then the tag may have that of an earlier one. */
  const listedBy = (step: WorkflowStep): Partial<Producer> => {
    const job = jobs.store.get(step.key);
    const index = step.isPod || job === undefined ? undefined : indexes.of(job);
    if (index === undefined) return {};
    if (index === "due") return { state: "live" };
    return index === "failed" ? { pushedNothing: true } : { pushed: index.digest, isWritten: true };
  };

  const ownPods = (step: WorkflowStep): readonly StepPod[] =>
    step.isPod ? [pods.store.get(step.key)].filter((pod) => pod !== undefined) : podsOf(step.uid);
  const failureOf = (step: WorkflowStep): string | undefined =>
    step.state === "failed" ? whyFailed({ object: step.object, pods: ownPods(step) }) : undefined;

  /** Jobs and Pods are told of by two watches: how a Job failed its Pods say, which end before. */
  const stateOf = (step: WorkflowStep): WorkflowStep["state"] => {
    const hasFailed = step.state === "failed" && !step.isPod && hasRunJob(step.object as StepJob);
    return hasFailed && podsOf(step.uid).some((pod) => !hasEnded(pod)) ? "live" : step.state;
  };

  /** A step of a namespace that has not made an artifact, and does not; the last, where there are several. */
  const failedMakerOf = (namespace: string, artifact: Artifact) =>
    makersOf(namespace, artifact)
      .filter((one) => !(one.isPod && controllerOf(one.object)?.kind === "Job"))
      .sort((a, b) => a.createdAt - b.createdAt)
      .map((one) => ({ one, told: toldBy(one, artifact) }))
      .filter(({ one, told }) => one.state === "failed" || (one.state === "succeeded" && told.pushedNothing))
      .at(-1)?.one;

  /** The first of the steps that failed one because of the other; each of them has waited for the one before. */
  const rootOf = (step: WorkflowStep): Failure | undefined => {
    const seen = new Set<string>();
    let failure: Failure | undefined;
    let at: WorkflowStep | undefined = step;
    while (at !== undefined && !seen.has(at.uid) && failureOf(at) === "InputProducerFailed") {
      seen.add(at.uid);
      const { namespace, plan }: WorkflowStep = at;
      const found = plan.inputs
        .map((input) => ({ input, maker: failedMakerOf(namespace, input) }))
        .find(({ maker }) => maker !== undefined);
      at = found?.maker;
      if (at && found)
        failure = failureOfProducer({ ...at, failure: failureOf(at) }, spokenArtifact(found.input));
    }
    return failure;
  };

  const madeBy = (
    namespace: string,
    wanted: Artifact,
    which: readonly (keyof ByArtifact<StepJob>)[],
  ): WorkflowStep[] => {
    const artifact = inPlace(namespace, wanted);
    // In another registry it is another one.
    const may = (output: Artifact | undefined) => output && mayPush(inPlace(namespace, output), artifact);
    const makingJobs = which.flatMap((how) => jobsMaking[how](namespace, artifact));
    const makingPods = which.flatMap((how) => podsMaking[how](namespace, artifact));
    const listing = jobsListing.named(namespace, artifact);
    return [
      ...makingJobs.filter(({ plan }) => may(plan?.output)).flatMap((job) => ofJob(job) ?? []),
      ...makingPods.filter(({ workflow }) => may(workflow?.plan?.output)).flatMap((pod) => ofPod(pod) ?? []),
      ...listing.filter(({ plan }) => may(plan?.index)).flatMap((job) => ofJob(job) ?? []),
    ];
  };
  const makersOf = (namespace: string, artifact: Artifact) => madeBy(namespace, artifact, ["named", "open"]);

  return {
    ofJob,
    ofPod,
    job: (key) => seen(jobs.store.get(key), ofJob),
    pod: (key) => seen(pods.store.get(key), ofPod),
    pinsOfEarlier: (step) => {
      const owner = step.isPod ? controllerOf(step.object) : undefined;
      const others = owner?.kind === "Job" ? podsOf(owner.uid) : [];
      const inputs = inputsOf(step);
      const same = others
        .filter(({ metadata }) => metadata?.annotations?.[names.inputDigestsAnnotation])
        .find((pod) => inputsOf(ofPod(pod)) === inputs);
      return same?.metadata?.annotations?.[names.inputDigestsAnnotation]?.split(",");
    },
    podsOfJob: podsOf,
    membersOf: (namespace, batch) => {
      const group = `${namespace} ${batch}`;
      const there = [...jobsOfBatch(group).map(ofJob), ...podsOfBatch(group).map(ofPod)];
      return there.flatMap((step) => (step && !step.object.metadata?.deletionTimestamp ? [step] : []));
    },
    makersOf,
    namersOf: (namespace, artifact) => madeBy(namespace, artifact, ["named"]),
    makersIn: (namespace) =>
      [...jobsIn(namespace).map(ofJob), ...podsIn(namespace).map(ofPod)].flatMap((step) => step ?? []),
    leaversOf: (namespace, wanted) => {
      const artifact = inPlace(namespace, wanted);
      const all = [
        ...[...jobsLeaving.named(namespace, artifact), ...jobsLeaving.open(namespace, artifact)].map(ofJob),
        ...[...podsLeaving.named(namespace, artifact), ...podsLeaving.open(namespace, artifact)].map(ofPod),
      ];
      return all
        .flatMap((step) => (step?.plan.left && mayPush(step.plan.left, artifact) ? [step] : []))
        .filter(({ isPod, object }) => !(isPod && controllerOf(object)?.kind === "Job"))
        .sort((a, b) => a.createdAt - b.createdAt)
        .map((step) => ({ uid: step.uid, name: step.name, state: stateOf(step) }));
    },
    producersOf: (namespace, wanted) => {
      const artifact = inPlace(namespace, wanted);
      const makers = makersOf(namespace, artifact);
      const uids = new Set(makers.map(({ uid }) => uid));
      // A Pod of a Job is one try of it: another may come.
      const isTry = ({ isPod, object }: WorkflowStep) => isPod && uids.has(controllerOf(object)?.uid ?? "");
      return makers
        .filter((step) => !isTry(step))
        .map((step) => {
          const isIndex = step.plan.index !== undefined && idOf(step.plan.index) === idOf(artifact);
          const state = stateOf(step);
          const why = state === "failed" && { failure: failureOf(step), root: rootOf(step) };
          return { ...step, state, step, ...why, ...(isIndex ? listedBy(step) : toldBy(step, artifact)) };
        });
    },
  };
}

function isEqual(one: Artifact, other: Artifact): boolean {
  return idOf(one) === idOf(other);
}

function seen<T>(object: T | undefined, view: (object: T) => WorkflowStep | undefined) {
  return object === undefined ? undefined : view(object);
}

function batchOf(namespace: string | undefined, plan: StepPlan | undefined): string | undefined {
  return plan?.batch && `${namespace} ${plan.batch.name}`;
}

/** A Pod of a Job has no annotations of its own; what it waits for is said on the Job. */
function planOfJob(jobs: Mirror<StepJob>, { metadata, workflow }: StepPod): StepPlan | undefined {
  const owner = controllerOf({ metadata } as KubeObject);
  if (owner?.kind !== "Job" || workflow === undefined) return undefined;
  const job = jobs.store.get(`${metadata?.namespace}/${owner.name}`);
  return job?.metadata?.uid === owner.uid && job.plan ? planWith(job.plan, workflow.known) : undefined;
}

function inputsOf(step: WorkflowStep | undefined): string | undefined {
  return step?.plan.inputs.map(idOf).join(" ");
}

function viewOf(
  object: StepJob | StepPod,
  plan: StepPlan,
  isPod: boolean,
  state: Producer["state"],
  schedulingGates: readonly string[],
): WorkflowStep {
  const { name, namespace = "", uid = "", creationTimestamp, annotations } = object.metadata ?? {};
  const { spec, status } = object as StepJob;
  return {
    ...{ object: object as KubeObject, isPod, plan, state, schedulingGates, uid, namespace },
    isSuspended: !isPod && spec?.suspend === true,
    isQueued: isQueued(object.metadata?.labels),
    otherManager: isPod ? undefined : otherManagerOf(object as StepJob),
    startedBefore: status?.startTime !== undefined,
    key: keyOf(object as KubeObject),
    name: `${isPod ? "Pod" : "Job"} ${name}`,
    gate: (annotations?.[names.gateAnnotation] ?? "pod") as Gate,
    createdAt: new Date((creationTimestamp as string | Date | undefined) ?? 0).getTime(),
  };
}

function stateOfPod({ metadata, status }: StepPod): Producer["state"] {
  if (status?.phase === "Succeeded") return "succeeded";
  return status?.phase === "Failed" || metadata?.deletionTimestamp ? "failed" : "live";
}
