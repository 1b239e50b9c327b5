import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { annotations } from "../../annotations/table.ts";
import { isStatus } from "../../kube/errors.ts";
import { listed } from "../../kube/list.ts";
import { type Resource, resources } from "../../kube/resources.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { assertNamespace, listCaches } from "../remote/find-cache.ts";
import { withRight } from "../remote/rights.ts";
import type { Session } from "../remote/session.ts";
import type { Objects } from "./steps.ts";

const { key } = annotations.run;

/** The Job controller labels each Pod that it makes with it. */
const ofAnyJob = "batch.kubernetes.io/controller-uid";

/** What was read, and what is missing for want of a right, in sentences. */
export interface Found extends Objects {
  readonly notes: readonly string[];
}

/** Which steps are looked at; of both, those that both choose. */
export interface Choice {
  /** Of labels, as kubectl's `-l`. */
  readonly selector?: string | undefined;
  /** Value of the annotation `run`. */
  readonly run?: string | undefined;
}

/**
 * Reads what a graph is drawn from.
 *
 * @param session - of the person
 * @param choice - of Jobs and Pods; Pods of a Job that it chooses come with the Job
 * @throws CliError where the namespace is not there, a right is missing, or the selector is none
 */
export async function readObjects(session: Session, { selector, run }: Choice = {}): Promise<Found> {
  const [allJobs, allPods, made, { caches, hasCaches, notes }] = await Promise.all([
    all<V1Job>(session, resources.jobs, selector),
    all<V1Pod>(session, resources.pods, selector),
    selector === undefined ? [] : all<V1Pod>(session, resources.pods, ofAnyJob),
    cachesIn(session),
  ]);
  if (allJobs.length + allPods.length === 0) await assertNamespace(session);
  const chosen = ofRun({ jobs: allJobs, pods: allPods, made }, run);
  return { namespace: session.namespace, ...chosen, caches, hasCaches, notes };
}

/**
 * The steps of a run, with the Pods of its Jobs.
 *
 * @param all - Jobs and Pods to choose from, and Pods that count only with the Job that has made them
 * @param run - value of the annotation `run`; undefined chooses all
 */
export function ofRun(
  all: Pick<Objects, "jobs" | "pods"> & { readonly made?: readonly V1Pod[] },
  run: string | undefined,
): Pick<Objects, "jobs" | "pods"> {
  const jobs = all.jobs.filter((job) => run === undefined || runOfJob(job) === run);
  const byJobs = isMadeBy(all.jobs);
  const pods = all.pods.filter(
    (pod) => run === undefined || (pod.metadata?.annotations?.[key] === run && !byJobs(pod)),
  );
  const ofJobs = [...all.pods, ...(all.made ?? [])].filter(isMadeBy(jobs));
  const each = new Map([...pods, ...ofJobs].map((pod) => [pod.metadata?.uid, pod]));
  return { jobs, pods: [...each.values()] };
}

function isMadeBy(jobs: readonly V1Job[]): (pod: V1Pod) => boolean {
  const uids = new Set(jobs.map(({ metadata }) => metadata?.uid));
  return ({ metadata }) => metadata?.ownerReferences?.some(({ uid }) => uids.has(uid)) ?? false;
}

/** As the operator reads it: what stands on a Job goes before what stands on its template. */
function runOfJob({ metadata, spec }: V1Job): string | undefined {
  return metadata?.annotations?.[key] ?? spec?.template.metadata?.annotations?.[key];
}

async function all<T>(
  { client, namespace }: Session,
  resource: Resource,
  labelSelector: string | undefined,
): Promise<T[]> {
  const which = { namespace, ...(labelSelector === undefined ? {} : { labelSelector }) };
  const need = { verbs: ["list"], resource: resource.plural, namespace };
  try {
    return await withRight(need, async () => {
      const found: T[] = [];
      for await (const object of listed<T>(client, resource, which)) found.push(object);
      return found;
    });
  } catch (error) {
    const { cause } = error as Error;
    if (labelSelector === undefined || !isStatus(cause, 400)) throw error;
    const message = `-l ${labelSelector}: it is no selector of labels; allowed is what kubectl takes, such as run=17 or 'run in (17,18)'. The API server says: ${cause.body.message}`;
    throw new CliError(message, exits.usage, { cause });
  }
}

/** They say which registry is meant where two steps write it in different ways; without them the graph is nearly the same. */
async function cachesIn(session: Session): Promise<Pick<Found, "caches" | "hasCaches" | "notes">> {
  try {
    return { caches: await listCaches(session), hasCaches: true, notes: [] };
  } catch (error) {
    const isMissing =
      error instanceof CliError && [exits.denied, exits.notFound].some((code) => code === error.exitCode);
    if (!isMissing) throw error;
    return { caches: [], notes: [`${error.message} Registries are told apart by the annotations alone.`] };
  }
}
