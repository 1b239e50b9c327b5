import { visible, visibleLines } from "./problems.ts";

/**
 * What is allowed, but may not be meant. Every warning has a stable code; the catalogue below is also the source of
 * docs/reference/errors.md.
 */

/** One thing that may not be meant: where, and what follows from it. */
export interface Warning {
  readonly code: WarningCode;
  /** Full annotation key, or path of the field in the submitted object; empty for the object as a whole. */
  readonly path: string;
  /** A sentence. */
  readonly message: string;
}

interface CatalogueEntry {
  readonly summary: string;
  readonly fix: string;
}

/** Each code with what it means and what to do about it. */
export const warningCatalogue = {
  StaysSuspended: {
    summary: "A Job that waits for its inputs was resumed, and stays suspended until they are there.",
    fix: 'Set wait-for-inputs to "false" to start it by hand. Leave suspend out of its manifest.',
  },
  WaitsInPod: {
    summary:
      "The operator was installed with workflow.enabled: false, so the step waits for its inputs inside its Pod.",
    fix: "Set wait-timeout, so that it does not hold its node for ever. Or ask who installed the operator for workflow.enabled.",
  },
  WaitsForItself: {
    summary: "The step waits for an artifact that it pushes itself.",
    fix: "Give the output another tag. If the step is meant to update its input, push the first one by hand.",
  },
  PartsOfOneName: {
    summary: "The outputs of all Pods have files of one name, so that no client can pull the index of them.",
    fix: "Put $(JOB_COMPLETION_INDEX) into the last part of output-path or output-pipe.",
  },
  DeadlineWhileWaiting: {
    summary:
      "The activeDeadlineSeconds of the Job or Pod runs while the step waits for its inputs, and then ends it.",
    fix: "Remove activeDeadlineSeconds, or make it longer than the inputs may take. wait-timeout bounds the waiting.",
  },
  WaitingTakesPlace: {
    summary:
      "Pods of the Job wait each for inputs of its index or name, and take the place of others that could run.",
    fix: "Set parallelism to completions. Pods that wait take no node; set wait-timeout if an input may never come.",
  },
  WaitsInRollout: {
    summary: "Pods of a Deployment, StatefulSet, DaemonSet or ReplicaSet wait for inputs.",
    fix: "Use a Job if the step ends. Otherwise see that the inputs are there before the rollout, or raise progressDeadlineSeconds.",
  },
  CacheNotFound: {
    summary: "The step uses an OrasCache that does not exist in its namespace yet.",
    fix: "Create the OrasCache, or correct the name.",
  },
  CacheOfOthers: {
    summary: "The step uses the OrasCache of another namespace and names no Secret with its password.",
    fix: "Copy the login into a Secret of the step's namespace and name it in oras-env, unless that OrasCache has auth.type none; and let the namespace in by networkPolicy.from of the OrasCache.",
  },
  LoginUnknown: {
    summary:
      "The step was injected without an operator, and its OrasCache asks for a password that it, or a node that mounts its input, is not given.",
    fix: "Apply the step as it was: the operator injects it. Or give inject the OrasCache with its status, which names the Secret.",
  },
  CacheSuspended: {
    summary: "The OrasCache of the step is suspended, so no registry runs.",
    fix: "Set spec.suspend of the OrasCache to false before the timeout of the step is over.",
  },
  TimeoutTooShort: {
    summary: "The step gives up sooner than the registry of its OrasCache can be restarted.",
    fix: "Raise the annotation timeout, or lower spec.drainSeconds of the OrasCache.",
  },
  NodesNeedCa: {
    summary: "The input is a volume, which nodes pull from a registry whose certificate the operator issues.",
    fix: "Give the CA to the nodes, as the page about nodes shows. If they have it, nothing needs to be done.",
  },
  CacheNotUsed: {
    summary:
      "The step names an OrasCache and does not use it, because it names a registry, too, or each of its artifacts names its own.",
    fix: "Remove oras-cache, or what is used instead: registry, or oci:// and the host of an artifact.",
  },
  RegistryNotUsed: {
    summary: "The step names a registry, but each of its artifacts names another one.",
    fix: "Remove registry, or oci:// and the host of an artifact.",
  },
  CompressionNotUsed: {
    summary: "The step says how to compress its output, but the output is a file, which is pushed as it is.",
    fix: "Remove compression, or push a directory with output-path.",
  },
  ContainerWithoutOutput: {
    summary:
      "A container of the step has no output. It is wrapped, and nothing is pushed before it has ended with success.",
    fix: "Set output-path or output-pipe with the number of the container, or remove its annotation container.",
  },
  OutputIsInput: {
    summary: "The step pushes its output as an artifact that it also reads, so a retry reads what it pushed.",
    fix: "Give the output another tag, unless the step is meant to update its input.",
  },
  OneOutputForAllPods: {
    summary: "All Pods of the Job push their output as the same artifact, and the last push wins.",
    fix: "Write the variable that the message names into output-uri.",
  },
  InputInWorkingDirectory: {
    summary:
      "The step names a directory for the inputs of one container; another container unpacks them in its working directory.",
    fix: "Set input-path with the number of that container, too.",
  },
  UnpinnedScript: {
    summary: "A script is fetched and run without a checksum: a person who changes it runs code in the Pod.",
    fix: "Add #sha256=… with the checksum of the script to its URL.",
  },
  NoClusterNames: {
    summary: "The Pod resolves names as its node does, so it cannot find the registry of the cache.",
    fix: "Remove dnsPolicy, or name a remote registry.",
  },
  RepeatedStep: {
    summary: "A Pod without a controller starts the step again each time it ends.",
    fix: "Set restartPolicy of the Pod to OnFailure or Never, unless the step is meant to run forever.",
  },
  ProbeNeedsTime: {
    summary: "The kubelet may end the step while it unpacks inputs or packs outputs, because a probe fails.",
    fix: "Give the probe a failureThreshold that covers this time, or remove it.",
  },
  NotExpanded: {
    summary: "A path has characters that a shell would expand, but no shell reads it.",
    fix: "Write the path out, or use a variable such as $(POD_NAME).",
  },
  SecretInOutput: {
    summary: "A Secret or a token is mounted in the output directory. It is left out of the artifact.",
    fix: "Nothing needs to be done. To be without the warning, mount it elsewhere.",
  },
  InjectionRemoved: {
    summary: "The object has containers that the operator added earlier, but no annotations.",
    fix: "Add the annotations if the copy should pull or push.",
  },
  NotInjected: {
    summary:
      "A controller makes Pods without the container that their annotations name, so they are left as they are.",
    fix: "Ignore this where Pods of several kinds share their annotations. Otherwise name one of the containers.",
  },
} as const satisfies Record<string, CatalogueEntry>;

/** The stable code of a warning. */
export type WarningCode = keyof typeof warningCatalogue;

/**
 * One line for a person: path, sentence, code.
 *
 * @returns for example `spec.dnsPolicy: Default does not resolve names of the cluster. (NoClusterNames)`
 */
export function describeWarning({ code, path, message }: Warning): string {
  return `${path === "" ? "" : `${visible(path)}: `}${visibleLines(message)} (${code})`;
}
