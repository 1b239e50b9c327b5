import type { V1ContainerStatus } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { hasEnded, type StepPod } from "./step-pods.ts";

/** What telling of waiting containers needs. */
interface WaitingSettings {
  readonly publish: EventRecorder;
  /** A mirror of the injected Pods. */
  readonly pods: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">;
}

/**
 * The controller that says why a wrapped container is not started: the kubelet's words name neither the container `oras`
 * nor what keeps that from running.
 *
 * @param settings - see there
 */
export function waitingController({ publish, pods }: WaitingSettings): Controller {
  return {
    name: "waiting",
    watches: [watchOf(pods, (now) => (now && waitingOf(now) ? [keyOf(now)] : []))],
    reconcile: async (key) => {
      const pod = pods.store.get(key);
      const note = pod && waitingOf(pod);
      if (pod && note) publish(pod, note);
      return undefined;
    },
  };
}

/**
 * What to tell of a Pod whose wrapped container the kubelet cannot start before the container `oras` has run once.
 *
 * @param pod - with what is known of its injection
 * @returns undefined where none waits, or `oras` runs: the kubelet tries again by itself then
 */
export function waitingOf(pod: StepPod): EventNote | undefined {
  const { wrapped = [], pusher, serves } = pod.parts ?? {};
  if (!serves || hasEnded(pod)) return undefined;
  const statuses = new Map(pod.status?.containerStatuses?.map((status) => [status.name, status]));
  const waits = wrapped.find((name) => waitsForFile(statuses.get(name)));
  const why = whyNotRunning(statuses.get(pusher ?? ""));
  if (waits === undefined || why === undefined) return undefined;
  return {
    type: "Warning",
    reason: "WaitingForAgent",
    action: "Wait",
    note: `The container ${waits} is not started yet, because the container ${pusher} does not run: ${why}. Nothing is wrong with ${waits}; the kubelet says "${statuses.get(waits)?.state?.waiting?.message}" until ${pusher} runs.`,
    occasion: "WaitingForAgent",
  };
}

/** The kubelet's messages about a file of variables that is not there, or lacks one (KEP-3721). */
const aboutFile = ["couldn't parse env file", `environment variable key "${names.readyVariable}" not found`];

function waitsForFile(status: V1ContainerStatus | undefined): boolean {
  const { reason, message = "" } = status?.state?.waiting ?? {};
  return reason === "CreateContainerConfigError" && aboutFile.some((words) => message.includes(words));
}

/** What the kubelet says of the container `oras`; undefined where it runs, or nothing is said yet. */
function whyNotRunning(status: V1ContainerStatus | undefined): string | undefined {
  const { waiting, terminated } = status?.state ?? {};
  if (terminated) return said(`exit code ${terminated.exitCode}`, terminated.reason, terminated.message);
  if (!waiting?.reason || notYet.includes(waiting.reason)) return undefined;
  const { terminated: last } = status?.lastState ?? {};
  return said(waiting.reason, waiting.message ?? last?.message);
}

/** The kubelet has not tried it. */
const notYet = ["ContainerCreating", "PodInitializing"];

function said(...parts: readonly (string | undefined)[]): string {
  return parts.filter(Boolean).join(": ").replace(/\.$/, "");
}
