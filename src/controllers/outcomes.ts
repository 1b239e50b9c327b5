import type {
  V1Container,
  V1ContainerStateTerminated,
  V1ContainerStatus,
  V1Pod,
} from "@kubernetes/client-node";
import { endsForGood, exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { type EventReason, reasonOfExitCode } from "../../schema/reasons.ts";
import { leftBehind, notPushed } from "../../schema/share.ts";
import { maybeCaches } from "../cache/cache-at.ts";
import type { Transfer } from "../common/transfer.ts";
import { type EventNote, printable } from "../kube/events.ts";

/** How one container of a step ended, as its termination message says. */
export interface Outcome {
  readonly note: EventNote;
  readonly finishedAt: Date;
  /** Of an artifact that was pushed. */
  readonly pushed?: Transfer;
}

const reasons = new Map<number, EventReason>(
  (Object.keys(exitCodes) as (keyof typeof exitCodes)[]).map((name) => [
    exitCodes[name].code,
    reasonOfExitCode(name),
  ]),
);

const architecturePattern = /^[a-z0-9]{1,20}$/;
const digestPattern = /^sha256:[a-f0-9]{64}$/;
/** See pusher.report of the agent. */
const leftPattern = /^(\S+) \((\S+)\)(?: \(exit code [0-9]+\))?$/;
const artifactPattern = /^[\x21-\x7e]{1,600}$/;
/** No artifact is larger, no push longer: beyond, a message is not one of the operator's. */
const mostBytes = 2 ** 60;
const mostSeconds = 10 * 365 * 24 * 3600;

/**
 * Whether a container belongs to the injection: it pulls, pushes or is wrapped. All of these mount the share. Whoever
 * may make Pods can write such a container too, and then has Events about that Pod, as with annotations.
 *
 * @param container - of a Pod's spec
 */
export function isInjected(container: V1Container): boolean {
  return container.volumeMounts?.some((mount) => mount.name === names.shareVolume) ?? false;
}

/**
 * What is reported of a step's Pod: what was pushed, or why pulling or pushing failed. What the program itself ended with
 * is not reported, the kubelet does that. An attempt that failed is reported, also when the container was started again.
 *
 * @param pod - one that was injected
 * @param isAgain - whether what it has replaced was made by the same step before
 */
export function outcomesOf(
  pod: V1Pod & { readonly parts?: { readonly serves: boolean } | undefined },
  isAgain: (pushed: Pushed) => boolean = () => false,
): Outcome[] {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const injected = new Set([...initContainers, ...containers].filter(isInjected).map(({ name }) => name));
  const statuses = [...initContainerStatuses, ...containerStatuses].filter(({ name }) => injected.has(name));
  return statuses
    .flatMap(endsOf)
    .filter((end) => !pod.parts?.serves || !isToldByAnother(end, statuses))
    .flatMap((end) => outcomesOfEnd(end, pod, isAgain));
}

/**
 * What a step's Pod has pushed, as its containers say.
 *
 * @param pod - any
 */
export function pushesOf(pod: V1Pod): (Pushed & { readonly finishedAt: Date })[] {
  return (pod.status?.containerStatuses ?? []).flatMap(endsOf).flatMap(({ name, terminated }) => {
    const pushed =
      isPusher(name) && terminated.exitCode === 0 ? readPushed(terminated.message ?? "") : undefined;
    return pushed ? [{ ...pushed, finishedAt: new Date(terminated.finishedAt ?? "") }] : [];
  });
}

/** What a failed step has left, as its `failure-uri` asks: no output. */
export interface Left {
  /** With its registry: `host/repository:tag`. */
  readonly artifact: string;
  readonly digest: string;
  readonly finishedAt: Date;
}

/**
 * What a step's Pod has pushed after a failure, as its containers say. Nothing waits for it: it is no output.
 *
 * @param pod - any
 */
export function leftOf(pod: V1Pod): Left[] {
  return (pod.status?.containerStatuses ?? []).flatMap(endsOf).flatMap(({ name, terminated }) => {
    const { artifact, digest } = (isPusher(name) && leftBy(terminated)) || {};
    if (!isText(artifact, artifactPattern) || !isText(digest, digestPattern)) return [];
    return [{ artifact, digest, finishedAt: new Date(terminated.finishedAt ?? "") }];
  });
}

/** What a container says of what it pushed of a failed step, beside its output, without it, or instead of it. */
function leftBy({ exitCode, message = "" }: V1ContainerStateTerminated): LeftWords | undefined {
  if (exitCode === 0 && !message.startsWith(notPushed)) return readPushed(message)?.left;
  if (!message.startsWith(notPushed) && !isOfOperator(exitCode, message)) return undefined;
  const at = message.lastIndexOf(leftBehind);
  const [, artifact = "", digest] =
    leftPattern.exec(at < 0 ? "" : message.slice(at + leftBehind.length)) ?? [];
  return { artifact, digest };
}

/** A program may end with any code: only the message says that it was one of the operator's. */
function isOfOperator(exitCode: number, message: string): boolean {
  return reasons.has(exitCode) && message.endsWith(`(exit code ${exitCode})`);
}

/**
 * Whether a step's Pod has ended well without a push, as the container says that would have pushed.
 *
 * @param pod - any
 */
export function pushedNothing(pod: V1Pod): boolean {
  const ends = (pod.status?.containerStatuses ?? []).flatMap(endsOf).filter(({ name }) => isPusher(name));
  const { exitCode, message } = ends.at(-1)?.terminated ?? {};
  return exitCode === 0 && (message?.startsWith(notPushed) ?? false);
}

/**
 * What init containers of a step's Pod have pulled, as they say.
 *
 * @param pod - one that was injected
 */
export function pullsOf(
  pod: V1Pod,
): { readonly pulled: Transfer; readonly occasion: string; readonly finishedAt: Date }[] {
  return (pod.status?.initContainerStatuses ?? [])
    .flatMap(endsOf)
    .flatMap(({ name, terminated, occasion }) => {
      const pulled =
        isPuller(name) && terminated.exitCode === 0 ? readPulled(terminated.message ?? "") : undefined;
      const finishedAt = new Date(terminated.finishedAt ?? "");
      return pulled && !Number.isNaN(finishedAt.getTime()) ? [{ pulled, occasion, finishedAt }] : [];
    });
}

/** How an attempt of a container ended. */
interface End {
  /** Of the container. */
  readonly name: string;
  readonly terminated: V1ContainerStateTerminated;
  /** The same wherever this end is seen. */
  readonly occasion: string;
}

/** The kubelet shows the end of a container that it starts again as its last state, and often as nothing else. */
function endsOf({ name, state, lastState, containerID = "" }: V1ContainerStatus): End[] {
  return [lastState?.terminated, state?.terminated].flatMap((terminated) =>
    terminated ? [{ name, terminated, occasion: terminated.containerID ?? containerID }] : [],
  );
}

/**
 * Whether the container that brings the inputs ended in a failure that a wrapped one tells, too: both end with the same code
 * and words. It may be seen to have ended first, so one that still runs counts.
 */
function isToldByAnother(end: End, all: readonly V1ContainerStatus[]): boolean {
  const { exitCode, message } = end.terminated;
  if (!isPusher(end.name) || !endsForGood.includes(exitCode)) return false;
  return all.some(({ name, state, lastState }) => {
    if (isPusher(name)) return false;
    const ended = state?.terminated ?? lastState?.terminated;
    return state?.running !== undefined || (ended !== undefined && ended.message === message);
  });
}

function outcomesOfEnd(
  { name, terminated, occasion }: End,
  pod: V1Pod,
  isAgain: (pushed: Pushed) => boolean,
): Outcome[] {
  const finishedAt = new Date(terminated.finishedAt ?? "");
  if (Number.isNaN(finishedAt.getTime())) return [];
  const { exitCode, message = "" } = terminated;
  const failed = reasons.get(exitCode);
  if (failed !== undefined && isOfOperator(exitCode, message)) {
    const text = printable(isPusher(name) ? withLeft(message, pod) : message);
    return [{ note: { type: "Warning", reason: failed, action: "Step", note: text, occasion }, finishedAt }];
  }
  if (exitCode !== 0 || !isPusher(name)) return [];
  if (message.startsWith(notPushed)) {
    const text = printable(withLeft(message, pod));
    return [
      { note: { type: "Normal", reason: "NotPushed", action: "Push", note: text, occasion }, finishedAt },
    ];
  }
  const pushed = readPushed(message);
  return pushed ? pushOutcomes(pushed, pod, { occasion, finishedAt, isAgain: isAgain(pushed) }) : [];
}

/** Names what a failed step has left as its author does. */
function withLeft(message: string, pod: V1Pod): string {
  const at = message.lastIndexOf(leftBehind);
  if (at < 0) return message;
  const [artifact = "", ...digest] = message.slice(at + leftBehind.length).split(" ");
  return `${message.slice(0, at)}${leftBehind}${[asWritten(artifact, pod), ...digest].join(" ")}`;
}

/** What the container that pushes says of an artifact. */
export interface Pushed {
  /** With its registry: `host/repository:tag`. */
  readonly artifact: string;
  readonly digest: string;
  readonly bytes: number;
  readonly seconds: number;
  /** Where the tag pointed before. */
  readonly replaced?: string | undefined;
  /** Of the node, as Go names it. */
  readonly architecture?: string | undefined;
  /** What the step has left, which failed all the same. */
  readonly left?: LeftWords;
}

/** What the container that pushes says of what a failed step has left; without a digest it could not be pushed. */
interface LeftWords {
  /** With its registry: `host/repository:tag`. */
  readonly artifact: string;
  readonly digest?: string | undefined;
}

function pushOutcomes(
  pushed: Pushed,
  pod: V1Pod,
  {
    occasion,
    finishedAt,
    isAgain,
  }: { readonly occasion: string; readonly finishedAt: Date; readonly isAgain: boolean },
): Outcome[] {
  const { digest, bytes, seconds, replaced } = pushed;
  const artifact = asWritten(pushed.artifact, pod);
  const isMoved = replaced !== undefined && replaced !== digest;
  // A step that is run again is to do that.
  const instead = isMoved && isAgain ? `, instead of ${replaced}, which this step made before` : "";
  const size = `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  const left = pushed.left ? spokenLeft(pushed.left, pod) : "";
  const text = `Pushed ${artifact} (${digest}), ${size} in ${spoken(seconds)}${instead}${left}.`;
  const outcome: Outcome = {
    note: { type: "Normal", reason: "Pushed", action: "Push", note: text, occasion },
    finishedAt,
    pushed: { bytes, seconds },
  };
  if (!isMoved || isAgain) return [outcome];
  const moved = `${artifact} moved from ${replaced} to ${digest}, pushed by Pod ${pod.metadata?.name}.`;
  return [
    outcome,
    { note: { type: "Warning", reason: "TagMoved", action: "Push", note: moved, occasion }, finishedAt },
  ];
}

/** As the agent says it where nothing else was pushed. */
function spokenLeft({ artifact, digest }: LeftWords, pod: V1Pod): string {
  const written = asWritten(artifact, pod);
  if (digest !== undefined) return `${leftBehind}${written} (${digest})`;
  return `; what it left cannot be pushed to ${written}, as the log of its container ${names.pushContainer} says`;
}

/** Nothing takes 0 s. */
function spoken(seconds: number): string {
  if (seconds < 0.1) return "less than a second";
  return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
}

/** Without the host of the namespace's own cache, which no author writes. */
function asWritten(artifact: string, { metadata }: V1Pod): string {
  const isUsed = (name: string) => name === metadata?.labels?.[names.usesCacheLabel];
  return cacheIn(artifact, metadata?.namespace ?? "", isUsed)?.path ?? artifact;
}

/**
 * The OrasCache of a namespace in whose registry an artifact is.
 *
 * @param artifact - with its registry
 * @param namespace - of the step
 * @param isCache - whether there is one of a name: others have Services, too
 * @returns its name, and the artifact without the registry; undefined where it is in another one
 */
export function cacheIn(
  artifact: string,
  namespace: string,
  isCache: (name: string) => boolean,
): { readonly name: string; readonly path: string } | undefined {
  const [host = "", ...path] = artifact.split("/");
  const found = maybeCaches(host, { namespace, clusterDomain: undefined }).find(
    (one) => one.namespace === namespace && (one.isPod || isCache(one.name)),
  );
  return found && { name: found.name, path: path.join("/") };
}

function isPusher(container: string): boolean {
  return new RegExp(`^${names.pushContainer}(-[0-9]+)?$`).test(container);
}

function isPuller(container: string): boolean {
  return new RegExp(`^${names.pullContainer}(-[0-9]+)?$`).test(container);
}

/** What the agent's `pull` says when it ends; of other containers nothing is of this form. */
function readPulled(message: string): Transfer | undefined {
  try {
    const { pulled } = JSON.parse(message) as { readonly pulled?: Record<string, unknown> };
    const { bytes, seconds } = pulled ?? {};
    return isWithin(bytes, mostBytes) && isWithin(seconds, mostSeconds) ? { bytes, seconds } : undefined;
  } catch {
    return undefined; // a container of the user's that has this name
  }
}

/** Anybody may have written it: what is not exactly of this form is not reported. */
function readPushed(message: string): Pushed | undefined {
  try {
    const said = JSON.parse(message) as Record<string, unknown>;
    const { artifact, digest, bytes, seconds, replaced, architecture } = said;
    if (!isText(artifact, artifactPattern) || !isText(digest, digestPattern)) return undefined;
    if (!isWithin(bytes, mostBytes) || !isWithin(seconds, mostSeconds)) return undefined;
    return {
      artifact,
      digest,
      bytes,
      seconds,
      replaced: isText(replaced, digestPattern) ? replaced : undefined,
      ...(isText(architecture, architecturePattern) && { architecture }),
      ...readLeft(said.left),
    };
  } catch {
    return undefined; // a container of the user's that has this name
  }
}

function readLeft(said: unknown): Pick<Pushed, "left"> {
  const { artifact, digest } = (said ?? {}) as { readonly artifact?: unknown; readonly digest?: unknown };
  if (!isText(artifact, artifactPattern)) return {};
  if (digest === undefined) return { left: { artifact } };
  return isText(digest, digestPattern) ? { left: { artifact, digest } } : {};
}

function isText(value: unknown, pattern: RegExp): value is string {
  return typeof value === "string" && pattern.test(value);
}

function isWithin(value: unknown, most: number): value is number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 && value <= most;
}
