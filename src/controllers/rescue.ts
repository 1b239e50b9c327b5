import type { V1Container, V1ContainerStateTerminated, V1ContainerStatus } from "@kubernetes/client-node";
import { endsForGood } from "../../schema/exit-codes.ts";
import { afterEnd, canRestartAll, restartPolicyOf } from "../workload/restarts.ts";
import { hasEnded, type StepPod } from "./step-pods.ts";

/** Why a Pod cannot end by itself. */
export interface Loss {
  readonly reason: "ContainerLost" | "PusherLost";
  /** What was found, in sentences; what the kubelet says comes last. */
  readonly message: string;
  /** From when on it is certain. */
  readonly certainAt: Date;
}

/** A container of the Pod, with what the kubelet says of it. */
interface Seen {
  readonly container: V1Container;
  readonly status: V1ContainerStatus | undefined;
  readonly terminated: V1ContainerStateTerminated | undefined;
  /** It has ended, and nothing starts it again. */
  readonly isOver: boolean;
}

/**
 * Reasons by which runtimes say that they could not start a container: containerd and CRI-O the first, cri-dockerd the
 * second. The exit code is 128 then, sometimes 127, but programs end with these, too. Tried with containerd 2.4: a program
 * or agent that is not there, a working directory or mount that cannot be, a memory limit that is too small to begin.
 */
const neverStarted = ["StartError", "ContainerCannotRun"];
/** Exit codes of a container that a signal ended: the agent itself was killed, or its program. */
const killed = { least: 129, most: 159 };
/** The agent listens at once; times are in whole seconds. */
const shortestLifeMs = 1_000;
/** The container that pushes ends by itself, and at once, when it knows that there is nothing to push; others may, too. */
const patienceMs = 20_000;

/**
 * Finds out whether a step's Pod waits for something that cannot come. The container that pushes waits for every wrapped
 * container, without a limit, because Kubernetes may start one as late as its image or its Secret is there. So it would
 * wait for ever for one that ended without having told it, and one that starts later would have nobody to push.
 *
 * What Kubernetes may still start is not lost: a container that waits for an image, a Secret or its back-off, one whose
 * policy or rules restart it, any container of a Pod in which another one may restart all.
 *
 * @param pod - with what is known of its injection
 * @returns undefined where everything may still come, or nothing waits
 */
export function lossOf(pod: StepPod): Loss | undefined {
  const { wrapped = [], pusher: name } = pod.parts ?? {};
  if (name === undefined || hasEnded(pod) || restartsAll(pod)) return undefined;
  const pusher = look(pod, name);
  const launchers = wrapped.map((each) => look(pod, each)).filter((each) => each !== undefined);
  if (pusher === undefined || launchers.length < wrapped.length) return undefined;
  if (pusher.isOver)
    return (
      endedEarly(pusher, launchers, pod) ??
      withoutPusher(pusher, launchers, pod) ??
      keptByOthers(pusher, launchers, pod)
    );
  const lost = launchers.find((each) => neverRan(each) || endedBefore(each, pusher, pod));
  if (lost) return containerLost(lost, pod, new Date(0));
  return untold(pusher, launchers, pod);
}

/**
 * Rules of one container that restart all of them may fit as long as it has not ended for good. One that was restarted with
 * all others may be seen with the exit code 137 (RestartingAllContainers), and not with the one that began the round.
 */
function restartsAll({ spec, status }: StepPod): boolean {
  const all = [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])];
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  return all.filter(canRestartAll).some((container) => {
    const code = statuses.find(({ name }) => name === container.name)?.state?.terminated?.exitCode;
    return code === undefined || afterEnd(container, spec?.restartPolicy, code) !== "ends";
  });
}

function look({ spec, status }: StepPod, name: string): Seen | undefined {
  const container = spec?.containers.find((each) => each.name === name);
  if (container === undefined) return undefined;
  const found = status?.containerStatuses?.find((each) => each.name === name);
  const terminated = found?.state?.terminated;
  const isOver = terminated
    ? afterEnd(container, spec?.restartPolicy, terminated.exitCode) === "ends"
    : false;
  return { container, status: found, terminated, isOver };
}

/**
 * Whether a wrapped container has ended for good without ever having run the agent. The epoch, or an earlier time, is what
 * the kubelet writes where the runtime knows of no start, whatever its reason is called.
 */
function neverRan({ terminated, isOver }: Seen): boolean {
  if (!terminated || !isOver) return false;
  return neverStarted.includes(terminated.reason ?? "") || timeOf(terminated.startedAt) <= 0;
}

