import type { Graph, StepNode } from "./graph.ts";

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
export function blockedIn({ steps, artifacts }: Graph): ReadonlyMap<string, string> {
  const stepOf = new Map(steps.map((step) => [step.id, step]));
  const artifactOf = new Map(artifacts.map((artifact) => [artifact.id, artifact]));
  const live = new Map(artifacts.map(({ id, madeBy }) => [id, madeBy.length]));
  const failed = steps.filter(({ state }) => state === "failed").map(({ id }) => id);
  const causes = new Map(failed.map((id) => [id, id]));
  const isBlocked = (step: StepNode, artifact: string): boolean => {
    if (step.state === "running" || hasEnded(step) || causes.has(step.id)) return false;
    // Nobody waits for what it makes itself.
    const own = step.outputs.includes(artifact) ? 1 : 0;
    const makers = artifactOf.get(artifact)?.madeBy.length ?? 0;
    return makers > own && live.get(artifact) === own;
  };
  const queue = [...failed];
  const spread = (id: string, output: string) => {
    live.set(output, (live.get(output) ?? 0) - 1);
    for (const user of artifactOf.get(output)?.usedBy ?? []) {
      const step = stepOf.get(user);
      if (step === undefined || !isBlocked(step, output)) continue;
      causes.set(user, causes.get(id) ?? id);
      queue.push(user);
    }
  };
  // The queue grows while it is gone through.
  for (const id of queue) for (const output of stepOf.get(id)?.outputs ?? []) spread(id, output);
  for (const id of failed) causes.delete(id);
  return causes;
}
