import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { names } from "../../../schema/names.ts";
import { visible } from "../../annotations/problems.ts";
import { annotations } from "../../annotations/table.ts";
import { controllerOf, create, type KubeObject, type Metadata } from "../../kube/objects.ts";
import { apiVersionOf, resources } from "../../kube/resources.ts";
import { downstreamOf, inOrderOfData } from "../../lineage/downstream.ts";
import { graphOf } from "../../lineage/graph.ts";
import { exits } from "../exits.ts";
import { readObjects } from "../graph/read.ts";
import { stepsOf } from "../graph/steps.ts";
import { formatDocuments } from "../inject.ts";
import { CliError } from "../output.ts";
import { withRight } from "../remote/rights.ts";
import { openSession, type Where } from "../remote/session.ts";
import { asNew } from "./as-new.ts";
import { needOf, removeWhole, type StoredStep } from "./remove-whole.ts";

/** Which steps run again. */
export interface RerunOptions extends Where {
  /** Whether all that reads what they make runs again, too. */
  readonly downstream: boolean;
  /** Whether they run although their results are remembered. */
  readonly refresh: boolean;
}

/**
 * Deletes steps and creates them again.
 *
 * @param ids - `job/NAME` or `pod/NAME`
 * @param options - of the command
 * @param say - told of each step
 * @throws CliError where one is not there, or is made by a controller
 */
export async function rerun(
  ids: readonly string[],
  { downstream, refresh, ...where }: RerunOptions,
  say: (line: string) => void,
): Promise<void> {
  const session = await openSession(where);
  try {
    const { notes: _, ...objects } = await readObjects(session);
    const graph = graphOf(stepsOf(objects));
    const missing = ids.filter((id) => !graph.steps.some((step) => step.id === id));
    if (missing.length > 0)
      throw new CliError(`${missing.map(visible).join(", ")}: no such step is there.`, exits.notFound);
    const chosen = inOrderOfData(graph, downstream ? downstreamOf(graph, ids) : new Set(ids));
    const steps = chosen.map(({ id, kind, name }) => {
      const stored = [...(kind === "Job" ? objects.jobs : objects.pods)] as KubeObject[];
      const object = stored.find(({ metadata }) => metadata?.name === name) as KubeObject;
      return { id, resource: kind === "Job" ? resources.jobs : resources.pods, object };
    });
    const owned = steps.filter(({ object }) => controllerOf(object) !== undefined).map(ownedSentence);
    if (owned.length > 0) throw new CliError(owned.map(visible).join("\n"), exits.failed);
    const made = steps.map(({ resource, object }) => {
      const again = asNew({ ...object, apiVersion: apiVersionOf(resource), kind: resource.kind });
      return refresh ? refreshed(again, object) : again;
    });
    await withSpare(made, async () => {
      // Whoever reads goes first: none sees that what it waits for is deleted.
      for (const step of steps.toReversed()) await removeWhole(session, step);
      // Whoever makes comes first: none takes what is left of the last run for its input.
      for (const [at, { id, resource, object }] of steps.entries()) {
        const isNew = await withRight(needOf(session, "create", resource), () =>
          create(session.client, resource, made[at] as KubeObject),
        );
        const again = refresh || !takesResults(object) ? `${id} runs again` : takesSentence(id);
        say(visible(isNew ? again : `${id} was created again by somebody else`));
      }
    });
  } finally {
    session.close();
  }
}

/** What the annotation `memoize` of a step asks for. */
function memoizeOf(object: KubeObject): string | undefined {
  const { template } = (object as JobObject).spec ?? {};
  const { key } = annotations.memoize;
  return object.metadata?.annotations?.[key] ?? template?.metadata?.annotations?.[key];
}

/** Whether the operator has looked for a result of a step: by its annotation, or that of its OrasCache. */
function wasMemoized({ metadata }: KubeObject): boolean {
  const { labels, annotations: written } = metadata ?? {};
  return written?.[names.memoKeyAnnotation] !== undefined || labels?.[names.memoizedLabel] !== undefined;
}

/**
 * Whether a step does not run where its result is there.
 *
 * @param object - as the API server has it
 */
export function takesResults(object: KubeObject): boolean {
  const wanted = memoizeOf(object);
  return wanted === "on" || (wanted === undefined && wasMemoized(object));
}

function takesSentence(id: string): string {
  return `${id} was created again. It is memoized: where its result is remembered it takes that and does not run; rerun ${id} --refresh runs it.`;
}

/**
 * A step that runs whatever is remembered, and what it makes is remembered instead. One that is not memoized runs anyway, and may
 * be none that can be.
 */
function refreshed(object: KubeObject, stored: KubeObject): KubeObject {
  const { key } = annotations.memoize;
  const { template, ...spec } = (object as JobObject).spec ?? {};
  const wanted = memoizeOf(object);
  if (wanted === "off" || (wanted === undefined && !wasMemoized(stored))) return object;
  const asked = (metadata: Metadata = {}) => ({
    ...metadata,
    annotations: { ...metadata.annotations, [key]: "refresh" },
  });
  // What stands in both places has to be the same.
  const isInTemplate = template?.metadata?.annotations?.[key] !== undefined;
  const below = isInTemplate ? { ...template, metadata: asked(template.metadata) } : template;
  return {
    ...object,
    metadata: asked(object.metadata),
    spec: { ...spec, ...(below && { template: below }) },
  } as KubeObject;
}

interface JobObject extends KubeObject {
  readonly spec?: { readonly template?: { readonly metadata?: Metadata } };
}

/** Keeps manifests in a file until they are in the cluster again, whatever happens meanwhile. */
async function withSpare(made: readonly KubeObject[], run: () => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "rerun-"));
  const file = join(folder, "steps.yaml");
  await writeFile(file, formatDocuments(made, "yaml"), { mode: 0o600 });
  try {
    await run();
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const message = `${error.message} The steps are in ${file}: kubectl create -f ${file} creates those that are not there.`;
    throw new CliError(message, error.exitCode, { cause: error });
  }
  await rm(folder, { recursive: true });
}

function ownedSentence({ id, object }: StoredStep): string {
  const { kind, name } = controllerOf(object) ?? { kind: "", name: "" };
  return `${id} is made by ${kind} ${name}, which makes another one when it is deleted: it cannot run again by itself.`;
}