/**
 * Whether a wrapped container ended before the container that pushes ran for the first time: killed, for instance by the
 * kubelet because a hook of its author failed. The agent waits before it ends, whatever its program did, unless it
 * could not begin or was told to stop; what a script of the author's does is known only where a signal ended it.
 */
function endedBefore({ terminated, isOver }: Seen, pusher: Seen, pod: StepPod): boolean {
  const { status } = pusher;
  if (!terminated || terminated.exitCode === 0 || !isOver || hasRunBefore(status)) return false;
  if (!isAgent(pusher, pod) && !isKilled(terminated)) return false;
  const ended = timeOf(terminated.finishedAt);
  const { running, terminated: pushed } = status?.state ?? {};
  const begun = running ?? pushed;
  // Times are in whole seconds, and of the same second both orders are possible.
  return begun === undefined ? !Number.isNaN(ended) : ended < timeOf(begun.startedAt);
}

/**
 * Every wrapped container has ended for good, one of them in failure, and the container that pushes does not know: it
 * would have ended. Only where it pushes nothing after a failure, and is the agent: scripts of authors may do anything.
 */
function untold(pusher: Seen, launchers: readonly Seen[], pod: StepPod): Loss | undefined {
  const pushesSuccessOnly =
    isAgent(pusher, pod) && !pusher.container.args?.some((word) => word.startsWith("--push-on"));
  const failed = launchers.find(({ terminated }) => terminated !== undefined && terminated.exitCode !== 0);
  if (!pushesSuccessOnly || !failed || !launchers.every(({ isOver }) => isOver)) return undefined;
  const { running } = pusher.status?.state ?? {};
  // One that is not there yet is not late.
  const times = [running?.startedAt, ...launchers.map(({ terminated }) => terminated?.finishedAt)].map(
    timeOf,
  );
  const last = Math.max(...times);
  return Number.isNaN(last) ? undefined : containerLost(failed, pod, new Date(last + patienceMs));
}

/**
 * The container that pushes could not be started, or was killed before it could listen, and nothing starts it again. A
 * launcher, which cannot tell that from one that comes late, would wait for it for ever when its program has ended.
 */
function endedEarly(pusher: Seen, launchers: readonly Seen[], pod: StepPod): Loss | undefined {
  const { container, terminated } = pusher;
  if (terminated === undefined || launchers.every(({ isOver }) => isOver)) return undefined;
  // A round of all containers kills them as they start, and the one that began it may be seen with another code by then.
  if ([...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].some(canRestartAll))
    return undefined;
  const livedMs = timeOf(terminated.finishedAt) - timeOf(terminated.startedAt);
  const isEarly = isKilled(terminated) && !hasRunBefore(pusher.status) && livedMs <= shortestLifeMs;
  if (!neverRan(pusher) && !isEarly) return undefined;
  const { exitCode, reason = "", message } = terminated;
  const facts = [
    `The container ${container.name} ended with exit code ${exitCode} as it started, and ${policyOf(container, pod)} does not start it again: nobody would push the output.`,
    [reason, message].filter(Boolean).join(": "),
  ];
  return { reason: "PusherLost", message: facts.filter(Boolean).join(" "), certainAt: new Date(0) };
}

/**
 * The container that pushes has ended for good, and a wrapped container is still to be started, for the first time or again:
 * it would run for nothing. After a success, too: the kubelet starts a container again whatever it ended with when a
 * liveness probe has failed or its image was changed, and under OnFailure for ever, because the agent fails then. One that
 * runs is left alone: it learns of it. An attempt after a success may not, if that could not be written to the volume.
 */
