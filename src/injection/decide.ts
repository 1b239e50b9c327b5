import { names } from "../../schema/names.ts";
import { isAnnotated, isOurs } from "../annotations/map.ts";
import { checkFailure } from "../annotations/output.ts";
import { readAnnotations } from "../annotations/parse.ts";
import { type Problem, quoted, type Result, visible, withoutSecrets } from "../annotations/problems.ts";
import { addressOf } from "../annotations/reference.ts";
import { type Settings, withKnown } from "../annotations/settings.ts";
import { annotations as table } from "../annotations/table.ts";
import { type Values, variablesIn, variablesOf } from "../annotations/variables.ts";
import type { Warning } from "../annotations/warning.ts";
import { type CachesIn, type Places, placesFrom } from "../cache/cache-at.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import { stepDefaults } from "../cache/step-defaults.ts";
import { withoutOutputs } from "../workflow/gate.ts";
import {
  isPod,
  ownAnnotations,
  ownedByController,
  podAnnotations,
  putBack,
  type Workload,
} from "../workload/workload.ts";
import type { Answers, Verdict } from "./admission-types.ts";
import { injectSpec, injectWorkload } from "./apply.ts";
import { checkInputMounts, checkInputVolume } from "./check-input-volume.ts";
import { checkDns, checkLauncher, checkOutputs, checkPlatform, checkVariables } from "./checks.ts";
import { holdAnew } from "./held.ts";
import { checkMemo } from "./memo.ts";
import { checkIndexOf, warnAboutParts } from "./output-index.ts";
import { checkOwnRepositories } from "./own-repositories.ts";
import { patchBetween } from "./patch.ts";
import { makePlan, type Plan } from "./plan.ts";
import { chooseShape } from "./pod-shape.ts";
import type { Kept, Open } from "./prepare.ts";
import { knownImage } from "./program.ts";
import {
  chooseRegistry,
  needsCache,
  warnAboutCache,
  warnAboutLogin,
  warnAboutOthersCache,
} from "./registry.ts";
import { checkPlainHttp, checkProcesses } from "./secrecy.ts";
import { secretVolumes } from "./secrets.ts";
import { changed, denied, skipped } from "./verdicts.ts";
import { checkLimits } from "./violations.ts";
import { warnAboutAnnotations } from "./warn-annotations.ts";
import { warnAboutWaiting } from "./warn-waiting.ts";
import { warnAboutContainer, warnAboutStep } from "./warnings.ts";

/**
 * The second half of an admission: decides about the creation of an annotated object.
 *
 * @param prepared - what `prepare` read
 * @param answers - to its questions
 * @returns allowed (with a patch against the raw object) or denied, with every problem at once
 */
export function decide(prepared: Open | Kept, answers: Answers): Verdict {
  if ("verdictOf" in prepared) return prepared.verdictOf(answers);
  const open = held(prepared, answers);
  const { workload, submitted, reading, launchers, questions, installation } = open;
  const { settings } = reading;
  const pod = workload.template.spec;
  const registry = registryFor(open, answers);
  const connection = registry?.ok ? registry.value : undefined;
  const places = placesOf(open, answers);
  const problems = problemsOf(open, answers, registry, places);
  const warnings = warningsOf(open, answers, connection, places);
  if (problems.length > 0 || !launchers.ok || connection === undefined) {
    return ownedByController(workload) && problems.every(({ code }) => code === "NoSuchContainer")
      ? skipped(problems)
      : denied(problems, warnings);
  }
  warnings.push(...warnAboutWaiting(workload, settings, installation.workflow));
  warnings.push(...warnAboutParallelPods(workload, settings));
  // Annotations on the template alone: each Pod is injected when it is created.
  if (!isAnnotated(ownAnnotations(workload)))
    return changed(submitted, ofInjectedPods(workload).object, warnings, "labelled");
  const step = { pod, launchers: launchers.value, settings };
  const named = workload.kind.namesContainers(workload);
  const { shape, because } = chooseShape({ ...step, named }, answers.hookShape);
  const plan = makePlan(
    { ...step, request: open.request, registry: connection, installation, answers, shape },
    questions.namespace,
    podAnnotations(workload),
  );
  const spec = injectSpec(pod, plan);
  const beyond = checkLimits(pod, spec, answers.limitRanges ?? [], workload.path);
  if (beyond.length > 0) return denied(beyond, warnings);
  return {
    kind: "allowed",
    patch: patchBetween(
      submitted,
      injectWorkload(workload, plan, spec, { namespace: questions.namespace, request: open.request }),
    ),
    warnings,
    outcome: "injected",
    ...(settings.debug ? { debug: debugOf(plan, settings, because) } : {}),
  };
}

