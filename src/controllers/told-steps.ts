import type { Reflector } from "../kube/reflector.ts";
import { isHeld } from "../workflow/step.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowSteps } from "./workflow-steps.ts";

/**
 * What metrics tell of steps that wait: of a Job that is suspended, itself; of one whose Pods wait, each of these.
 *
 * @param jobs - as mirrored, whenever they are asked for
 * @param pods - the same of Pods
 * @param steps - of both
 * @returns the namespace of each
 */
export function toldSteps(
  jobs: Pick<Reflector<StepJob>, "store">,
  pods: Pick<Reflector<StepPod>, "store">,
  steps: Pick<WorkflowSteps, "ofJob" | "ofPod">,
): () => string[] {
  const waits = (object: StepJob | StepPod) => isHeld(object.metadata?.labels);
  return () =>
    [
      ...[...jobs.store.values()].filter(waits).map(steps.ofJob),
      ...[...pods.store.values()].filter(waits).map(steps.ofPod),
    ].flatMap((step) => (step?.state === "live" ? [step.namespace] : []));
}
