import type {
  V1Container,
  V1EnvVar,
  V1PodSpec,
  V1Probe,
  V1Volume,
  V1VolumeMount,
} from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { shareNames } from "../../schema/share.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { bringsInputs, usesScripts } from "../annotations/settings.ts";
import {
  applicationArguments,
  execArguments,
  protocolPaths,
  scriptArguments,
  startedProbe,
} from "./agent.ts";
import { environmentFor } from "./arguments.ts";
import { addsContainer, initContainers, pushContainers, volumes } from "./containers.ts";
import { inputMounts, inputPullSecrets } from "./input-volume.ts";
import { defaultContainerKey, type Launcher } from "./launcher.ts";
import type { Injection, Program } from "./marker.ts";
import type { PodShape } from "./pod-shape.ts";
import { knownImage, programOf } from "./program.ts";
import { describeInjection, withRecord } from "./record.ts";
import { addedResources } from "./resources.ts";
import { removesInputs } from "./restart.ts";
import { agentIn, barrier, operatorFolder, partMounts, scriptMounts } from "./share.ts";
import type { Step } from "./step.ts";

/** Everything that an injection adds to a Pod and sets in its launchers. */
export interface Plan {
  readonly shape: PodShape;
  /** Labels of the Pod. */
  readonly labels: Readonly<Record<string, string>>;
  /** All of this, for those who have to find it again. */
  readonly injection: Injection;
  readonly launchers: readonly LauncherPlan[];
  readonly volumes: readonly V1Volume[];
  readonly initContainers: readonly V1Container[];
  /** Where there is an init container they stand last; else before the Pod's own. */
  readonly containers: readonly V1Container[];
}

/** What is set in a launcher. */
export interface LauncherPlan {
  /** Name of the container. */
  readonly name: string;
  /** The container as it was submitted. */
  readonly before: Program;
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** How many words of these stand in front of the program. */
  readonly ownWords: number;
  readonly env: readonly V1EnvVar[];
  readonly startupProbe?: V1Probe;
  readonly mounts: readonly V1VolumeMount[];
}

/**
 * Decides what is injected.
 *
 * @param given - the Pod, its launchers (whose programs are known), the settings, the registry and the shape
 * @param namespace - of the object
 * @param podAnnotations - that the Pod has
 * @returns the plan; the same input gives the same plan
 */
export function makePlan(
  given: Omit<Step, "free" | "resources">,
  namespace: string,
  podAnnotations: AnnotationMap | undefined,
): Plan {
  const { pod, launchers, settings, answers, shape } = given;
  const resources = addedResources({
    pod,
    launchers,
    wanted: settings.resources,
    ranges: answers.limitRanges ?? [],
    beside: addsContainer(settings, shape),
  });
  const step: Step = { ...given, resources, free: freeNames(pod) };
  const parts = {
    launchers: step.launchers.map((launcher, index) => planLauncher(step, launcher, index)),
    volumes: volumes(step),
    initContainers: initContainers(step),
    containers: pushContainers(step),
  };
  const defaultContainer =
    shape === "hook" && podAnnotations?.[defaultContainerKey] === undefined
      ? launchers[0]?.container.name
      : undefined;
  const injection = describeInjection({
    ...parts,
    namespace,
    defaultContainer,
    pullSecrets: inputPullSecrets(step),
  });
  const { cache } = step.registry;
  return {
    ...parts,
    shape,
    ...(shape === "hook"
      ? { containers: withRecord(parts.containers, injection) }
      : { initContainers: withRecord(parts.initContainers, injection) }),
    injection,
    labels: {
      [names.injectedLabel]: "true",
      ...(cache === undefined ? {} : { [names.usesCacheLabel]: cache }),
    },
  };
}

function planLauncher(step: Step, launcher: Launcher, index: number): LauncherPlan {
  const { inputPath, outputPath, outputPipe } = launcher.settings;
  const mounts = inputMounts(step, launcher);
  const path = freeMountPath(launcher.container, mounts);
  const volume = step.free.volume(names.shareVolume);
  return {
    name: launcher.container.name,
    before: launcher.container,
    ...wrap(step, launcher, path),
    env: [
      ...environmentFor(inputPath, outputPath, outputPipe),
      ...(step.shape === "hook" ? [barrier(index, volume)] : []),
    ],
    ...startupProbeOf(step, launcher, path),
    mounts: [
      ...sharedWith(step, launcher, index, path).map((mount) => ({ name: volume, ...mount })),
      ...mounts,
    ],
  };
}

