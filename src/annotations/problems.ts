/**
 * What can be wrong with a step's annotations or with the Pod that carries them. Every problem has a stable
 * code; the catalogue below is also the source of docs/reference/errors.md.
 */

import { refusalCatalogue } from "./refusals.ts";

/** One thing that is wrong: where (annotation key or field path), what was found, what is allowed. */
export interface Problem {
  readonly code: ProblemCode;
  /** Full annotation key, or path of the field in the submitted object. */
  readonly path: string;
  /** A sentence: what was found and what is allowed. */
  readonly message: string;
}

interface CatalogueEntry {
  readonly summary: string;
  readonly fix: string;
}

/** As many problems as are written out; the others are counted. The API server passes messages on whole. */
const mostProblems = 20;
const mostListed = 20;
/** Longest path that is shown whole: keys of annotations have at most 317 characters. */
const longestPath = 400;
/** Longest value that is quoted whole in a message. */
const longestQuote = 100;

/**
 * A value as messages show it: in quotes, cut where it is long, and nothing in it unseen.
 *
 * @param value - what somebody submitted
 */
export function quoted(value: string): string {
  const shown = withoutSecrets(value);
  return visible(JSON.stringify(shown.length > longestQuote ? `${shown.slice(0, longestQuote)}…` : shown));
}

/**
 * A line for people with every character escaped that could break it, hide in it or turn the direction of what follows:
 * terminals and logs would obey it.
 *
 * @param line - that may hold what somebody submitted
 * @see https://www.unicode.org/reports/tr36/#Bidirectional_Text_Spoofing
 */
export function visible(line: string): string {
  return line.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = character.codePointAt(0)?.toString(16) ?? "";
    return code.length > 4 ? `\\u{${code}}` : `\\u${code.padStart(4, "0")}`;
  });
}

/** The same for a text of several lines. */
export function visibleLines(text: string): string {
  return text.split("\n").map(visible).join("\n");
}

/**
 * A text without what may be a password: the user in a URL, its query, and what stands behind the name of a variable.
 * Messages are shown to others than the author, and stand in the operator's log. In a path `?` and `@` are letters, so
 * outside of a URL only
 * `?name=…` and `//user:password@` are cut: of a URL whose scheme is missing.
 *
 * @param text - that somebody wrote
 */
