import { nobodyMakesIt } from "../common/nobody-makes-it.ts";
import type { Graph, Holder, StepNode, WhyHeld } from "./graph.ts";

/** Whether a step has ended. */
export function hasEnded({ state }: Pick<StepNode, "state">): boolean {
  return state === "succeeded" || state === "failed";
}

/**
 * The steps that cannot go on: all that make one of their inputs have failed, or cannot go on themselves.
 *
 * @param graph - who makes what from what
 * @returns ids of steps that have not ended, each with the id of a step that failed before it
 */
export function blockedIn(graph: Graph): ReadonlyMap<string, string> {
  return readersOf(graph, failedIn(graph));
}

/**
 * What holds steps in the end. A failure goes before what may still be over by itself.
 *
 * @param graph - who makes what from what
 * @returns by the ids of steps that have not ended, and are not what holds others themselves
 */
export function holdersIn(graph: Graph): ReadonlyMap<string, Holder> {
  const stepOf = new Map(graph.steps.map((step) => [step.id, step]));
  const failed = failedIn(graph);
  const holder = (step: string, why: WhyHeld): Holder => ({ step, why, reason: stepOf.get(step)?.reason });
  const blocked = readersOf(graph, failed);
  const found = new Map([...blocked].map(([id, by]) => [id, holder(by, "failed")]));
  const inCycle = new Set(graph.cycles.flat());
  const seeds = new Map<string, Holder>();
  for (const step of graph.steps) {
    const why = whyHeld(step, inCycle);
    if (why !== undefined && !found.has(step.id)) seeds.set(step.id, holder(step.id, why));
  }
  // What cannot be made any more holds as well as what waits.
  const all = new Map([
    ...[...failed].map(([id, by]) => [id, holder(by, "failed")] as const),
    ...found,
    ...seeds,
  ]);
  for (const [id, by] of readersOf(graph, all)) found.set(id, by);
  return found;
}

/**
 * A graph whose steps say what holds them.
 *
 * @param graph - who makes what from what
 */
export function withHolders(graph: Graph): Graph {
  const holders = holdersIn(graph);
  const held = (step: StepNode): StepNode => {
    const heldBy = holders.get(step.id);
    return heldBy === undefined ? step : { ...step, heldBy };
  };
  return { ...graph, steps: graph.steps.map(held) };
}

/**
 * What holds a step in the end, as a clause.
 *
 * @param holder - of the step
 */
export function holderWords({ step, why, reason }: Holder): string {
  if (why === "failed") return `cannot start: ${step} failed`;
  const waits = `waits in the end for ${step}`;
  if (why === "cycle") return `${waits}, which is in a cycle`;
  if (why === "nobody") return `${waits}, whose input no step makes`;
  if (why === "suspended") return `${waits}, which is suspended`;
  return `${waits}, which does not start: ${reason}`;
}

function whyHeld(
  { id, state, reason, message = "" }: StepNode,
  inCycle: ReadonlySet<string>,
): WhyHeld | undefined {
  if (state === "running" || hasEnded({ state })) return undefined;
  if (inCycle.has(id)) return "cycle";
  if (message.includes(nobodyMakesIt)) return "nobody";
  if (state === "suspended") return "suspended";
  return reason === undefined || reason === "WaitingForInputs" ? undefined : "trouble";
}

/** Steps that have failed, each with the one for whose sake it has: itself, or one before it. */
function failedIn({ steps, artifacts }: Graph): Map<string, string> {
  const failed = new Map(
    steps.flatMap((step) => (step.state === "failed" ? [[step.id, step] as const] : [])),
  );
  const makersOf = new Map(artifacts.map(({ id, madeBy }) => [id, madeBy]));
  const before = ({ id, inputs }: StepNode) =>
    inputs
      .map((input) => (makersOf.get(input) ?? []).filter((maker) => maker !== id))
      .find((makers) => makers.length > 0 && makers.every((maker) => failed.has(maker)))?.[0];
  const roots = new Map<string, string>();
  for (const start of failed.keys()) {
    const path = new Set<string>();
    let at = start;
    for (;;) {
      path.add(at);
      const step = failed.get(at);
      const next = step?.reason === "InputProducerFailed" ? before(step) : undefined;
      if (roots.has(at) || next === undefined || path.has(next)) break;
      at = next;
    }
    for (const id of path) roots.set(id, roots.get(at) ?? at);
  }
  return roots;
}

/**
 * Those that wait for what steps do not make, however far.
 *
 * @param graph - who makes what from what
 * @param causes - of the steps that do not make what they should
 */
function readersOf<T>({ steps, artifacts }: Graph, causes: ReadonlyMap<string, T>): Map<string, T> {
  const stepOf = new Map(steps.map((step) => [step.id, step]));
  const artifactOf = new Map(artifacts.map((artifact) => [artifact.id, artifact]));
  const live = new Map(artifacts.map(({ id, madeBy }) => [id, madeBy.length]));
  const found = new Map<string, T>();
  const isBlocked = (step: StepNode, artifact: string): boolean => {
    if (step.state === "running" || hasEnded(step) || causes.has(step.id) || found.has(step.id)) return false;
    // Nobody waits for what it makes itself.
    const own = step.outputs.includes(artifact) ? 1 : 0;
    const makers = artifactOf.get(artifact)?.madeBy.length ?? 0;
    return makers > own && live.get(artifact) === own;
  };
  const queue = [...causes];
  const spread = (cause: T, output: string) => {
    live.set(output, (live.get(output) ?? 0) - 1);
    for (const user of artifactOf.get(output)?.usedBy ?? []) {
      const step = stepOf.get(user);
      if (step === undefined || !isBlocked(step, output)) continue;
      found.set(user, cause);
      queue.push([user, cause]);
    }
  };
  // The queue grows while it is gone through.
  for (const [id, cause] of queue) for (const output of stepOf.get(id)?.outputs ?? []) spread(cause, output);
  return found;
}
