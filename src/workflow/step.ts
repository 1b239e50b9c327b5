import { names } from "../../schema/names.ts";
import { variablePattern } from "../../schema/variables.ts";
import { type AnnotationMap, isAnnotated } from "../annotations/map.ts";
import { readAnnotations } from "../annotations/parse.ts";
import { describeProblems } from "../annotations/problems.ts";
import {
  type ArtifactReference,
  formatRegistry,
  hostOf,
  type Registry,
  registryOf,
} from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import { annotations as table } from "../annotations/table.ts";
import { usesRun, type Values, withValues } from "../annotations/variables.ts";
import { decidedDefaults } from "./gate.ts";

/** An artifact of a step: in which registry, and which. */
export interface Artifact {
  /** `cache NAME` of the namespace, or the URL of a registry: equal for equal registries. */
  readonly registry: string;
  readonly repository: string;
  /** `:tag` or `@sha256:…`. */
  readonly version: string;
}

/** The Secret with the logins that the author of a step gives it. */
export interface StepLogin {
  /** Its name, in the namespace of the step. */
  readonly secret: string;
  /** The one registry that a user and a password of it are for: the first of these that is a remote one. */
  readonly registries: readonly string[];
}

/** An input of a step that may wait for it. */
export interface StepInput extends Artifact {
  /** The annotation, as its author wrote it. */
  readonly written: string;
  /** Its author names a digest. A value of `run` may have been used before. */
  readonly exact: boolean;
  /** With what the step logs in where it is in a remote registry; undefined: as anybody. */
  readonly login?: StepLogin;
}

/** What the annotations of a step say of its place among others. */
export interface StepPlan {
  readonly inputs: readonly StepInput[];
  readonly output: Artifact | undefined;
  /** Of a Job: the index of what its Pods push, which the operator writes. */
  readonly index?: Artifact | undefined;
  /** What it pushes if it fails. */
  readonly left?: Artifact | undefined;
  readonly waits: boolean;
  readonly timeoutSeconds: number | undefined;
  readonly onProducerFailure: "wait" | "fail";
  readonly batch: Settings["batch"];
  /** What is wrong with its annotations: then the rest is what the others say, and it does not start. */
  readonly problem?: string;
  readonly memo: Settings["memo"];
  /** Of a step with `$(RUN)` in its output: its run, and the output as its author wrote it, which is the same in each run. */
  readonly run?: { readonly name: string; readonly output: string };
}

/**
 * Reads what the annotations of a step say of its place among others.
 *
 * @param annotations - of the Job, or of the Pod
 * @param known - variables whose values are known
 * @param gate - the annotation gate, if it has one
 * @returns undefined where they are no step's. Annotations that were accepted may be refused later: by another version, or where
 *   they were changed past the webhook
 */
export function planOf(
  annotations: AnnotationMap,
  known: Values,
  gate?: string | undefined,
): StepPlan | undefined {
  if (!isAnnotated(annotations)) return undefined;
  const { settings, problems } = readAnnotations(annotations, decidedDefaults(gate));
  const { inputs, output, outputIndex, failure, waitTimeoutSeconds, onProducerFailure, batch, memo } =
    settings;
  const written = Object.keys(annotations)
    .filter((key) => inputKey.test(key))
    .sort((a, b) => numberOf(a) - numberOf(b))
    .map((key) => annotations[key] ?? "");
  const artifact = (reference: ArtifactReference) => artifactOf(settings, reference, known);
  const login = loginOf(settings);
  return {
    inputs: inputs.map((input, i) => ({
      ...artifact(input),
      written: written[i] ?? "",
      exact: input.version.startsWith("@"),
      ...(login && { login }),
    })),
    output: output && artifact(output),
    ...(outputIndex && { index: artifact(outputIndex) }),
    ...(failure && { left: artifact(failure) }),
    waits: settings.waitForInputs,
    timeoutSeconds: waitTimeoutSeconds,
    onProducerFailure,
    batch,
    ...(problems.length > 0 && { problem: describeProblems(problems) }),
    memo,
    ...runOf(annotations, known),
  };
}

function runOf(annotations: AnnotationMap, known: Values): Pick<StepPlan, "run"> {
  const written = annotations[table["output-uri"].key] ?? "";
  const name = annotations[table.run.key];
  if (name === undefined || !usesRun(written)) return {};
  return { run: { name, output: withValues(written, known) } };
}

const inputKey = new RegExp(`^${table["input-uri"].key.replaceAll(".", "\\.")}(_[0-9]+)?$`);

function numberOf(key: string): number {
  return Number(/_([0-9]+)$/.exec(key)?.[1] ?? 0);
}

