import { controllerOf } from "../kube/objects.ts";
import {
  decideInput,
  type InputDecision,
  type Leaver,
  type Meant,
  type Producer,
} from "../workflow/opening.ts";
import { isSlipOf } from "../workflow/slip.ts";
import { type StepInput, spokenArtifact } from "../workflow/step.ts";
import type { Heads } from "./heads.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/**
 * The steps that make each of the inputs of a step, but for itself and the Job that it is a Pod of; of an input that names a digest
 * nobody is waited for.
 *
 * @param steps - all of them
 * @param step - that waits
 */
export function producersOf(
  steps: WorkflowSteps,
  { namespace, plan, uid, object }: WorkflowStep,
): Producer[][] {
  const own = [uid, controllerOf(object)?.uid];
  return plan.inputs.map((input) =>
    input.version.startsWith("@")
      ? []
      : steps.producersOf(namespace, input).filter((producer) => !own.includes(producer.uid)),
  );
}

/** The steps that make an input if they fail, but for itself. */
export function leaversOf(
  steps: WorkflowSteps,
  { namespace, uid, object }: WorkflowStep,
  input: StepInput,
): readonly Leaver[] {
  const own = [uid, controllerOf(object)?.uid];
  return steps.leaversOf(namespace, input).filter((leaver) => !own.includes(leaver.uid));
}

/** What a step may have meant by an input that nobody makes: an artifact of the same registry with nearly its name. */
function meantBy(
  steps: WorkflowSteps,
  { namespace, uid }: WorkflowStep,
  input: StepInput,
): Meant | undefined {
  const written = `${input.repository}${input.version}`;
  const maker = steps
    .makersIn(namespace)
    .find(
      ({ plan: { output }, uid: other }) =>
        output !== undefined &&
        other !== uid &&
        output.registry === input.registry &&
        isSlipOf(written, `${output.repository}${output.version}`),
    );
  return maker?.plan.output && { artifact: spokenArtifact(maker.plan.output), by: maker.name };
}

/** Who makes inputs, and how far they are: in one word, to be compared. */
export function wordOf(producers: readonly (readonly Producer[])[]): string {
  return JSON.stringify(producers.flat().map(({ uid, state, pushed }) => [uid, state, pushed]));
}

/**
 * Decides about one input of a step that waits; its registry is asked where the answer counts.
 *
 * @param known - heads: what registries say; steps: all of them
 * @param step - that waits
 * @param input - of the step
 * @param producers - of the input; leavers: who would make it after a failure
 * @param record - what the step remembers of it
 */
export async function decide(
  { heads, steps }: { readonly heads: Heads; readonly steps: WorkflowSteps },
  step: WorkflowStep,
  input: StepInput,
  { producers, leavers }: { readonly producers: readonly Producer[]; readonly leavers: readonly Leaver[] },
  record: InputDecision["record"] | undefined,
): Promise<InputDecision> {
  const { namespace } = step;
  const isFound = record?.found !== undefined;
  const isMade = isFound && producers.some(({ state, pushed }) => state === "live" && pushed === undefined);
  const head = isMade ? { unknown: "it is being made" } : await heads.of(namespace, input);
  return decideInput({
    ...{ input: spokenArtifact(input), exact: input.exact, head, producers, leavers, record },
    meant: () => meantBy(steps, step, input),
  });
}
