import type { V1PodSpec } from "@kubernetes/client-node";
import { type AnnotationMap, isOurs } from "../annotations/map.ts";
import { type Reading, readAnnotations } from "../annotations/parse.ts";
import type { Result } from "../annotations/problems.ts";
import { formats } from "../annotations/table.ts";
import { readWorkload, workloadKind } from "../workload/read.ts";
import { isPod, ownAnnotations, podAnnotations, type Workload } from "../workload/workload.ts";
import type { AdmissionRequest, Answers, Installation, Questions, Verdict } from "./admission-types.ts";
import { settleEarlier } from "./earlier.ts";
import { chooseLaunchers, type Launcher } from "./launcher.ts";
import { restoreInjection } from "./restore.ts";
import { untouched } from "./verdicts.ts";

/** A request that is to be decided when its questions are answered. */
export interface Open {
  readonly settled?: undefined;
  readonly questions: Questions;
  /** The uid of the review. */
  readonly request: string;
  readonly installation: Installation;
  /** The object as it was submitted. */
  readonly submitted: object;
  /** The object without what an earlier injection left in it. */
  readonly workload: Workload;
  /** The step's annotations: the object's own, and those of its template. */
  readonly annotations: AnnotationMap;
  readonly reading: Reading;
  readonly launchers: Result<readonly Launcher[]>;
}

/** A request about an object whose injection counts, but for the logins in it. */
export interface Kept {
  readonly settled?: undefined;
  readonly questions: Questions;
  readonly verdictOf: (answers: Answers) => Verdict;
}

/** The first half of an admission: a verdict, or questions and what was read so far. */
export type Prepared = { readonly settled: Verdict } | Kept | Open;

/**
 * Reads an admission request for a Pod or a Job, once. CREATE of an annotated object is to be decided, UPDATE of an
 * injected one restores what was set back, what an earlier injection left is taken out, everything else is allowed
 * untouched.
 *
 * @param request - with raw objects; whatever they hold, this does not throw
 * @param installation - for `decide`
 * @returns a verdict, or what `decide` needs and the questions that have to be answered first
 */
export function prepare(request: AdmissionRequest, installation: Installation): Prepared {
  const kind = workloadKind(request.kind?.group, request.kind?.kind);
  if (kind === undefined) return settled;
  if (request.operation === "UPDATE") {
    const { object, oldObject, userInfo } = request;
    return { settled: restoreInjection(kind, object, oldObject, userInfo, installation.workflow) };
  }
  if (request.operation !== "CREATE") return settled;
  const workload = readWorkload(kind, request.object);
  // The API server validates after admission: it says itself what is wrong with such an object.
  if ("expected" in workload) return settled;
  const namespace = request.namespace ?? "default";
  const earlier = settleEarlier(workload, namespace, installation);
  if ("verdict" in earlier) return { settled: earlier.verdict };
  if ("verdictOf" in earlier) {
    const { cache, verdictOf } = earlier;
    return { questions: { ...noQuestions, namespace, cache }, verdictOf };
  }
  return { ...read(earlier.workload, workload.object, namespace, installation), request: request.uid };
}

/** Reads the annotations of an object that nothing is injected into. */
function read(
  workload: Workload,
  submitted: object,
  namespace: string,
  installation: Installation,
): Omit<Open, "request"> {
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  const annotations = isPod(workload) ? (own ?? {}) : { ...pickOurs(below), ...pickOurs(own) };
  const reading = readAnnotations(annotations);
  const launchers = chooseLaunchers(workload.template.spec, below, reading.settings);
  const questions = ask(workload, namespace, reading, launchers);
  return { questions, installation, submitted, workload, annotations, reading, launchers };
}

const noQuestions = { images: [], architecture: "amd64", pullSecrets: [], serviceAccount: undefined };

const settled: Prepared = { settled: untouched() };

function ask(
  workload: Workload,
  namespace: string,
  { settings }: Reading,
  launchers: Result<readonly Launcher[]>,
): Questions {
  const { spec } = workload.template;
  const images = launchers.ok ? imagesWithoutCommand(launchers.value) : none;
  const secrets = images.length === 0 ? none : pullSecrets(spec);
  // The admission plugin ServiceAccount gives a Pod without pull secrets those of its ServiceAccount, before any webhook.
  const getsSecretsLater = !isPod(workload) && images.length > 0 && !spec.imagePullSecrets?.length;
  return {
    namespace,
    cache: settings.registry === undefined ? settings.cache : undefined,
    images,
    architecture: architectureOf(spec),
    pullSecrets: secrets,
    serviceAccount: getsSecretsLater ? serviceAccount(spec) : undefined,
  };
}

const none: readonly string[] = [];

/** Images whose ENTRYPOINT counts: those of launchers without a command. */
function imagesWithoutCommand(launchers: readonly Launcher[]): readonly string[] {
  // Nearly always all have one.
  if (launchers.every(({ container }) => container.command?.length)) return none;
  const images = launchers.flatMap(({ container: { command, image } }) =>
    command?.length || image === undefined ? [] : [image],
  );
  return [...new Set(images)];
}

const mostSecrets = 10;

function pullSecrets({ imagePullSecrets }: V1PodSpec): string[] {
  const given = (imagePullSecrets ?? []).flatMap(({ name }) => (name ? [name] : []));
  return [...new Set(given)].filter(isObjectName).slice(0, mostSecrets);
}

/** The API server looks at names after admission only. */
function isObjectName(name: string): boolean {
  const { pattern, maxLength } = formats.ObjectName;
  return name.length <= maxLength && pattern.test(name);
}

function serviceAccount({ serviceAccountName }: V1PodSpec): string | undefined {
  const name = serviceAccountName || "default";
  return isObjectName(name) ? name : undefined;
}

/** Those that Kubernetes and images of several architectures call so. */
const architectures = new Set([
  "amd64",
  "arm64",
  "arm",
  "386",
  "ppc64le",
  "s390x",
  "riscv64",
  "loong64",
  "mips64le",
]);

/** The architecture that the Pod asks its node to be; most images run the same program on each. */
function architectureOf({ nodeSelector }: V1PodSpec): string {
  const wanted = nodeSelector?.["kubernetes.io/arch"];
  return wanted !== undefined && architectures.has(wanted) ? wanted : "amd64";
}

function pickOurs(map: AnnotationMap | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(map ?? {}).filter(([key]) => isOurs(key)));
}