function sharedWith({ pod, settings, shape }: Step, { container }: Launcher, index: number, path: string) {
  if (usesScripts(settings)) return scriptMounts(path);
  // Without an init container nothing lies packed on the share.
  return partMounts(index, path, shape === "init" && bringsInputs(settings) && removesInputs(pod, container));
}

/** Without inputs the program starts at once, and a script of the author's is no program that inputs are unpacked for. */
function startupProbeOf({ settings }: Step, { container }: Launcher, path: string) {
  if (!bringsInputs(settings) || container.startupProbe || usesScripts(settings)) return {};
  return { startupProbe: startedProbe(path) };
}

/** Command and arguments of a container as they are set. */
type Wrapped = Pick<LauncherPlan, "command" | "args" | "ownWords">;

/** The agent and its options; the program's own argument vector follows `--` as it was. */
function wrap(step: Step, launcher: Launcher, path: string): Wrapped {
  const { settings, answers } = step;
  const program = programOf(launcher.container, knownImage(answers, launcher.container));
  const inFront = (command: string[], args: readonly string[]): Wrapped => ({
    command,
    args: [...args, ...program],
    ownWords: command.length + args.length,
  });
  if (!usesScripts(settings)) return inFront([agentIn(path), "exec"], execArguments(step, launcher, path));
  const operator = `${path}/${operatorFolder}`;
  if (settings.entrypoint === undefined)
    return inFront([agentIn(operator), "application"], applicationArguments(step, launcher, path));
  const script = [`${operator}/${shareNames.entrypoint}`, ...protocolPaths(launcher)];
  return inFront([agentIn(operator), "exec"], [...scriptArguments(step, launcher, operator), ...script]);
}

/** Gives each wanted name, or the first of `name-1`, `name-2`, … that the Pod does not use. */
function freeNames(pod: V1PodSpec): Step["free"] {
  const containers = new Set(
    [...pod.containers, ...(pod.initContainers ?? []), ...(pod.ephemeralContainers ?? [])].map((c) => c.name),
  );
  const volumeNames = new Set(pod.volumes?.map((v) => v.name));
  return { container: unusedIn(containers), volume: unusedIn(volumeNames) };
}

/** Looks once for each name: a Pod may use thousands of the numbered ones. */
function unusedIn(taken: ReadonlySet<string>): (name: string) => string {
  const found = new Map<string, string>();
  return (name) => {
    let candidate = found.get(name) ?? name;
    for (let n = 1; taken.has(candidate); n++) candidate = `${name}-${n}`;
    found.set(name, candidate);
    return candidate;
  };
}

/** A mount point that neither contains nor lies in one of the container's own, or in one of others that it gets. */
function freeMountPath(container: V1Container, others: readonly V1VolumeMount[]): string {
  const taken = new Set<string>();
  // What is taken, and what lies above it. Nothing could be mounted beside a volume that is the root itself.
  const above = new Set<string>();
  for (const path of [
    ...[...(container.volumeMounts ?? []), ...others].map((m) => m.mountPath),
    ...(container.volumeDevices ?? []).map((d) => d.devicePath),
  ]) {
    const parts = partsOf(path);
    if (parts.length > 0) taken.add(`/${parts.join("/")}`);
    for (let depth = 1; depth <= shareParts.length && depth <= parts.length; depth++) {
      above.add(`/${parts.slice(0, depth).join("/")}`);
    }
  }
  const clashes = (parts: readonly string[]) =>
    above.has(`/${parts.join("/")}`) ||
    parts.some((_, i) => taken.has(`/${parts.slice(0, i + 1).join("/")}`));
  const parents = shareParts.slice(0, -1);
  const base = shareParts.at(-1) ?? "";
  for (let n = 0; ; n++) {
    const name = n === 0 ? base : `${base}-${n}`;
    const found = [[...parents, name], [name]].find((candidate) => !clashes(candidate));
    if (found !== undefined) return `/${found.join("/")}`;
  }
}

const shareParts = partsOf(names.sharePath);

function partsOf(path: string): string[] {
  return path.split("/").filter((part) => part !== "");
}
