import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { names } from "../../generated/names.ts";
import {
  initContainers,
  literal,
  option,
  pushContainers,
  type Step,
  usesCustomScripts,
  volumes,
} from "./containers.ts";

/** Everything that an injection adds to a Pod and sets in its launcher. */
export interface Plan {
  readonly launcher: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly mount: V1VolumeMount;
  readonly volumes: readonly V1Volume[];
  readonly initContainers: readonly V1Container[];
  readonly containers: readonly V1Container[];
}

/**
 * Decides what is injected.
 *
 * @param given - the Pod, its launcher (which has a command), the settings and the registry
 * @returns the plan; the same input gives the same plan
 */
export function makePlan(given: Omit<Step, "free">): Plan {
  const { pod, launcher } = given;
  const step: Step = { ...given, free: freeNames(pod) };
  const share = freeMountPath(launcher);
  return {
    launcher: launcher.name,
    ...wrap(step, share),
    // Read-only for the program: it can change nothing that a container with credentials reads or runs. Scripts
    // of the author's own speak the original's protocol, which writes there.
    mount: {
      name: step.free.volume(names.shareVolume),
      mountPath: share,
      ...(usesCustomScripts(step.settings) ? {} : { readOnly: true }),
    },
    volumes: volumes(step),
    initContainers: initContainers(step),
    containers: pushContainers(step),
  };
}

/** The launcher's command and arguments; the program's own argument vector follows `--` as it was. */
function wrap(step: Step, share: string): Pick<Plan, "command" | "args"> {
  const { settings, launcher } = step;
  const program = [...(launcher.command ?? []), ...(launcher.args ?? [])];
  const tini = [`${share}/bin/tini`, "-s", "-g", "--"];
  const shell = [`${share}/bin/busybox`, "sh"];
  if (usesCustomScripts(settings)) {
    const own = [`${share}/bin/custom-entrypoint.sh`];
    // Our sidecar script hears through a pipe that the author's script has ended.
    const held = settings.orasEntrypoint === undefined ? [...shell, `${share}/bin/original-launcher.sh`] : [];
    const file =
      settings.entrypoint === undefined
        ? [...shell, `${share}/bin/original-entrypoint.sh`]
        : [...held, ...own];
    const unset = (value: string | undefined) => literal(value ?? "NA");
    const paths = [unset(settings.outputPipe), unset(settings.inputPath), unset(settings.outputPath)];
    return { command: [...tini, ...file], args: [...paths, ...program] };
  }
  const args = [
    ...option("--share", share),
    ...option("--inputs", settings.inputs.length > 0 ? String(settings.inputs.length) : undefined),
    ...option("--input-path", settings.inputPath),
    ...option("--unpack", settings.unpack ? undefined : "false"),
    ...option("--output", settings.output ? "true" : undefined),
    ...option("--output-path", settings.outputPath),
    ...option("--output-pipe", settings.outputPipe),
    ...option("--message-path", launcher.terminationMessagePath),
    ...option("--debug", settings.debug ? "true" : undefined),
    "--",
    ...program,
  ];
  return { command: [...tini, ...shell, `${share}/bin/launch.sh`], args };
}

/** Gives each wanted name, or the first of `name-1`, `name-2`, … that the Pod does not use. */
function freeNames(pod: V1PodSpec): Step["free"] {
  const containers = new Set(
    [...pod.containers, ...(pod.initContainers ?? []), ...(pod.ephemeralContainers ?? [])].map((c) => c.name),
  );
  const volumeNames = new Set(pod.volumes?.map((v) => v.name));
  return { container: (name) => unused(name, containers), volume: (name) => unused(name, volumeNames) };
}

function unused(name: string, taken: ReadonlySet<string>): string {
  let candidate = name;
  for (let n = 1; taken.has(candidate); n++) candidate = `${name}-${n}`;
  return candidate;
}

/** A mount point that neither contains nor lies in one of the container's own. */
function freeMountPath(container: V1Container): string {
  const taken = [
    ...(container.volumeMounts ?? []).map((m) => m.mountPath),
    ...(container.volumeDevices ?? []).map((d) => d.devicePath),
  ]
    .map((path) => `${path.replace(/\/+$/, "")}/`)
    .filter((path) => path !== "/"); // nothing could be mounted beside a volume that is the root itself
  const clashes = (path: string) => taken.some((t) => `${path}/`.startsWith(t) || t.startsWith(`${path}/`));
  const [, parent = "", base = ""] = /^(.*)\/([^/]+)$/.exec(names.sharePath) ?? [];
  for (let n = 0; ; n++) {
    const name = n === 0 ? base : `${base}-${n}`;
    const path = [`${parent}/${name}`, `/${name}`].find((candidate) => !clashes(candidate));
    if (path !== undefined) return path;
  }
}