export function withoutSecrets(text: string): string {
  if (!/[@?=]/.test(text)) return text;
  return text
    .replace(/:\/\/\S*/g, (url) => url.replace(/^:\/\/[^/@]*@/, "://…@").replace(/\?[^#]+/g, "?…"))
    .replace(/^\/\/[^/@\s]*@|\/\/[^/@\s:]*:[^/@\s]*@/g, "//…@")
    .replace(/\?[^\s#=?]+=[^\s#]*/g, "?…")
    .replace(/^([A-Z][A-Z0-9_]*)=.*$/s, "$1=…");
}

/**
 * Names as messages list them: of many the first ones, and how many more there are.
 *
 * @param names - of containers, of objects
 */
export function listed(names: readonly string[]): string {
  const told = names.slice(0, mostListed).map((name) => quoted(name).slice(1, -1));
  return [...told, ...(names.length > mostListed ? [`and ${names.length - mostListed} more`] : [])].join(
    ", ",
  );
}

/** Each code with what it means and what to do about it. */
export const problemCatalogue = {
  AnnotationsTooLong: {
    summary: "The annotations of the object are longer than the API server allows.",
    fix: "Remove or shorten annotations.",
  },
  TooManyContainers: {
    summary: "The step names more containers than can be wrapped.",
    fix: "Wrap fewer containers, or split the step.",
  },
  TooManyInputs: {
    summary: "The step waits for more inputs than the operator watches for one step.",
    fix: 'Set wait-for-inputs to "false", or let a step before it gather its inputs into one artifact.',
  },
  UnknownAnnotation: {
    summary: "An annotation under the operator's prefix has a name that the operator does not know.",
    fix: "Correct the name, or remove the annotation.",
  },
  NotAList: {
    summary: "An annotation that takes a single value has a number.",
    fix: "Remove the number.",
  },
  BadListNumber: {
    summary: "The number of an annotation is not a whole number from 1, or has leading zeros.",
    fix: "Number the annotations _1, _2, _3, and so on.",
  },
  InvalidValue: {
    summary: "The value of an annotation is not valid.",
    fix: "Correct the value.",
  },
  RunNotSet: {
    summary: "A value has the variable $(RUN), but the annotation run is not set.",
    fix: "Set run, with another value for each run, or remove $(RUN).",
  },
  FixedWhileWaiting: {
    summary:
      "An annotation of a step that waits for its inputs was changed, and it is one that counted when the step was created.",
    fix: "Delete the step and apply it again.",
  },
  NothingToWaitFor: {
    summary: 'An annotation describes how the step waits for its inputs, but wait-for-inputs is not "true".',
    fix: 'Set wait-for-inputs to "true", or remove the annotation.',
  },
  HostInReference: {
    summary:
      "The name of an artifact begins with what looks like the host of a registry, but has no oci:// in front.",
    fix: "Put oci:// in front if it is a host. Otherwise choose a first part without dots and colons.",
  },
  NothingToDo: {
    summary: "The object has annotations of the operator, but names neither an input nor an output.",
    fix: "Set input-uri or output-uri, or remove the annotations.",
  },
  NothingToPull: {
    summary: "An annotation describes the inputs, but input-uri is not set.",
    fix: "Set input-uri, or remove the annotation.",
  },
  NothingToPush: {
    summary: "An annotation describes the output, but output-uri is not set.",
    fix: "Set output-uri, or remove the annotation.",
  },
  IndexWithoutParts: {
    summary:
      "The Job has output-index, and its output-uri does not name the output of each Pod by its index alone.",
    fix: "Put $(JOB_COMPLETION_INDEX) into the tag of output-uri, and no other variable of a Pod; or remove output-index.",
  },
  IndexMisnamed: {
    summary: "The annotation output-index does not name a tag beside the artifacts that it lists.",
    fix: "Name another tag of the repository of output-uri, such as all.",
  },
  IndexNotWritten: {
    summary: "The operator cannot write the index that output-index names.",
    fix: "Set it on an Indexed Job itself, of at most 10,000 completions, whose output is in the registry of an OrasCache; or remove it.",
  },
  FailureIsOutput: {
    summary: "What a failed step leaves would be taken for its output.",
    fix: "Give failure-uri another tag.",
  },
  CompressionOfImage: {
    summary: "The output is to be an image, and compressed in a way that images are not.",
    fix: "Remove compression, or format.",
  },
  VolumeOfSeveral: {
    summary: "Several inputs are to be mounted as one volume.",
    fix: "Let a step before it gather its inputs into one artifact, or remove input-as.",
  },
  VolumeNotKnown: {
    summary: "The input is to be a volume, and its name has a variable of the Pod.",
    fix: "Write the name out, with $(RUN) at most, or remove input-as.",
  },
  VolumeNotPinned: {
    summary:
      "The input is to be a volume and has a tag, and nothing makes that the digest that all containers of the Pod read.",
    fix: "Name the input by its digest, make the step a Job with wait-for-inputs on the Job itself, or remove input-as.",
  },
  VolumeNeedsPath: {
    summary: "The input is to be a volume, and input-path is no path that Kubernetes can mount it at.",
    fix: "Set input-path to an absolute path without colons and variables that is not the root directory, or remove input-as.",
  },
  PathIsMounted: {
    summary:
      "The input is to be a volume, and something else is mounted at its path or below it, for which an image that is read-only has no place.",
    fix: "Set input-path to another path, such as /data, or remove the other mount.",
  },
  OutputInVolume: {
    summary: "The output would be written below the input, which is a volume and read-only.",
    fix: "Set another output-path or output-pipe, or remove input-as.",
  },
  NoNodeAddress: {
    summary: "The input is to be a volume, and it is not known under which name nodes reach its registry.",
    fix: "Use an OrasCache that was created before the step and has spec.nodeAddress (kubectl oras-cache inject reads its file with -f), or remove input-as. Of another registry, write the image volume into the Pod yourself.",
  },
  NoImageVolumes: {
    summary:
      "The input is to be a volume, and the cluster is older than Kubernetes 1.35, which has image volumes by default.",
    fix: "Remove input-as.",
  },
  NotWithVolume: {
    summary: "The annotation has no effect on an input that is a volume.",
    fix: "Remove the annotation, or input-as.",
  },
  NoContainerOfNumber: {
    summary:
      "A path has a number that no container annotation has, or it has no number although the containers have one.",
    fix: "Give the path the number of its container, or name a container with that number.",
  },
  ContainerTwice: {
    summary: "The same container is named twice.",
    fix: "Name each container once.",
  },
  OutputTwice: {
    summary: "Two containers push files or directories of the same name into one artifact.",
    fix: "Give the two files or directories different names.",
  },
  NotWithScripts: {
    summary:
      "The annotation has no effect together with entrypoint or oras-entrypoint, because it is not passed to custom scripts.",
    fix: "Remove the annotation, or the script.",
  },
  VariableNotThere: {
    summary: "The Pod has no value for a variable in an annotation.",
    fix: "Use another variable, or run the step as a Job (as an Indexed Job for the completion index).",
  },
  ConflictingValues: {
    summary: "A Job and its Pod template have the same annotation with different values.",
    fix: "Keep the annotation on the Job only.",
  },
  NoSuchContainer: {
    summary: "The container to wrap does not exist in the Pod.",
    fix: "Name one of the Pod's containers.",
  },
  ReservedVariable: {
    summary: "The container to wrap sets an environment variable that the operator uses for itself.",
    fix: "Give the variable another name.",
  },
  NoCommand: {
    summary:
      "The container to wrap has no command, and the operator could not find out the entrypoint of its image.",
    fix: "Set the container's command to the ENTRYPOINT of the image, and its args, if it has none, to the CMD of the image.",
  },
  RepositoryOfOperator: {
    summary:
      "An artifact is in a repository of an OrasCache that the operator keeps for itself: spec.workflow.memo.repository, which is oras-memo by default, or oras-operator-state.",
    fix: "Write another repository.",
  },
  OutputIsRoot: {
    summary:
      'The output is the root directory: output-path is "/", or it is not set and the working directory is "/".',
    fix: "Set output-path to the file or directory to push, or set another working directory.",
  },
  InputIsRoot: {
    summary: "Inputs would be unpacked in the working directory, which is the root directory.",
    fix: "Set input-path to the directory for the inputs, or set another working directory.",
  },
  ProcessesShared: {
    summary:
      "The containers of the Pod share their processes, so one of them could read the password of oras-env. A container is safe with allowPrivilegeEscalation: false, a runAsUser that is neither 65532 nor, with capabilities, 0, and no capability that gives access to other processes.",
    fix: "Set this for every container, or remove shareProcessNamespace and hostPID, or remove oras-env.",
  },
  PasswordInPlainHttp: {
    summary: "The Secret of oras-env would be sent to a registry over plain HTTP.",
    fix: "Use HTTPS (put a private CA into the key ca.crt of the Secret), name a Service of the cluster by its whole name, or remove oras-env.",
  },
  NoClusterDns: {
    summary: "The Pod uses the host network without cluster DNS, so it cannot resolve the name of the cache.",
    fix: "Set dnsPolicy to ClusterFirstWithHostNet, or use a remote registry.",
  },
  WindowsPod: {
    summary: "The Pod runs on Windows, which the operator does not support.",
    fix: "Run the step on Linux.",
  },
  AnnotationNotRead: {
    summary: "An annotation is in a place where the operator does not read it.",
    fix: "Move it to the annotations of a Pod, of a Job, or of the template in a controller such as a CronJob.",
  },
  LabelNotRead: {
    summary: "A label has the prefix of the operator, which reads annotations only.",
    fix: "Make it an annotation.",
  },
  MistypedPrefix: {
    summary:
      "A key looks like an annotation of the operator, but has another prefix or none, so it has no effect.",
    fix: "Correct the prefix.",
  },
  BeyondLimitRange: {
    summary:
      "A LimitRange of the namespace, or the Pod-level resources, do not allow the requests or limits of the added containers.",
    fix: "Set the resources of the added containers with the requests-… and limits-… annotations, raise the Pod-level resources, or change the LimitRange.",
  },
  ChangedInjection: {
    summary:
      "The object has containers that the operator added or wrapped earlier, and they were changed afterwards, so that their original commands cannot be known.",
    fix: "Create the object from its original manifest, not from an exported object.",
  },
  CacheWithoutRegistry: {
    summary: "The OrasCache has deploy: false, but no registry.",
    fix: "Set spec.registry of the OrasCache, or the annotation registry of the step.",
  },
  ...refusalCatalogue,
} as const satisfies Record<string, CatalogueEntry>;

/** The stable code of a problem. */
export type ProblemCode = keyof typeof problemCatalogue;

/** Either a value or every problem that stands in its way. */
export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/**
 * One line for a person: path, what was found and allowed, what to do, code.
 *
 * @param problem - what is wrong
 * @returns for example `…/unpack: found "yes"; allowed is "true" or "false". Correct the value. (InvalidValue)`
 */
export function describeProblem(problem: Problem): string {
  const path = problem.path.length > longestPath ? `${problem.path.slice(0, longestPath)}…` : problem.path;
  return `${visible(`${path}: ${problem.message}`)} ${problemCatalogue[problem.code].fix} (${problem.code})`;
}

/**
 * All problems in one message, each on a line when there are several. Of very many the last are counted.
 *
 * @param problems - at least one
 * @returns the text that `kubectl apply` shows after "denied the request:"
 */
export function describeProblems(problems: readonly Problem[]): string {
  const [first] = problems;
  if (problems.length === 1 && first) return describeProblem(first);
  const told = problems.slice(0, mostProblems).map((problem) => `- ${describeProblem(problem)}`);
  const more = problems.length - told.length;
  return [`${problems.length} problems:`, ...told, ...(more > 0 ? [`and ${more} more.`] : [])].join("\n");
}
