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
  const open = new Set(stepsThatWait(links));
  const seen = new Set<StepArtifacts>();
  return [...open].flatMap((first) => {
    const way = new Map<StepArtifacts, Link>();
    let step = first;
    while (!seen.has(step)) {
      seen.add(step);
      // Each that is left waits for another one that is left.
      const link = links.get(step)?.find(({ maker }) => open.has(maker)) as Link;
      way.set(step, link);
      step = link.maker;
    }
    // It leads into one that was told, or closes here.
    return way.has(step) ? [circle(way, step)] : [];
  });
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

/** Those that are not ready after all others are, however often one becomes so. */
function stepsThatWait(links: ReadonlyMap<StepArtifacts, readonly Link[]>): StepArtifacts[] {
  const waiting = new Map([...links].map(([step, { length }]) => [step, length]));
  const readers = Map.groupBy(
    [...links].flatMap(([reader, of]) => of.map(({ maker }) => ({ reader, maker }))),
    ({ maker }) => maker,
  );
  const ready = [...waiting].filter(([, count]) => count === 0).map(([step]) => step);
  // A list is walked to its end, also to what is added meanwhile.
  for (const step of ready) {
    for (const { reader } of readers.get(step) ?? []) {
      const left = (waiting.get(reader) ?? 0) - 1;
      waiting.set(reader, left);
      if (left === 0) ready.push(reader);
    }
  }
  return [...waiting].filter(([, count]) => count > 0).map(([step]) => step);
}

/** The way from a step back to itself. */
function circle(way: ReadonlyMap<StepArtifacts, Link>, start: StepArtifacts): Finding {
  const steps = [...way.keys()];
  const around = steps.slice(steps.indexOf(start));
  const inputOf = (step: StepArtifacts) => (way.get(step) as Link).input;
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