/** Between two tries such a Job has no Pod, and before the first: that more come is known by the Job alone. */
function ofInjectedPods(workload: Workload): Workload {
  const { metadata, template } = workload;
  const labels = { ...metadata?.labels, [names.injectedLabel]: names.injectedPods };
  return putBack(workload, template, { ...metadata, labels });
}

/** The same with what its cache says where the annotations do not, and held if it waits for its inputs. */
function held(open: Open, { cache }: Answers): Open {
  const { workflow } = open.installation;
  const { workload: found, annotations, reading: alone } = open;
  const defaults = needsCache(alone.settings, cache) ? stepDefaults(cache) : {};
  const reading = Object.keys(defaults).length > 0 ? readAnnotations(annotations, defaults) : alone;
  // Annotations on the template alone: each Pod waits by itself.
  const isStep = isAnnotated(ownAnnotations(found));
  return {
    ...open,
    reading,
    workload: isStep ? holdAnew(found, reading.settings, workflow) : withoutOutputs(found),
  };
}

/** Every discovered setting, for the operator's log: links may hold tokens, which do not belong there. */
function debugOf({ launchers, shape }: Plan, settings: Settings, because: readonly string[]): object {
  const { entrypoint, orasEntrypoint } = settings;
  return {
    launchers: launchers.map(({ name }) => visible(name)),
    podShape: shape,
    ...(because.length > 0 && { because: because.map(visible) }),
    settings: {
      ...settings,
      ...(entrypoint === undefined ? {} : { entrypoint: withoutSecrets(entrypoint) }),
      ...(orasEntrypoint === undefined ? {} : { orasEntrypoint: withoutSecrets(orasEntrypoint) }),
    },
  };
}

/** The step's registry; undefined where what its annotations say of it is refused already. */
function registryFor({ reading, questions, installation }: Open, answers: Answers) {
  const { settings, isCertain } = reading;
  const isKnown = isCertain("registry") && (settings.registry !== undefined || isCertain("oras-cache"));
  if (!isKnown) return undefined;
  return chooseRegistry(settings, answers.cache, questions.namespace, installation.clusterDomain);
}

/** Which registries are those of OrasCaches. Where nobody says which there are, the step's own is known. */
function placesOf({ questions, installation }: Open, { cache, cachesIn }: Answers): Places {
  const { namespace } = questions;
  const { clusterDomain } = installation;
  const own: CachesIn = (of) => (of === namespace && cache ? [cache] : []);
  return placesFrom({ namespace, clusterDomain }, cachesIn ?? own);
}

/** What variables stand for in the Pods of a step, as far as it is known. */
function valuesIn({ workload, questions }: Open): Values {
  return { ...workload.kind.knownValues(workload), POD_NAMESPACE: questions.namespace };
}