/** See credentialsHost of src/injection/agent.ts: whether a cache is a remote registry is not known here. */
function loginOf({ orasEnv, registry, cache, output, inputs, failure }: Settings): StepLogin | undefined {
  if (orasEnv === undefined) return undefined;
  const urlOf = ({ host, plainHttp }: Registry) => formatRegistry({ host: host.toLowerCase(), plainHttp });
  const named = [output, ...inputs, failure].flatMap((reference) => reference?.host ?? []).slice(0, 1);
  return {
    secret: orasEnv,
    registries: [
      registry === undefined ? `cache ${cache}` : urlOf(registry),
      ...named.map((host) => urlOf({ host, plainHttp: false })),
    ],
  };
}

function artifactOf(
  { registry: own, cache }: Settings,
  reference: ArtifactReference,
  known: Values,
): Artifact {
  const version = withValues(reference.version, known);
  const repository = withValues(reference.repository, known);
  if (own === undefined && reference.host === undefined)
    return { registry: `cache ${cache}`, repository, version };
  // Whether a prefix is the registry's or the repository's, it is the same artifact.
  const { prefix, host, plainHttp } = registryOf(own ?? { host: "", plainHttp: false }, reference);
  return {
    registry: formatRegistry({ host: hostOf({ host, plainHttp }), plainHttp }),
    repository: prefix === undefined ? repository : `${prefix}/${repository}`,
    version,
  };
}

/**
 * A plan with more variables known, as of a Pod of the step.
 *
 * @param plan - of the step
 * @param known - variables whose values are known now
 */
export function planWith(plan: StepPlan, known: Values): StepPlan {
  const inputs = plan.inputs.map((input) => filled(input, known));
  const { output, left } = plan;
  return {
    ...plan,
    inputs,
    output: output && filled(output, known),
    ...(left && { left: filled(left, known) }),
  };
}

function filled<T extends Artifact>(artifact: T, known: Values): T {
  return {
    ...artifact,
    repository: withValues(artifact.repository, known),
    version: withValues(artifact.version, known),
  };
}

/** What one Pod of an Indexed Job pushes. */
export function withIndex(output: Artifact, index: number): Artifact {
  return filled(output, { JOB_COMPLETION_INDEX: `${index}` });
}

/** One word for an artifact, for maps. */
export function idOf({ registry, repository, version }: Artifact): string {
  return `${registry} ${repository}${version}`;
}

/** The same for one of a namespace: a name of an OrasCache says nothing without it. */
export function idIn(namespace: string, artifact: Artifact): string {
  return `${namespace} ${idOf(artifact)}`;
}

/** An artifact as people write it. */
export function spokenArtifact({ registry, repository, version }: Artifact): string {
  const host = registry.startsWith("cache ") ? "" : `${registry.replace(/^https?:\/\//, "")}/`;
  return `${host}${repository}${version}`;
}

/** Whether the name of an artifact has variables whose values only its Pods know. */
export function isOpen({ repository, version }: Artifact): boolean {
  return `${repository}${version}`.includes("$(");
}

/** What stands in the name of an artifact before its first variable, and behind its last one. */
export function endsOf({ repository, version }: Artifact): { readonly first: string; readonly last: string } {
  const [first = "", ...others] = `${repository}${version}`.split(variablePattern);
  return { first, last: others.at(-1) ?? "" };
}

/**
 * Whether a step with this output may push an artifact.
 *
 * @param output - that may have variables
 * @param artifact - that has none
 */
export function mayPush(output: Artifact, artifact: Artifact): boolean {
  if (!isOpen(output)) return idOf(output) === idOf(artifact);
  // With a group in its pattern, split returns what stands between variables and their names in turns.
  const pieces = idOf(output).split(variablePattern);
  const [first = "", ...others] = pieces.filter((_, i) => i % 2 === 0);
  // Beside other variables it is not known where an index ends.
  const isOfIndexes = pieces.every((name, i) => i % 2 === 0 || name === "JOB_COMPLETION_INDEX");
  const pattern = isOfIndexes ? indexPattern : valuePattern;
  const text = idOf(artifact);
  if (!text.startsWith(first)) return false;
  // From left to right, each at its first place: with a pattern, many variables would take for ever.
  let at = first.length;
  for (const [i, part] of others.entries()) {
    const isLast = i === others.length - 1;
    const next = isLast ? text.length - part.length : text.indexOf(part, at + 1);
    if (next <= at || !text.endsWith(isLast ? part : "") || !pattern.test(text.slice(at, next))) return false;
    at = next + part.length;
  }
  return true;
}

/** What a variable may stand for. */
const valuePattern = /^[A-Za-z0-9._-]+$/;
const indexPattern = /^[0-9]+$/;

/** The cache of the namespace in whose registry an artifact is, if it is in one. */
export function cacheOf({ registry }: Pick<Artifact, "registry">): string | undefined {
  return registry.startsWith("cache ") ? registry.slice("cache ".length) : undefined;
}

/** Whether a step is held by the operator, and not only by its own container. */
export function isHeld(labels: Readonly<Record<string, string>> | undefined): boolean {
  return labels?.[names.waitingLabel] === "true";
}
