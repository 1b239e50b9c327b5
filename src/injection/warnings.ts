import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { keyOf } from "../annotations/keys.ts";
import type { Reading } from "../annotations/parse.ts";
import { quoted } from "../annotations/problems.ts";
import { bringsInputs, makesOutput, type Settings, usesScripts } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import type { Warning } from "../annotations/warning.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import { restartPolicyOf } from "../workload/restarts.ts";
import type { Launcher } from "./launcher.ts";
import { isWithin, partsOf } from "./paths.ts";
import type { SecretVolumes } from "./secrets.ts";

/** What is unwise but allowed, of a step as a whole. Short: the API server cuts all warnings of a request at 4,096 bytes. */
export function warnAboutStep(
  pod: V1PodSpec,
  path: string,
  settings: Settings,
  connection: Connection | undefined,
): Warning[] {
  const warnings = (["entrypoint", "oras-entrypoint"] as const).flatMap((name): Warning[] => {
    const url = name === "entrypoint" ? settings.entrypoint : settings.orasEntrypoint;
    if (url === undefined || url.includes("#sha256=")) return [];
    const message = "without #sha256=… a person who changes the script runs code in the Pod.";
    return [{ code: "UnpinnedScript", path: annotations[name].key, message }];
  });
  if (pod.dnsPolicy === "Default" && !pod.hostNetwork && connection && inCluster(connection)) {
    const message = "Default does not resolve names of the cluster, such as the cache's.";
    warnings.push({ code: "NoClusterNames", path: `${path}.dnsPolicy`, message });
  }
  return warnings;
}

/** The Pod of a container that is wrapped. */
interface Around {
  readonly pod: V1PodSpec;
  /** Where its spec stands in the object. */
  readonly path: string;
  readonly secrets: SecretVolumes;
  /** Whether it is a Pod that no controller made: only there may the author choose any restart policy. */
  readonly isBarePod: boolean;
  readonly isCertain: Reading["isCertain"];
}

/** What is unwise but allowed, of a container that is wrapped. */
export function warnAboutContainer(around: Around, launcher: Launcher, settings: Settings): Warning[] {
  const { container } = launcher;
  const field = `${around.path}.containers[${launcher.index}]`;
  const warnings = warnAboutRestarts(around, field, container);
  for (const probe of ["livenessProbe", "startupProbe"] as const) {
    const time = container[probe] && timeFor(container, launcher, settings);
    if (!time) continue;
    const message = `it must allow for the time that ${time}, or the kubelet ends the step meanwhile.`;
    warnings.push({ code: "ProbeNeedsTime", path: `${field}.${probe}`, message });
  }
  return [
    ...warnings,
    ...warnAboutShellWords(launcher),
    ...(makesOutput(settings, launcher.settings) ? warnAboutMounts(around, field, launcher) : []),
  ];
}

/** What takes time while a probe of the author's runs: where there is no startup probe, the operator's holds others back. */
function timeFor(container: V1Container, launcher: Launcher, settings: Settings): string | undefined {
  const isHeldBack = container.startupProbe === undefined && bringsInputs(settings);
  const unpacks = bringsInputs(settings) && (!isHeldBack || usesScripts(settings));
  const packs = makesOutput(settings, launcher.settings);
  if (unpacks && packs) return "unpacking inputs and packing outputs take";
  if (unpacks) return "unpacking inputs takes";
  return packs ? "packing outputs takes" : undefined;
}

/**
 * A Deployment, a StatefulSet or a DaemonSet runs its Pods forever and allows nothing but Always, a Job does not allow
 * it. The API server writes the default into a Pod before it asks webhooks.
 *
 * @see https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy
 */
function warnAboutRestarts(
  { pod, path, isBarePod }: Around,
  field: string,
  container: V1Container,
): Warning[] {
  if (!isBarePod || restartPolicyOf(container, pod.restartPolicy) !== "Always") return [];
  const at = container.restartPolicy === undefined ? path : field;
  const message =
    "Always, which is the default of a Pod, starts the step again each time it ends; write OnFailure or Never if it should run once.";
  return [{ code: "RepeatedStep", path: `${at}.restartPolicy`, message }];
}

/** No shell reads paths: what one would replace is a part of the name. */
function warnAboutShellWords({ settings }: Launcher): Warning[] {
  const paths = [
    ["input-path", settings.inputPath],
    ["output-path", settings.outputPath],
    ["output-pipe", settings.outputPipe],
  ] as const;
  return paths.flatMap(([name, path]) => {
    const word = path === undefined ? undefined : shellWord(path);
    if (word === undefined) return [];
    const message = `${quoted(word)} is taken as it is, no shell expands it.`;
    return [{ code: "NotExpanded", path: keyOf({ name, number: settings.number }), message }];
  });
}

function shellWord(path: string): string | undefined {
  if (path === "~" || path.startsWith("~/")) return "~";
  // Variables of annotations are written $(NAME), and checked.
  return (
    /[*?]|\$\{?[A-Za-z_][A-Za-z0-9_]{0,40}\}?/.exec(path)?.[0] ?? (/\[.{1,40}\]/.exec(path)?.[0] || undefined)
  );
}

/** Who writes such a path may expect to find what is mounted below it in the artifact. */
function warnAboutMounts(
  { pod, secrets, isCertain }: Around,
  field: string,
  { container, settings }: Launcher,
): Warning[] {
  if (!isCertain("output-path") || !isCertain("output-pipe")) return [];
  const output = outputParts(container, settings.outputPath, settings.outputPipe);
  // The root as an output is refused, so nothing is pushed with it.
  if (output === undefined || output.length === 0) return [];
  const mounts = container.volumeMounts ?? [];
  const told = mounts.flatMap(({ name, mountPath }, i): Warning[] => {
    const kind = secrets.get(name);
    if (kind === undefined || !isWithin(partsOf(mountPath), output)) return [];
    return [secretInOutput(`${field}.volumeMounts[${i}]`, `${kind} at ${quoted(mountPath)}`)];
  });
  const token = partsOf(tokenPath);
  const automatic =
    pod.automountServiceAccountToken !== false && !mounts.some(({ mountPath }) => mountPath === tokenPath);
  if (automatic && isWithin(token, output)) {
    told.push(secretInOutput(field, `ServiceAccount token at ${tokenPath}`));
  }
  return told;
}

function secretInOutput(path: string, what: string): Warning {
  return {
    code: "SecretInOutput",
    path,
    message: `the ${what} lies in the output and is left out of the artifact.`,
  };
}

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Where the output is; undefined when that depends on an image's working directory, or it is a file. */
function outputParts(container: V1Container, path: string | undefined, pipe: string | undefined) {
  if (path === undefined && pipe !== undefined) return undefined;
  const directory = container.workingDir || undefined;
  if (path?.startsWith("/")) return partsOf(path);
  return directory === undefined ? undefined : partsOf(path ?? ".", partsOf(directory));
}
