import type { LauncherSettings, Settings } from "../annotations/settings.ts";

const scheduling =
  "Says where and when the Pod runs. What it says of the architecture is a part of the key for itself.";
const amounts =
  "How much a program gets changes how long it takes. A program that reads it says so in memoize-extra.";
const requests = "Says which node has room. What a device is, its limit says as well.";
const probes = "Says when a container is started again or gets requests. A result counts only after success.";
const end = "Says when or how a program is ended. A result counts only after success.";
const names = "A name that the program does not see.";
const pulls = "How an image comes to the node. Its digest is in the key.";
const waiting = "Says when the step starts. What its inputs are then is in the key.";
const account = "Who the Pod is at the API server.";
const message = "Where the kubelet reads a message after the end.";

type Reasons<Path extends string = string> = Readonly<Partial<Record<Path, string>>>;

/**
 * What does not count in a key, as paths below the Pod's spec, each of its containers, each of its volumes, the settings of
 * a step and each of its launchers, with the reason why it cannot change a result. What is not in it counts: a field that a
 * later version of Kubernetes adds makes a step run, and never gives it a wrong result.
 */
export const uncounted = {
  pod: {
    activeDeadlineSeconds: end,
    affinity: scheduling,
    imagePullSecrets: pulls,
    nodeName: scheduling,
    nodeSelector: scheduling,
    overhead: scheduling,
    preemptionPolicy: scheduling,
    priority: scheduling,
    priorityClassName: scheduling,
    readinessGates: probes,
    "resources.limits.cpu": amounts,
    "resources.limits.memory": amounts,
    "resources.requests": requests,
    schedulerName: scheduling,
    schedulingGates: scheduling,
    schedulingGroup: scheduling,
    serviceAccount: account,
    serviceAccountName: account,
    terminationGracePeriodSeconds: end,
    tolerations: scheduling,
    topologySpreadConstraints: scheduling,
  },
  container: {
    imagePullPolicy: pulls,
    "lifecycle.preStop": end,
    livenessProbe: probes,
    name: names,
    readinessProbe: probes,
    resizePolicy: amounts,
    "resources.limits.cpu": amounts,
    "resources.limits.ephemeral-storage": amounts,
    "resources.limits.memory": amounts,
    "resources.requests": requests,
    startupProbe: probes,
    terminationMessagePath: message,
    terminationMessagePolicy: message,
  },
  volume: {
    "image.pullPolicy": pulls,
    name: names,
  },
  settings: {
    batch: waiting,
    cache: "Where artifacts are kept.",
    debug: "What is written to the log.",
    failure: "Where goes what is left of a step that failed, which is never taken for its output.",
    inputs: "Where inputs come from. Their content is in the key.",
    memo: "Which results are used again. What of it counts is in the key for itself.",
    onProducerFailure: waiting,
    orasEnv: "Who the step is at the registry.",
    output: "Where the output goes.",
    outputIndex: "Where the list of all outputs goes.",
    registry: "Where artifacts are kept.",
    resources: amounts,
    shareSizeLimit: amounts,
    timeoutSeconds: end,
    waitForInputs: waiting,
    waitTimeoutSeconds: waiting,
  },
  launcher: {
    container: "Its place in the list of containers is in the key.",
    number: names,
  },
} as const satisfies {
  readonly pod: Reasons;
  readonly container: Reasons;
  readonly volume: Reasons;
  readonly settings: Reasons<keyof Settings>;
  readonly launcher: Reasons<keyof LauncherSettings>;
};

/** What the paths of the list are below of. */
export type Kind = keyof typeof uncounted;

/**
 * An object without what does not count. A parent that has nothing else goes too, as the API server keeps some of them empty.
 *
 * @param kind - of the object
 * @param object - is not changed
 */
export function counted(kind: Kind, object: object): Record<string, unknown> {
  return Object.keys(uncounted[kind])
    .map((path) => path.split("."))
    .reduce<Record<string, unknown>>(without, { ...object });
}

function without(
  object: Record<string, unknown>,
  [name = "", ...rest]: readonly string[],
): Record<string, unknown> {
  const { [name]: found, ...others } = object;
  if (rest.length === 0 || found === undefined || found === null) return others;
  const left = without(found as Record<string, unknown>, rest);
  return Object.keys(left).length === 0 ? others : { ...others, [name]: left };
}
