import type { V1ObjectMeta, V1PodSpec } from "@kubernetes/client-node";
import type { VariableName } from "../../generated/annotations.ts";
import { names } from "../../generated/names.ts";
import { type AnnotationMap, isAnnotated, isOurs } from "../annotations/keys.ts";
import { readAnnotations } from "../annotations/parse.ts";
import { describeProblems, type Problem } from "../annotations/problems.ts";
import type { Settings } from "../annotations/settings.ts";
import { variablesIn, variablesOf } from "../annotations/variables.ts";
import type { AdmissionRequest, Surroundings, Verdict } from "./admission-types.ts";
import { injectJob, injectPod, type JobLike, type PodLike, patchBetween } from "./apply.ts";
import { checkDns, checkLauncher, checkOutputs, checkPlatform, checkVariables, warnAbout } from "./checks.ts";
import { chooseLaunchers } from "./launcher.ts";
import { makePlan, type Plan } from "./plan.ts";
import { knownImage } from "./program.ts";
import { chooseRegistry } from "./registry.ts";
import { restoreInjection } from "./restore.ts";

/**
 * Decides about one admission request for a Pod or a Job: CREATE of an annotated object injects, UPDATE of an
 * injected one restores what `kubectl apply` set back, everything else is allowed untouched.
 *
 * @param request - with raw objects, of kind Pod or Job
 * @param around - facts from the cluster
 * @returns allowed (with a patch against the raw object) or denied, with every problem at once
 */
export function admit(request: AdmissionRequest, around: Surroundings): Verdict {
  const kind = request.kind.kind;
  if (kind !== "Pod" && kind !== "Job") return untouched();
  if (request.operation === "UPDATE") return restoreInjection(kind, request.object, request.oldObject);
  if (request.operation !== "CREATE") return untouched();
  const namespace = request.namespace ?? "default";
  return kind === "Pod"
    ? admitPod(request.object as PodLike, namespace, around)
    : admitJob(request.object as JobLike, namespace, around);
}

function admitPod(pod: PodLike, namespace: string, around: Surroundings): Verdict {
  const annotations = pod.metadata?.annotations;
  if (!isAnnotated(annotations) || isMarked(pod.metadata) || !hasContainers(pod)) return untouched();
  const decision = decide({
    annotations: annotations ?? {},
    pod: pod.spec,
    podAnnotations: annotations,
    path: "spec",
    namespace,
    around,
    conflicts: [],
    missing: [
      ...(pod.metadata?.labels?.[jobNameLabel] === undefined ? ["JOB_NAME" as const] : []),
      ...(annotations?.[completionIndexKey] === undefined ? ["JOB_COMPLETION_INDEX" as const] : []),
    ],
  });
  if (!decision.ok) {
    return ownedByController(pod.metadata) && onlyLauncherMissing(decision.problems)
      ? skipped(decision.problems)
      : denied(decision.problems, decision.warnings);
  }
  return injected(pod, injectPod(pod, decision.plan, true), decision);
}

function admitJob(job: JobLike, namespace: string, around: Surroundings): Verdict {
  const own = job.metadata?.annotations;
  const template = job.spec.template;
  const below = template.metadata?.annotations;
  if (isMarked(job.metadata) || (!isAnnotated(own) && !isAnnotated(below))) return untouched();
  if (!hasContainers(template)) return untouched();
  // The template's annotations would be refused later, Pod by Pod, for ever: they are judged here.
  const decision = decide({
    annotations: { ...pickOurs(below), ...pickOurs(own) },
    pod: template.spec,
    podAnnotations: below,
    path: "spec.template.spec",
    namespace,
    around,
    conflicts: conflicts(own ?? {}, below ?? {}),
    missing: isIndexed(job) ? [] : ["JOB_COMPLETION_INDEX"],
  });
  if (!decision.ok) {
    return ownedByController(job.metadata) && onlyLauncherMissing(decision.problems)
      ? skipped(decision.problems)
      : denied(decision.problems, decision.warnings);
  }
  const warnings = [...decision.warnings, ...warnAboutParallelPods(job, decision.settings)];
  // Annotations on the template alone: each Pod is injected when it is created.
  if (!isAnnotated(own)) return { kind: "allowed", warnings, outcome: "untouched" };
  return injected(job, injectJob(job, decision.plan, isAnnotated(below)), { ...decision, warnings });
}

/** Where the Job controller writes what two of the variables stand for. */
const jobNameLabel = "batch.kubernetes.io/job-name";
const completionIndexKey = "batch.kubernetes.io/job-completion-index";

function isIndexed(job: JobLike): boolean {
  return (job.spec as { completionMode?: string }).completionMode === "Indexed";
}

interface Question {
  readonly annotations: AnnotationMap;
  readonly pod: V1PodSpec;
  readonly podAnnotations: AnnotationMap | undefined;
  readonly path: string;
  readonly namespace: string;
  readonly around: Surroundings;
  readonly conflicts: readonly Problem[];
  /** Variables that the Pod has no value for. */
  readonly missing: readonly VariableName[];
}

