import { circlesIn } from "../../common/circles.ts";
import { describeObject } from "../manifests/objects.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import type { Artifact, StepArtifacts } from "./artifacts.ts";
import { hasVariable } from "./inputs.ts";

/** Of a longer circle, the steps in the middle are counted. */
const mostTold = 10;

/** An input of a step, and the step of the files that pushes it. */
interface Link {
  readonly input: Artifact;
  readonly maker: StepArtifacts;
}

/**
 * Steps that wait for each other's outputs. One that reads what it pushes itself is warned about by admission. Names with
 * variables differ between Pods, so nothing is said of them.
 *
 * @param steps - of all files
 * @returns one finding for each circle, at an input that closes it
 */
export function inputCycles(steps: readonly StepArtifacts[]): Finding[] {
  const links = linksOf(steps);
  const next = new Map([...links].map(([step, of]) => [step, of.map(({ maker }) => maker)]));
  return circlesIn(next).map((around) => circle(around, links));
}

function linksOf(steps: readonly StepArtifacts[]): ReadonlyMap<StepArtifacts, readonly Link[]> {
  const makers = new Map(
    steps.flatMap((step) =>
      step.outputs.filter(({ name }) => !hasVariable(name)).map(({ address }) => [address, step]),
    ),
  );
  const linksTo = (step: StepArtifacts) =>
    step.inputs.flatMap((input) => {
      const maker = makers.get(input.address);
      return maker === undefined || maker === step ? [] : [{ input, maker }];
    });
  return new Map(steps.map((step) => [step, linksTo(step)]));
}

/** @param around - the steps of a circle, each of which reads what the next one pushes */
function circle(
  around: readonly StepArtifacts[],
  links: ReadonlyMap<StepArtifacts, readonly Link[]>,
): Finding {
  const start = around[0] as StepArtifacts;
  const inputOf = (step: StepArtifacts): Artifact => {
    const maker = around[(around.indexOf(step) + 1) % around.length];
    const link = links.get(step)?.find((each) => each.maker === maker);
    return (link as Link).input;
  };
  const nameOf = ({ step }: StepArtifacts) => describeObject(step.object);
  const last = around.at(-1) as StepArtifacts;
  const isLong = around.length > mostTold;
  const told = isLong ? [...around.slice(0, mostTold - 1), last] : around;
  const reads = told.map((step) => `${nameOf(step)} reads ${inputOf(step).name}`);
  if (isLong) reads.splice(-1, 0, `and so on through ${around.length - mostTold} more steps`);
  const never = around.every(({ waits }) => waits)
    ? " Each waits for its inputs, so none of them starts."
    : "";
  const message = `found a circle: ${reads.join(", ")}, which ${nameOf(start)} pushes.${never}`;
  const { step, path } = inputOf(last);
  return findingAt(step.object, path, { level: "warning", code: "InputCycle", message });
}
