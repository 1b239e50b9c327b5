import { visible } from "../../annotations/problems.ts";
import { controllerOf, type KubeObject } from "../../kube/objects.ts";
import { resources } from "../../kube/resources.ts";
import type { ArtifactFacts, StepFacts } from "../../lineage/graph.ts";
import { parseNamed } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { readObjects } from "../graph/read.ts";
import { type Objects, stepsOf } from "../graph/steps.ts";
import { CliError } from "../output.ts";
import { lineOf, removeOne } from "../remote/remove.ts";
import { openSession, type Where } from "../remote/session.ts";
import { withRegistryOf } from "../remote/with-registry.ts";
import { removeEntry } from "./remove-entry.ts";
import { removeWhole, type StoredStep } from "./remove-whole.ts";

/** How a run is removed. */
export interface RemoveRunOptions extends Where {
  readonly dryRun?: boolean;
}

/**
 * Removes the steps of a run, and the artifacts that carry its name.
 *
 * @param run - value of the annotation `run`
 * @param options - of the command
 * @param say - told of each
 * @throws CliError where there is no step of it, a right is missing, or the registry does not answer
 */
export async function removeRun(
  run: string,
  { dryRun = false, ...where }: RemoveRunOptions,
  say: (line: string) => void,
): Promise<void> {
  const session = await openSession(where);
  try {
    const objects = await readObjects(session, { run });
    const steps = stepsOf(objects);
    if (steps.length === 0) {
      const message = `No Job or Pod in the namespace ${session.namespace} has the annotation run: ${visible(run)}. What it pushed is removed by name, if its steps are gone: rm REPOSITORY:TAG.`;
      throw new CliError(message, exits.notFound);
    }
    const stored = steps.map((each) => storedStep(each, objects));
    for (const step of stored) {
      const owner = controllerOf(step.object);
      if (owner !== undefined) {
        say(visible(`Kept ${step.id}: it is made by ${owner.kind} ${owner.name}`));
        continue;
      }
      if (!dryRun) await removeWhole(session, step);
      say(visible(dryRun ? `Would delete ${step.id}` : `Deleted ${step.id}`));
    }
    const outputs = steps.flatMap((step) => step.outputs);
    const uids = new Set(stored.map(({ object }) => object.metadata?.uid));
    for (const line of await removeOutputs(outputs, uids, where, dryRun)) say(visible(line));
  } finally {
    session.close();
  }
}

function storedStep({ kind, name }: StepFacts, { jobs, pods }: Objects): StoredStep {
  const all = [...(kind === "Job" ? jobs : pods)] as KubeObject[];
  const object = all.find(({ metadata }) => metadata?.name === name) as KubeObject;
  return {
    id: `${kind.toLowerCase()}/${name}`,
    resource: kind === "Job" ? resources.jobs : resources.pods,
    object,
  };
}

/** @returns a line for each */
async function removeOutputs(
  outputs: readonly ArtifactFacts[],
  uids: ReadonlySet<string | undefined>,
  where: Where,
  dryRun: boolean,
): Promise<readonly string[]> {
  const lines: string[] = [];
  const isRemovable = ({ isOfRun, cache, reference }: ArtifactFacts) =>
    isOfRun && cache !== undefined && !reference.includes("$(");
  for (const [cache, of] of Map.groupBy(outputs.filter(isRemovable), (each) => each.cache)) {
    await withRegistryOf({}, { ...where, ...(cache !== undefined && { cache }) }, async (open) => {
      for (const reference of new Set(of.map((each) => each.reference))) {
        lines.push(await removeIfThere(open, reference, dryRun));
        if (!dryRun && (await removeEntry(open, parseNamed(reference), uids)))
          lines.push(`Forgot who made ${reference}: equal steps run again`);
      }
    });
  }
  const kept = outputs.filter((each) => !isRemovable(each));
  return [...lines, ...kept.map(whyKept)];
}

async function removeIfThere(
  open: Parameters<typeof removeOne>[0],
  reference: string,
  dryRun: boolean,
): Promise<string> {
  try {
    await removeOne(open, parseNamed(reference), dryRun);
    return lineOf(reference, dryRun);
  } catch (error) {
    if (!(error instanceof CliError) || error.exitCode !== exits.notFound) throw error;
    return `${reference} is not there`;
  }
}

function whyKept({ reference, isOfRun, cache }: ArtifactFacts): string {
  if (!isOfRun) return `Kept ${reference}: its name has no $(RUN)`;
  if (cache === undefined) return `Kept ${reference}: it is not in an OrasCache`;
  return `Kept ${reference}: it is not known what its variables stood for`;
}
