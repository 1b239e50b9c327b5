import type { V1Container, V1PodSpec, V1Volume } from "@kubernetes/client-node";
import { keyOf } from "../annotations/keys.ts";
import { quoted } from "../annotations/problems.ts";
import { makesOutput, type Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { restartPolicy } from "./containers.ts";
import type { Launcher } from "./launcher.ts";
import { isWithin, partsOf } from "./paths.ts";

/** What is unwise but allowed, of a step as a whole. Short: the API server cuts all warnings of a request at 4,096 bytes. */
export function warnAboutStep(pod: V1PodSpec, path: string, settings: Settings): string[] {
  const warnings = (["entrypoint", "oras-entrypoint"] as const).flatMap((name) => {
    const url = name === "entrypoint" ? settings.entrypoint : settings.orasEntrypoint;
    if (url === undefined || url.includes("#sha256=")) return [];
    return [`${annotations[name].key}: without #sha256=… whoever changes the script runs code in the Pod`];
  });
  if (pod.dnsPolicy === "Default" && !pod.hostNetwork && settings.registry === undefined) {
    warnings.push(`${path}.dnsPolicy: Default does not resolve names of the cluster, such as the cache's`);
  }
  return warnings;
}

/** What is unwise but allowed, of a container that is wrapped. */
export function warnAboutContainer(
  { pod, path, secrets }: { pod: V1PodSpec; path: string; secrets: SecretVolumes },
  launcher: Launcher,
  settings: Settings,
): string[] {
  const { container } = launcher;
  const field = `${path}.containers[${launcher.index}]`;
  const warnings: string[] = [];
  if (restartPolicy(pod, container) === "Always") {
    warnings.push(
      `${path}.restartPolicy: Always repeats the step each time it ends; a step that should run once needs OnFailure or Never`,
    );
  }
  for (const probe of ["livenessProbe", "startupProbe"] as const) {
    if (!container[probe]) continue;
    warnings.push(
      `${field}.${probe}: it must allow for the time that unpacking inputs and packing outputs take, or the kubelet ends the step meanwhile`,
    );
  }
  return [
    ...warnings,
    ...warnAboutShellWords(launcher),
    ...(makesOutput(settings, launcher.settings) ? warnAboutMounts(pod, field, secrets, launcher) : []),
  ];
}

/** No shell reads paths: what one would replace is a part of the name. */
function warnAboutShellWords({ settings }: Launcher): string[] {
  const paths = [
    ["input-path", settings.inputPath],
    ["output-path", settings.outputPath],
    ["output-pipe", settings.outputPipe],
  ] as const;
  return paths.flatMap(([name, path]) => {
    const word = path === undefined ? undefined : shellWord(path);
    if (word === undefined) return [];
    return [
      `${keyOf({ name, number: settings.number })}: ${quoted(word)} is taken as it is, no shell expands it`,
    ];
  });
}

function shellWord(path: string): string | undefined {
  if (path === "~" || path.startsWith("~/")) return "~";
  // Variables of annotations are written $(NAME), and checked.
  return (
    /[*?]|\$\{?[A-Za-z_][A-Za-z0-9_]{0,40}\}?/.exec(path)?.[0] ?? (/\[.{1,40}\]/.exec(path)?.[0] || undefined)
  );
}

/** Volumes that hold what nobody should push, by their names. */
export type SecretVolumes = ReadonlyMap<string, string>;

/** The volumes of a Pod with Secrets or tokens in them. */
export function secretVolumes(pod: V1PodSpec): SecretVolumes {
  return new Map(
    (pod.volumes ?? []).flatMap((volume) => {
      const kind = secretKind(volume);
      return kind === undefined ? [] : [[volume.name, kind] as const];
    }),
  );
}

function secretKind({ secret, projected }: V1Volume): string | undefined {
  if (secret) return "Secret";
  const sources = projected?.sources ?? [];
  if (sources.some((source) => source?.secret)) return "Secret";
  return sources.some((source) => source?.serviceAccountToken) ? "ServiceAccount token" : undefined;
}

/** What is mounted below an output is packed with it. */
function warnAboutMounts(
  pod: V1PodSpec,
  field: string,
  secrets: SecretVolumes,
  { container, settings }: Launcher,
): string[] {
  const output = outputParts(container, settings.outputPath, settings.outputPipe);
  if (output === undefined) return [];
  const mounts = container.volumeMounts ?? [];
  const told = mounts.flatMap(({ name, mountPath }, i) => {
    const kind = secrets.get(name);
    if (kind === undefined || !isWithin(partsOf(mountPath), output)) return [];
    return [
      `${field}.volumeMounts[${i}]: the ${kind} at ${quoted(mountPath)} lies in the output and is pushed with it`,
    ];
  });
  const token = partsOf(tokenPath);
  const automatic =
    pod.automountServiceAccountToken !== false && !mounts.some(({ mountPath }) => mountPath === tokenPath);
  if (automatic && isWithin(token, output)) {
    told.push(`${field}: the ServiceAccount token at ${tokenPath} lies in the output and is pushed with it`);
  }
  return told;
}

const tokenPath = "/var/run/secrets/kubernetes.io/serviceaccount";

/** Where the output is; undefined when that depends on an image's working directory, or it is a file. */
function outputParts(container: V1Container, path: string | undefined, pipe: string | undefined) {
  if (path === undefined && pipe !== undefined) return undefined;
  const directory = container.workingDir || undefined;
  if (path?.startsWith("/")) return partsOf(path);
  return directory === undefined ? undefined : partsOf(path ?? ".", partsOf(directory));
}
