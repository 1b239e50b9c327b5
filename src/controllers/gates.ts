import { names } from "../../schema/names.ts";
import { type Controller, manualWatch, watchOf } from "../kube/controller.ts";
import { isNamespaceTerminating, isStatus } from "../kube/errors.ts";
import { type KubeObject, keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { isHeld } from "../workflow/step.ts";
import { type LookSettings, look } from "./gate-look.ts";
import { closeCondition, type StepTrouble, type ToldBefore, tellTrouble } from "./gate-told.ts";
import { letGo } from "./gate-writes.ts";
import { hasRunJob, type StepJob } from "./step-jobs.ts";
import { hasRunPod, type StepPod } from "./step-pods.ts";
import type { WorkflowStep } from "./workflow-steps.ts";

/** What holding steps until their inputs are there needs. */
interface GateSettings extends LookSettings {
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
}

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe" | "synced">;

/** After a write that was refused because the step had changed, unless the watch tells of that before. */
const againMs = 1_000;

/**
 * The controllers that let steps start when their inputs are there: one for Jobs, one for Pods.
 *
 * @param settings - see there
 */
export function gateControllers(settings: GateSettings): readonly Controller[] {
  const { jobs, pods, steps, waiters } = settings;
  const toldOf = new Map<string, ToldBefore>();
  const controller = (
    name: string,
    isPod: boolean,
    mirror: Mirror<StepJob> | Mirror<StepPod>,
  ): Controller => {
    const woken = manualWatch();
    waiters.onWake(isPod, woken.tell);
    settings.memo.onWake(isPod, woken.tell);
    return {
      name,
      watches: [
        watchOf(mirror as Mirror<StepJob>, (now) =>
          now?.metadata?.labels?.[names.waitingLabel] === undefined ? [] : [keyOf(now)],
        ),
        watchOf(isPod ? (jobs as Mirror<KubeObject>) : (pods as Mirror<KubeObject>), () => []),
        woken.watch,
      ],
      reconcile: async (key) => {
        const step = isPod ? steps.pod(key) : steps.job(key);
        return step && stepOn(settings, step, () => waiters.lastArrival(step.namespace), toldOf);
      },
    };
  };
  return [controller("job-gate", false, jobs), controller("pod-gate", true, pods)];
}

/** Does for a step what is to be done now. */
async function stepOn(
  settings: GateSettings,
  step: WorkflowStep,
  lastArrival: () => number,
  toldOf: Map<string, ToldBefore>,
): Promise<number | undefined> {
  if (!isHeld(step.object.metadata?.labels)) return closeCondition(settings, step);
  const tell = (trouble: StepTrouble) => tellTrouble(settings, step, trouble, toldOf);
  if (step.state !== "live") return unlessChanged(settle(settings, step), tell);
  // Its author, or Kueue, has resumed it.
  if (!step.isPod && !step.isSuspended) return unlessChanged(letGo(settings.client, step), tell);
  const { problem } = step.plan;
  if (problem !== undefined)
    return unlessChanged(tell({ reason: "AnnotationsRefused", message: problem }), tell);
  return unlessChanged(look(settings, step, lastArrival, toldOf), tell);
}

/** A step that has ended waits for nothing, whoever has ended it. One that is being deleted is left alone. */
async function settle({ client, memo }: GateSettings, step: WorkflowStep): Promise<undefined> {
  const isFinished = await memo.finish(step);
  const hasRun = step.isPod ? hasRunPod(step.object as StepPod) : hasRunJob(step.object as StepJob);
  if (!isFinished && hasRun) await letGo(client, step);
}

/** A step that has changed meanwhile is looked at again. */
async function unlessChanged(
  work: Promise<number | undefined>,
  tell: (trouble: StepTrouble) => Promise<unknown>,
): Promise<number | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isStatus(error, 409)) return againMs;
    if (isStatus(error, 404)) return undefined;
    // The step's author does not see the log, where it stands in any case.
    const message = refusalIn(error);
    if (message !== undefined) await tell({ reason: "StartRefused", message }).catch(() => undefined);
    throw error;
  }
}

/** What the API server says where it refuses a write for what it is, such as by a policy. */
function refusalIn(error: unknown): string | undefined {
  if (!isStatus(error, 403, 422) || isNamespaceTerminating(error)) return undefined;
  return `The API server refuses what the operator writes to start or end it: ${error.body.message ?? error.reason}`;
}
