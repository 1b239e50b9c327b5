import type { V1Job, V1ObjectMeta, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { type AnnotationMap, isOurs } from "../../annotations/map.ts";
import { readAnnotations } from "../../annotations/parse.ts";
import { addressOf, parseReference } from "../../annotations/reference.ts";
import { type AnnotationName, annotations } from "../../annotations/table.ts";
import { usesRun, type Values } from "../../annotations/variables.ts";
import { writtenValues } from "../../annotations/written.ts";
import { hostNames } from "../../cache/cache-at.ts";
import type { OrasCache } from "../../cache/types.ts";
import { type Left, leftOf, pushesOf } from "../../controllers/outcomes.ts";
import { chooseRegistry } from "../../injection/registry.ts";
import { expand, isOfOneStep } from "../../lineage/expand.ts";
import { numbersOut } from "../../lineage/fold.ts";
import type { ArtifactFacts, StepFacts } from "../../lineage/graph.ts";
import { valuesOfPod } from "../../workload/pod.ts";
import { notRunOfJob, notRunOfPod } from "../status/not-run.ts";
import { joinedIn } from "./joined.ts";
import { type Standing, standingOfJob, standingOfPod } from "./states.ts";
import { toldDigests } from "./told-digests.ts";

/** What a namespace has. */
export interface Objects {
  readonly namespace: string;
  readonly jobs: readonly V1Job[];
  readonly pods: readonly V1Pod[];
  readonly caches: readonly OrasCache[];
  /** Whether these are all: somebody may see Jobs and no OrasCaches. */
  readonly hasCaches?: boolean | undefined;
}

/** Indexes of one Job, and of all, whose artifacts are told apart; beyond, `$(JOB_COMPLETION_INDEX)` stays as it is written. */
const mostIndexes = 10_000;
const mostIndexesOfAll = 100_000;

/**
 * The steps of a namespace: Jobs, and Pods that none of these Jobs has made, which name an input or output.
 *
 * @param objects - as the API server has them
 */
export function stepsOf({ namespace, jobs, pods, caches, hasCaches = false }: Objects): StepFacts[] {
  const uids = new Set(jobs.map(({ metadata }) => metadata?.uid));
  const podsOf = Map.groupBy(pods, (pod) => ownerOf(pod, uids));
  const bare = podsOf.get(undefined) ?? [];
  const named = joinedIn(jobs, bare);
  const byName = new Map(caches.map((cache) => [cache.metadata?.name, cache]));
  let left = mostIndexesOfAll;
  const ofJob = (job: V1Job): StepFacts[] => {
    const own = podsOf.get(job.metadata?.uid) ?? [];
    const indexes = indexesOf(job);
    const isCounted = indexes <= Math.min(left, mostIndexes);
    if (isCounted) left -= indexes;
    const map = { ...job.spec?.template.metadata?.annotations, ...job.metadata?.annotations };
    const values = valuesOfJob(job, own, isCounted ? indexes : 0, namespace);
    return stepOf(
      "Job",
      job.metadata,
      { ...standingOfJob(job, own), notRun: notRunOfJob(job) },
      { map, values, pods: own, told: toldDigests(job) },
    );
  };
  const ofPod = (pod: V1Pod): StepFacts[] => {
    const map = pod.metadata?.annotations ?? {};
    return stepOf(
      "Pod",
      pod.metadata,
      { ...standingOfPod(pod), notRun: notRunOfPod(pod) },
      { map, values: [valuesOnNode(pod)], pods: [pod], told: toldDigests(pod) },
    );
  };
  const stepOf = (
    kind: StepFacts["kind"],
    metadata: V1ObjectMeta | undefined,
    { message, ...standing }: Standing & Pick<StepFacts, "notRun">,
    from: Named,
  ): StepFacts[] => {
    const { name = "", generateName, annotations: written } = metadata ?? {};
    const memoizedFrom = written?.[names.memoizedFromAnnotation];
    const artifacts = artifactsOf(from, `${kind} ${name}`, namespace, byName);
    if (artifacts.inputs.length + artifacts.outputs.length === 0) return [];
    const stem = numbersOut(generateName === undefined ? name : `${generateName}*`);
    const missing = hasCaches ? missingCache(artifacts, byName) : undefined;
    const told = { ...standing, ...(message !== undefined && { message: named(message) }) };
    const stands = missing === undefined ? told : { ...told, ...withoutCache(told, missing) };
    return [{ kind, name, stem, ...stands, ...(memoizedFrom && { memoizedFrom }), ...artifacts }];
  };
  return [...jobs.flatMap(ofJob), ...bare.flatMap(ofPod)];
}

/** Name of an OrasCache that artifacts are in, and that is not there. */
function missingCache(
  { inputs, outputs }: Pick<StepFacts, "inputs" | "outputs">,
  caches: ReadonlyMap<string | undefined, OrasCache>,
): string | undefined {
  return [...inputs, ...outputs].find(({ cache }) => cache !== undefined && !caches.has(cache))?.cache;
}

/** A step that has not started does not before its OrasCache is there, whatever else it waits for. */
function withoutCache({ state, message }: Standing, cache: string): Partial<Standing> {
  if (!["waiting", "gated", "suspended"].includes(state)) return {};
  const missing = `There is no ${names.kind} ${cache} in this namespace.`;
  return { reason: "CacheNotFound", message: message === undefined ? missing : `${missing} ${message}` };
}

/** What the artifacts of a step are read from. */
interface Named {
  readonly map: AnnotationMap;
  readonly values: readonly Values[];
  readonly pods: readonly V1Pod[];
  /** See toldDigests. */
  readonly told: ReturnType<typeof toldDigests>;
}

function artifactsOf(
  { map, values, pods, told }: Named,
  step: string,
  namespace: string,
  caches: ReadonlyMap<string | undefined, OrasCache>,
): Pick<StepFacts, "inputs" | "outputs" | "leaves" | "run"> {
  const own = Object.fromEntries(Object.entries(map).filter(([key]) => isOurs(key)));
  const { settings } = readAnnotations(own);
  const chosen = chooseRegistry(settings, caches.get(settings.cache), namespace, names.clusterDomain);
  const nameOf = hostNames({ namespace, clusterDomain: names.clusterDomain }, (of) =>
    of === namespace ? caches.values() : [],
  );
  const pushed = new Map([...told, ...pushedBy(pods.flatMap(pushesOf))]);
  const left = pushedBy(pods.flatMap(leftOf));
  const digestsOf = (wanted: AnnotationName) => {
    if (wanted === "input-uri") return undefined;
    return wanted === "failure-uri" ? left : pushed;
  };
  const named = (wanted: AnnotationName): ArtifactFacts[] =>
    writtenValues(own, wanted)
      .flatMap(({ key, value }) =>
        expand(value, values).map((reference) => ({ reference, isOfRun: usesRun(own[key] ?? "") })),
      )
      .map(({ reference, isOfRun }) => {
        const parsed = parseReference(reference);
        const place = chosen.ok
          ? addressOf(chosen.value, parsed, nameOf)
          : `${settings.cache}/${parsed.repository}${parsed.version}`;
        const address = isOfOneStep(reference) ? `${place} of ${step}` : place;
        const cache = (settings.registry ?? parsed.host) ? undefined : settings.cache;
        return {
          ...{ address, reference, isOfRun, cache },
          pushed: digestsOf(wanted)?.get(pathIn(place)),
        };
      });
  const run = own[annotations.run.key];
  return {
    inputs: named("input-uri"),
    outputs: [...named("output-uri"), ...named("output-index")],
    leaves: named("failure-uri"),
    ...(run !== undefined && { run }),
  };
}

/** By the path alone: a Pod was given the cluster's own domain in the name of the host. */
function pushedBy(pushes: readonly Left[]): ReadonlyMap<string, ArtifactFacts["pushed"]> {
  return new Map(
    pushes
      .filter(({ finishedAt }) => !Number.isNaN(finishedAt.getTime()))
      .sort((a, b) => a.finishedAt.getTime() - b.finishedAt.getTime())
      .map(({ artifact, digest, finishedAt }) => [
        pathIn(artifact),
        { digest, at: finishedAt.toISOString() },
      ]),
  );
}

function pathIn(address: string): string {
  return address.slice(address.indexOf("/") + 1);
}

/** Uid of the Job among these that has made a Pod. */
function ownerOf({ metadata }: V1Pod, jobs: ReadonlySet<string | undefined>): string | undefined {
  return metadata?.ownerReferences?.find(({ controller, uid }) => controller === true && jobs.has(uid))?.uid;
}

function indexesOf({ spec }: V1Job): number {
  return spec?.completionMode === "Indexed" ? (spec.completions ?? 1) : 0;
}

function valuesOfJob(
  { metadata, spec }: V1Job,
  pods: readonly V1Pod[],
  indexes: number,
  namespace: string,
): Values[] {
  const ofJob: Values = { JOB_NAME: metadata?.name ?? "", POD_NAMESPACE: namespace };
  if (spec?.completionMode !== "Indexed")
    return pods.length === 0 ? [ofJob] : pods.map((pod) => ({ ...valuesOnNode(pod), ...ofJob }));
  if (indexes === 0) return [ofJob];
  const byIndex = new Map(pods.map(valuesOnNode).map((values) => [values.JOB_COMPLETION_INDEX, values]));
  return Array.from({ length: indexes }, (_, index) => ({
    ...byIndex.get(String(index)),
    ...{ ...ofJob, JOB_COMPLETION_INDEX: String(index) },
  }));
}

function valuesOnNode(pod: V1Pod): Values {
  const { nodeName } = pod.spec ?? {};
  return { ...valuesOfPod(pod), ...(nodeName !== undefined && { NODE_NAME: nodeName }) };
}
