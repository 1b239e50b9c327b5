import { isAnnotated, isOurs } from "../annotations/keys.ts";
import { type Problem, quoted } from "../annotations/problems.ts";
import type { Settings } from "../annotations/settings.ts";
import { variablesIn, variablesOf } from "../annotations/variables.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import {
  isPod,
  ownAnnotations,
  ownedByController,
  podAnnotations,
  type Workload,
} from "../workload/workload.ts";
import type { Answers, Verdict } from "./admission-types.ts";
import { injectWorkload } from "./apply.ts";
import { checkDns, checkLauncher, checkOutputs, checkPlatform, checkVariables, warnAbout } from "./checks.ts";
import { patchBetween } from "./patch.ts";
import { makePlan } from "./plan.ts";
import type { Open } from "./prepare.ts";
import { knownImage } from "./program.ts";
import { chooseRegistry, warnAboutCache } from "./registry.ts";
import { changed, denied, skipped } from "./verdicts.ts";

/**
 * The second half of an admission: decides about the creation of an annotated object.
 *
 * @param open - what `prepare` read
 * @param answers - to its questions
 * @returns allowed (with a patch against the raw object) or denied, with every problem at once
 */
export function decide(open: Open, answers: Answers): Verdict {
  const { workload, submitted, reading, launchers, questions, installation } = open;
  const { settings } = reading;
  const pod = workload.template.spec;
  const registry = chooseRegistry(settings, answers.cache, questions.namespace, installation.clusterDomain);
  const problems = problemsOf(open, answers, registry.ok ? registry.value : undefined);
  if (!registry.ok) problems.push(...registry.problems);
  const warnings = registry.ok ? warnAboutCache(registry.value, answers.cache, questions.namespace) : [];
  if (launchers.ok) {
    for (const launcher of launchers.value) {
      warnings.push(...warnAbout({ pod, path: workload.path, launcher, settings }));
    }
  }
  if (problems.length > 0 || !launchers.ok || !registry.ok) {
    return ownedByController(workload) && problems.every(({ code }) => code === "NoLauncher")
      ? skipped(problems)
      : denied(problems, warnings);
  }
  warnings.push(...warnAboutParallelPods(workload, settings));
  // Annotations on the template alone: each Pod is injected when it is created.
  if (!isAnnotated(ownAnnotations(workload)))
    return changed(submitted, workload.object, warnings, "stripped");
  const plan = makePlan({
    pod,
    launchers: launchers.value,
    settings,
    registry: registry.value,
    installation,
    answers,
  });
  return {
    kind: "allowed",
    patch: patchBetween(submitted, injectWorkload(workload, plan, questions.namespace)),
    warnings,
    outcome: "injected",
    ...(settings.debug ? { debug: { launchers: plan.launchers.map(({ name }) => name), settings } } : {}),
  };
}

/** Everything that is wrong with the annotations and with the Pod, in the order in which it is told. */
function problemsOf(open: Open, answers: Answers, registry: Connection | undefined): Problem[] {
  const { workload, annotations, reading, launchers } = open;
  const { settings } = reading;
  const { path, kind, template } = workload;
  const pod = template.spec;
  const problems: Problem[] = [
    ...reading.problems,
    ...conflicts(workload),
    ...checkPlatform(pod, path),
    ...checkVariables(variablesIn(annotations), kind.missingVariables(workload)),
  ];
  if (launchers.ok) {
    for (const launcher of launchers.value) {
      const known = knownImage(answers, launcher.container);
      problems.push(...checkLauncher({ pod, path, launcher, settings, known }));
    }
    problems.push(...checkOutputs(launchers.value));
  } else problems.push(...launchers.problems);
  if (registry && inCluster(registry)) problems.push(...checkDns(pod, path));
  return problems;
}

/** The same annotation on an object and on its Pod template must say the same. */
function conflicts(workload: Workload): Problem[] {
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  if (isPod(workload) || own === undefined || below === undefined) return [];
  return Object.keys(own)
    .filter((key) => isOurs(key) && below[key] !== undefined && below[key] !== own[key])
    .sort()
    .map((key) => ({
      code: "ConflictingValues",
      path: key,
      message: `found ${quoted(own[key] ?? "")} on the ${workload.kind.kind} and ${quoted(below[key] ?? "")} on its Pod template.`,
    }));
}

function warnAboutParallelPods(workload: Workload, { output }: Settings): string[] {
  const variable = workload.kind.tellsPodsApart(workload);
  if (output === undefined || variable === undefined) return [];
  const used = variablesOf(output.repository, output.version);
  if (used.some((name) => ["JOB_COMPLETION_INDEX", "POD_NAME", "POD_UID"].includes(name))) return [];
  return [
    `spec.completions: each Pod of the ${workload.kind.kind} pushes its output as the same artifact and the last push wins; $(${variable}) in output-uri keeps them apart`,
  ];
}