function warningsOf(
  open: Open,
  answers: Answers,
  connection: Connection | undefined,
  places: Places,
): Warning[] {
  const { workload, annotations, reading, launchers, questions } = open;
  const { namespace } = questions;
  const { settings } = reading;
  const { path, template } = workload;
  const pod = template.spec;
  const around = {
    pod,
    path,
    secrets: secretVolumes(pod),
    isBarePod: isPod(workload) && !ownedByController(workload),
    isCertain: reading.isCertain,
  };
  return [
    ...(connection ? warnAboutCache(connection, settings, answers.cache, namespace) : []),
    ...(connection ? warnAboutOthersCache(annotations, settings, namespace, places) : []),
    ...(connection ? warnAboutLogin(connection, settings, answers) : []),
    ...warnAboutAnnotations(annotations, settings, connection, answers.cache, {
      places,
      namespace,
      known: valuesIn(open),
    }),
    ...warnAboutStep(pod, path, settings, connection),
    ...warnAboutParts(settings),
    ...(launchers.ok
      ? launchers.value.flatMap((launcher) => warnAboutContainer(around, launcher, settings))
      : []),
  ];
}

/** Everything that is wrong with the annotations and with the Pod, in the order in which it is reported. */
function problemsOf(
  open: Open,
  answers: Answers,
  registry: Result<Connection> | undefined,
  places: Places,
): Problem[] {
  const { workload, annotations, reading, launchers, installation } = open;
  const { settings } = reading;
  const filled = withKnown(settings, valuesIn(open));
  const { path, kind, template } = workload;
  const pod = template.spec;
  const problems: Problem[] = [
    ...reading.problems,
    ...conflicts(workload),
    ...checkPlatform(pod, path),
    ...checkVariables(variablesIn(annotations), kind.missingVariables(workload)),
    ...(registry?.ok === false ? registry.problems : []),
    ...(registry?.ok && inCluster(registry.value) ? checkDns(pod, path) : []),
    ...(registry?.ok ? checkOwnRepositories(filled, registry.value, answers.cache, annotations, places) : []),
    ...(registry?.ok
      ? checkInputVolume(workload, settings, registry.value, answers.cache, installation, places)
      : []),
    ...failureProblems(filled, reading, registry, places),
    ...checkIndexOf(workload, settings, registry?.ok ? registry.value : undefined, places),
    ...(registry?.ok ? checkPlainHttp(settings, registry.value, installation.clusterDomain) : []),
    ...checkProcesses(
      pod,
      path,
      settings,
      (container) => knownImage(answers, container),
      installation.openshift,
    ),
  ];
  if (!reading.isCertain("container")) return problems;
  if (launchers.ok) {
    for (const launcher of launchers.value) {
      const known = knownImage(answers, launcher.container);
      problems.push(...checkLauncher({ path, launcher, settings, known }, reading.isCertain));
    }
    problems.push(...checkOutputs(launchers.value));
    problems.push(...checkInputMounts(launchers.value, path, settings, reading.isCertain));
    // What is refused for another reason may be read in another way than it is meant.
    // A step for which its cache asks runs, and an Event says why it is not memoized.
    const isAsked = annotations[table.memoize.key] !== undefined;
    if (problems.length === 0 && isAsked)
      problems.push(...checkMemo(workload, settings, launchers.value, installation.workflow));
  } else problems.push(...launchers.problems);
  return problems;
}

/** An annotation may name the registry that the OrasCache stands for. What is found without it is told already. */
function failureProblems(
  settings: Settings,
  { problems }: Open["reading"],
  registry: Result<Connection> | undefined,
  { nameOf }: Places,
): Problem[] {
  if (!registry?.ok || problems.some(({ code }) => code === "FailureIsOutput")) return [];
  return checkFailure(settings, (reference) => addressOf(registry.value, reference, nameOf));
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

function warnAboutParallelPods(workload: Workload, { output }: Settings): Warning[] {
  const variable = workload.kind.tellsPodsApart(workload);
  if (output === undefined || variable === undefined) return [];
  const used = variablesOf(output.repository, output.version);
  if (used.some((name) => ["JOB_COMPLETION_INDEX", "POD_NAME", "POD_UID"].includes(name))) return [];
  const message = `each Pod of the ${workload.kind.kind} pushes its output as the same artifact and the last push wins; $(${variable}) in output-uri keeps them apart.`;
  return [{ code: "OneOutputForAllPods", path: "spec.completions", message }];
}
