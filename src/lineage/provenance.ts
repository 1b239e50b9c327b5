import type { V1Container, V1ContainerStatus, V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type AnnotationMap, isOurs } from "../annotations/map.ts";
import { readAnnotations } from "../annotations/parse.ts";
import { formatPlainReference, type Registry } from "../annotations/reference.ts";
import { annotations as table } from "../annotations/table.ts";
import { type Values, withValues } from "../annotations/variables.ts";
import { completionIndexKey, valuesOfPod } from "../workload/pod.ts";
import { hidden } from "./canonical.ts";
import type { Dependency, Provenance, StepContainer } from "./statement.ts";

/** What a step has pushed, as its Pod says. */
export interface ToldPush {
  /** With its registry: `host/repository:tag`. */
  readonly artifact: string;
  readonly digest: string;
  readonly bytes: number;
  readonly finishedAt: Date;
  readonly architecture?: string | undefined;
  /** It is no output, but what a failed step has left. */
  readonly isLeft?: true;
}

/** What is known of a step that has pushed. */
export interface Ended {
  /** As the API server has it, with what was injected. */
  readonly pod: V1Pod;
  /** Its spec without that, as its author wrote it. */
  readonly plain: V1PodSpec;
  /** The one that made it, if one did. */
  readonly job?: V1Job | undefined;
  readonly push: ToldPush;
  /** Digests that the pushed manifest names as its inputs, in the order of the annotations. */
  readonly inputs: readonly string[];
  readonly registry: Registry;
  readonly includeArguments: boolean;
  /** Version of the operator. */
  readonly operator: string;
}

/**
 * How a step made what it has pushed. No value of the environment is in it, nor anything else that a Secret may hold, unless
 * the author wrote it into arguments, and arguments are asked for.
 *
 * @param ended - what is known
 */
export function provenanceOf(ended: Ended): Provenance {
  const { pod, job, push } = ended;
  const { metadata, spec, status } = pod;
  const { namespace = "", name = "", uid = "" } = metadata ?? {};
  const annotations = stepAnnotations(pod, job);
  const index = metadata?.annotations?.[completionIndexKey];
  const plain = containersIn(ended.plain);
  const own = new Set(plain.map((container) => container.name));
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const ran = statuses.filter((container) => own.has(container.name));
  return {
    artifact: `oci://${push.artifact}`,
    digest: push.digest,
    step: job ? { kind: "Job", namespace, name: job.metadata?.name ?? "" } : { kind: "Pod", namespace, name },
    completionIndex: index === undefined ? undefined : Number(index),
    containers: plain.map((container) => containerOf(container, ended.includeArguments)),
    annotations,
    run: annotations[table.run.key],
    node: spec?.nodeName,
    architecture: push.architecture,
    operator: ended.operator,
    agent: agentOf(statuses),
    images: ran.flatMap((container) => imageOf(container, plain)),
    inputs: inputsOf(annotations, ended),
    pod: { uid, name },
    startedOn: startOf(ran),
    finishedOn: wholeSeconds(push.finishedAt),
    exitCodes: Object.fromEntries(
      ran.flatMap(({ name: of, state }) => (state?.terminated ? [[of, state.terminated.exitCode]] : [])),
    ),
    bytes: push.bytes,
    ...(push.isLeft && { isLeft: true }),
  };
}

/**
 * What a step has to push, by its annotations: `repository:tag`.
 *
 * @param pod - that has ended
 * @param job - the one that made it, if one did
 * @returns undefined where it pushes nothing
 */
export function outputOf(pod: V1Pod, job: V1Job | undefined): string | undefined {
  const { output } = readAnnotations(stepAnnotations(pod, job)).settings;
  return output && withValues(`${output.repository}${output.version}`, valuesOf(pod));
}

/**
 * What a step pushes if it fails, by its annotations: `repository:tag`.
 *
 * @param pod - that has ended
 * @param job - the one that made it, if one did
 * @returns undefined where it pushes nothing then
 */
export function failureOutputOf(pod: V1Pod, job: V1Job | undefined): string | undefined {
  const { failure } = readAnnotations(stepAnnotations(pod, job)).settings;
  return failure && withValues(`${failure.repository}${failure.version}`, valuesOf(pod));
}

/** What the author has asked the operator for: of the Pod, and of its Job. */
function stepAnnotations(pod: V1Pod, job: V1Job | undefined): AnnotationMap {
  const all = { ...pod.metadata?.annotations, ...job?.metadata?.annotations };
  return Object.fromEntries(
    Object.entries(all)
      .filter(([key]) => isOurs(key))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

interface PlainContainer extends V1Container {
  readonly init?: true;
}

function containersIn(spec: V1PodSpec | undefined): PlainContainer[] {
  const { initContainers = [], containers = [] } = spec ?? {};
  return [...initContainers.map((container) => ({ ...container, init: true as const })), ...containers];
}

function containerOf(
  { name, image = "", init, command = [], args = [] }: PlainContainer,
  includeArguments: boolean,
): StepContainer {
  const about = { name, image, ...(init && { init }) };
  if (!includeArguments) return { ...about, programDigest: hidden([command, args]) };
  return { ...about, ...(command.length > 0 && { command }), ...(args.length > 0 && { args }) };
}

function agentOf(statuses: readonly V1ContainerStatus[]): Provenance["agent"] {
  const found = statuses.find(({ name, state }) => name.startsWith(names.pushContainer) && state?.terminated);
  return found && { image: found.image, digest: digestIn(found.imageID) };
}

function digestIn(imageID = ""): string | undefined {
  return /(?:^|@)(sha256:[a-f0-9]{64})$/.exec(imageID)?.[1];
}

/** An imported image has no digest in a registry; the kubelet names its configuration then. */
function imageOf({ name, imageID }: V1ContainerStatus, plain: readonly PlainContainer[]): Dependency[] {
  const digest = digestIn(imageID);
  if (digest === undefined) return [];
  const image = plain.find((container) => container.name === name)?.image;
  return [{ name, digest, uri: image === undefined ? undefined : `oci://${image}` }];
}

/** The manifest has one digest for each input that was pulled; where they are not as many as annotations, digests alone are told. */
function inputsOf(annotations: AnnotationMap, { pod, inputs, registry }: Ended): Dependency[] {
  const { settings } = readAnnotations(annotations);
  const values = valuesOf(pod);
  const uris = settings.inputs.map(
    (input) => `oci://${withValues(formatPlainReference(registry, input), values)}`,
  );
  const isKnown = uris.length === inputs.length;
  return inputs.map((digest, at) => ({ digest, ...(isKnown && { uri: uris[at] }) }));
}

function startOf(ran: readonly V1ContainerStatus[]): string | undefined {
  const starts = ran.flatMap(({ state }) => state?.terminated?.startedAt ?? []).map((time) => new Date(time));
  const [first] = starts
    .filter((time) => !Number.isNaN(time.getTime()))
    .sort((a, b) => a.getTime() - b.getTime());
  return first && wholeSeconds(first);
}

function wholeSeconds(time: Date): string {
  return `${time.toISOString().slice(0, 19)}Z`;
}

function valuesOf(pod: V1Pod): Values {
  const { nodeName } = pod.spec ?? {};
  return { ...valuesOfPod(pod), ...(nodeName !== undefined && { NODE_NAME: nodeName }) };
}
