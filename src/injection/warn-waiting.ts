import { isAnnotated } from "../annotations/map.ts";
import { type Settings, waitsForInputs } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import type { Warning } from "../annotations/warning.ts";
import { type Gate, gateOf, variesByPod } from "../workflow/gate.ts";
import { sentences } from "../workload/places.ts";
import { isPod, ownAnnotations, type Workload } from "../workload/workload.ts";

const notHeld: Warning = {
  code: "WaitsInPod",
  path: annotations["wait-for-inputs"].key,
  message:
    "the operator of this cluster holds no steps: the step starts, and waits for its inputs inside its Pod, on a node.",
};

interface JobSpec {
  readonly activeDeadlineSeconds?: unknown;
  readonly completions?: unknown;
  readonly parallelism?: unknown;
}

/**
 * What is unwise but allowed, of a step that waits for its inputs: what runs, or is taken, meanwhile.
 *
 * @param workload - the step, as it is created
 * @param settings - what its author asked for
 * @param holds - whether the installation holds steps at all
 */
export function warnAboutWaiting(workload: Workload, settings: Settings, holds: boolean): Warning[] {
  if (!waitsForInputs(settings)) return [];
  // Annotations on a Job's template alone are those of its Pods, which are created at once.
  const isStep = isAnnotated(ownAnnotations(workload));
  const gate = isStep || !holds ? gateOf(workload, settings, holds) : "pod";
  return [
    ...(holds ? [] : [notHeld]),
    ...deadlines(workload, gate),
    ...(gate === "pod" && variesByPod(settings) ? slots(workload) : []),
    ...rollouts(workload),
  ];
}

/**
 * The deadline of a Job runs from its start: not while it is suspended, but while its Pods have a gate. That of a Pod runs
 * from when a node has it.
 */
function deadlines(workload: Workload, gate: Gate | undefined): Warning[] {
  const found = [
    ...(!isPod(workload) && (gate === "pod" || gate === "in-pod")
      ? [["spec.activeDeadlineSeconds", jobSpec(workload).activeDeadlineSeconds] as const]
      : []),
    ...(gate === "in-pod"
      ? [
          [
            `${workload.path}.activeDeadlineSeconds`,
            workload.template.spec.activeDeadlineSeconds as unknown,
          ] as const,
        ]
      : []),
  ];
  return found
    .filter(([, seconds]) => typeof seconds === "number")
    .map(([path, seconds]) => ({
      code: "DeadlineWhileWaiting",
      path,
      message: `the ${seconds} s run while the step waits for its inputs, too; ${annotations["wait-timeout"].key} bounds the waiting alone.`,
    }));
}

/** The Job controller makes as many Pods as `parallelism` says, in the order of their indexes, whether they run or wait. */
function slots(workload: Workload): Warning[] {
  if (isPod(workload)) return [];
  const { completions, parallelism = 1 } = jobSpec(workload);
  if (typeof completions !== "number" || typeof parallelism !== "number" || parallelism >= completions)
    return [];
  const message = `${parallelism} of ${completions} Pods are there at a time, those that wait among them: one whose input never comes holds its place. With ${completions} none stands in another's way.`;
  return [{ code: "WaitingTakesPlace", path: "spec.parallelism", message }];
}

const rolledOut: readonly string[] = ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"];

/** `validate` sees the Pods of a Deployment as its own, the webhook as those of a ReplicaSet. */
function rollouts({ metadata }: Workload): Warning[] {
  const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
  if (owner === undefined || !owner.apiVersion.startsWith("apps/") || !rolledOut.includes(owner.kind))
    return [];
  const { key } = annotations["wait-for-inputs"];
  return [{ code: "WaitsInRollout", path: key, message: sentences.rollout }];
}

function jobSpec({ object }: Workload): JobSpec {
  return (object as { readonly spec: JobSpec }).spec;
}