function withoutPusher(pusher: Seen, launchers: readonly Seen[], pod: StepPod): Loss | undefined {
  const { container, terminated } = pusher;
  if (terminated === undefined) return undefined;
  const byAgent = isAgent(pusher, pod);
  // Success says that it has done its part: a script of the author's needs not wait for the end of the program.
  if (terminated.exitCode === 0 && !byAgent) return undefined;
  const late = launchers.find(({ status, isOver }) => {
    const { waiting, running, terminated: ended } = status?.state ?? {};
    if (!byAgent) return waiting !== undefined && !hasRunBefore(status);
    // Times are in whole seconds.
    const isBlind = terminated.exitCode === 0 && timeOf(running?.startedAt) > timeOf(terminated.finishedAt);
    return !isOver && (waiting !== undefined || ended !== undefined || isBlind);
  });
  if (late === undefined) return undefined;
  const { reason = "", message } = late.status?.state?.waiting ?? {};
  const ended = `The container ${container.name} ended with exit code ${terminated.exitCode}`;
  const forGood = `and ${policyOf(container, pod)} does not start it again`;
  const facts = [
    pod.parts?.serves || hasRunBefore(late.status)
      ? `${ended}, ${forGood}: the container ${late.container.name} could only be started in vain.`
      : `${ended} before the container ${late.container.name} had started, ${forGood}: nobody would push the output.`,
    // What was pushed has its own Event.
    terminated.exitCode !== 0 && terminated.message && `${container.name} says: ${terminated.message}`,
    reason && `${late.container.name} waits: ${[reason, message].filter(Boolean).join(": ")}`,
  ];
  return { reason: "PusherLost", message: facts.filter(Boolean).join(" "), certainAt: new Date(0) };
}

/**
 * The inputs failed, all of the step has ended, and a container that is not the step's keeps the Pod: a webhook has added it
 * since the injection, as a mesh does, and its program would have told it when to end. With an init container the Pod
 * would have failed.
 */
function keptByOthers(
  { container, terminated }: Seen,
  launchers: readonly Seen[],
  pod: StepPod,
): Loss | undefined {
  const failed = pod.parts?.serves && terminated !== undefined && endsForGood.includes(terminated.exitCode);
  if (!failed || !launchers.every(({ isOver }) => isOver)) return undefined;
  const own = new Set([container, ...launchers.map((each) => each.container)].map(({ name }) => name));
  const other = pod.status?.containerStatuses?.find(
    ({ name, state }) => !own.has(name) && !state?.terminated,
  );
  if (other === undefined) return undefined;
  const ends = [terminated, ...launchers.map((each) => each.terminated)].map((end) =>
    timeOf(end?.finishedAt),
  );
  const facts = [
    `The container ${container.name} ended with exit code ${terminated.exitCode}, no program can run, and the container ${other.name}, which is not the step's, keeps the Pod.`,
    terminated.message && `${container.name} says: ${terminated.message}`,
  ];
  const certainAt = new Date(Math.max(...ends) + patienceMs);
  return Number.isNaN(certainAt.getTime())
    ? undefined
    : { reason: "PusherLost", message: facts.filter(Boolean).join(" "), certainAt };
}

function containerLost({ container, terminated, ...seen }: Seen, pod: StepPod, certainAt: Date): Loss {
  const { exitCode, reason = "", message } = terminated ?? {};
  const how = neverRan({ container, terminated, ...seen })
    ? "could not be started"
    : `ended with exit code ${exitCode} and did not say so`;
  const text = `The container ${container.name} ${how}, and ${policyOf(container, pod)} does not start it again: the container ${pod.parts?.pusher} would wait for it for ever.`;
  const said = [reason, message].filter(Boolean).join(": ");
  return { reason: "ContainerLost", message: said ? `${text} ${said}` : text, certainAt };
}

function policyOf(container: V1Container, { spec }: StepPod): string {
  return `restartPolicy ${restartPolicyOf(container, spec?.restartPolicy)}`;
}

function hasRunBefore(status: V1ContainerStatus | undefined): boolean {
  return (status?.restartCount ?? 0) > 0 || status?.lastState?.terminated !== undefined;
}

/** Whether what pushes is the agent, by its options, and not a script of the author's. */
function isAgent({ container }: Seen, { parts }: StepPod): boolean {
  if (parts?.serves) return true;
  return container.args?.some((word) => word.startsWith("--policy")) ?? false;
}

function isKilled({ exitCode }: V1ContainerStateTerminated): boolean {
  return exitCode >= killed.least && exitCode <= killed.most;
}

/** The API server's JSON has times as text. */
function timeOf(time: unknown): number {
  return time === undefined || time === null ? Number.NaN : new Date(time as string).getTime();
}

/**
 * The activeDeadlineSeconds by which a Pod ends now: so long ago it started.
 *
 * @param pod - that runs
 * @param now - by the clock of this machine
 * @returns undefined where it has a deadline that is over, or was not taken by a kubelet
 */
export function deadlineNow({ spec, status }: StepPod, now: Date): number | undefined {
  const started = timeOf(status?.startTime);
  if (Number.isNaN(started)) return undefined;
  const seconds = Math.max(1, Math.floor((now.getTime() - started) / 1000));
  const { activeDeadlineSeconds: there } = spec ?? {};
  return there !== undefined && there <= seconds ? undefined : seconds;
}