type Decision =
  | { ok: false; problems: readonly Problem[]; warnings: readonly string[] }
  | { ok: true; plan: Plan; settings: Settings; warnings: readonly string[] };

function decide({
  annotations,
  pod,
  podAnnotations,
  path,
  namespace,
  around,
  conflicts,
  missing,
}: Question): Decision {
  const { settings, problems: unreadable } = readAnnotations(annotations);
  const launchers = chooseLaunchers(pod, podAnnotations, settings);
  const registry = chooseRegistry(
    settings,
    around.cache(namespace, settings.cache),
    namespace,
    around.clusterDomain,
  );
  const problems = [
    ...unreadable,
    ...conflicts,
    ...checkPlatform(pod, path),
    ...checkVariables(variablesIn(annotations), missing),
    ...(launchers.ok
      ? [
          ...launchers.value.flatMap((launcher) =>
            checkLauncher({ pod, path, launcher, settings, known: knownImage(around, launcher.container) }),
          ),
          ...checkOutputs(launchers.value),
        ]
      : launchers.problems),
    ...(registry.ok ? (registry.value.inCluster ? checkDns(pod, path) : []) : registry.problems),
  ];
  const warnings = [
    ...(registry.ok ? registry.value.warnings : []),
    ...(launchers.ok
      ? launchers.value.flatMap((launcher) => warnAbout({ pod, path, launcher, settings }))
      : []),
  ];
  if (problems.length > 0 || !launchers.ok || !registry.ok) return { ok: false, problems, warnings };
  const limitRanges = around.limitRanges?.(namespace) ?? [];
  const plan = makePlan({
    pod,
    launchers: launchers.value,
    settings,
    ...registry.value,
    around,
    limitRanges,
  });
  return { ok: true, plan, settings, warnings };
}

/** The same annotation on a Job and on its template must say the same. */
function conflicts(own: AnnotationMap, below: AnnotationMap): Problem[] {
  return Object.keys(own)
    .filter((key) => isOurs(key) && below[key] !== undefined && below[key] !== own[key])
    .sort()
    .map((key) => ({
      code: "ConflictingValues",
      path: key,
      message: `found ${JSON.stringify(own[key])} on the Job and ${JSON.stringify(below[key])} on its Pod template.`,
    }));
}

function warnAboutParallelPods(job: JobLike, settings: Settings): string[] {
  const { parallelism = 1, completions = 1 } = job.spec as { parallelism?: number; completions?: number };
  const { output } = settings;
  if (output === undefined || (parallelism <= 1 && completions <= 1)) return [];
  const used = variablesOf(output.repository, output.version);
  if (["JOB_COMPLETION_INDEX", "POD_NAME", "POD_UID"].some((name) => used.includes(name as VariableName))) {
    return [];
  }
  const say = isIndexed(job) ? "$(JOB_COMPLETION_INDEX)" : "$(POD_NAME)";
  return [
    `spec.completions: each Pod of the Job pushes its output as the same artifact and the last push wins; ${say} in output-uri keeps them apart`,
  ];
}

function pickOurs(map: AnnotationMap | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => isOurs(key)));
}

/** The API server validates after admission: it says itself what an object without containers lacks. */
function hasContainers({ spec }: PodLike): boolean {
  return Array.isArray(spec?.containers);
}

function isMarked(metadata: V1ObjectMeta | undefined): boolean {
  return metadata?.annotations?.[names.markerAnnotation] !== undefined;
}

/** JobSets and others share one annotation set between a launcher and workers that have no such container. */
function ownedByController(metadata: V1ObjectMeta | undefined): boolean {
  return metadata?.ownerReferences?.some((owner) => owner.controller === true) ?? false;
}

function onlyLauncherMissing(problems: readonly Problem[]): boolean {
  return problems.every((problem) => problem.code === "NoLauncher");
}

function untouched(): Verdict {
  return { kind: "allowed", warnings: [], outcome: "untouched" };
}

function skipped(problems: readonly Problem[]): Verdict {
  return { kind: "allowed", warnings: [`not injected: ${describeProblems(problems)}`], outcome: "skipped" };
}

function denied(problems: readonly Problem[], warnings: readonly string[]): Verdict {
  return { kind: "denied", message: describeProblems(problems), code: 422, warnings };
}

function injected(
  before: object,
  after: object,
  decision: { warnings: readonly string[]; plan: Plan; settings: Settings },
): Verdict {
  const { warnings, plan, settings } = decision;
  return {
    kind: "allowed",
    patch: patchBetween(before, after),
    warnings,
    outcome: "injected",
    ...(settings.debug ? { debug: { launchers: plan.launchers.map(({ name }) => name), settings } } : {}),
  };
}
