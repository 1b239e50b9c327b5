import type { V1Container, V1PodSpec, V1Volume, V1VolumeMount } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import {
  areWords,
  hashProgram,
  type Injection,
  ownValue,
  type Program,
  type Words,
  type Wrapped,
  wordsOf,
} from "./marker.ts";
import { agentIn, operatorFolder } from "./share.ts";

/**
 * What of an injection is there in a Pod. Names alone prove nothing: a manifest may carry an old marker, and a container
 * or volume of its own under a name that was once added. So an added volume is one that is named and is of a kind that
 * is added; an added container is one that is named and mounts the share where only those do; a wrapped container is one
 * that is named and mounts the share.
 */
export interface Present {
  readonly isAddedVolume: (volume: V1Volume) => boolean;
  readonly isAddedInit: (container: V1Container) => boolean;
  readonly isAdded: (container: V1Container) => boolean;
  /** What is known of a wrapped container. */
  readonly wrapped: (container: V1Container) => Wrapped | undefined;
  /** Where a container mounts the share: the first place, if there are several. */
  readonly mountOf: (container: V1Container) => string | undefined;
  /** Whether a mount of a wrapped container is that of the share, or of an input. */
  readonly isAddedMount: (mount: V1VolumeMount) => boolean;
}

/**
 * Finds an injection in a Pod.
 *
 * @param spec - of the Pod
 * @param injection - what was injected, by a record
 * @returns undefined when there is no share: nothing else can be there then, as nothing could mount it
 */
export function findInjection(spec: V1PodSpec, injection: Injection): Present | undefined {
  const volumes = new Set(injection.volumes);
  const [share] = injection.volumes;
  if (!spec.volumes?.some(({ name, emptyDir }) => name === share && emptyDir)) return undefined;
  const mountOf = ({ volumeMounts }: V1Container) =>
    volumeMounts?.find(({ name }) => name === share)?.mountPath;
  const isNamed = (map: Readonly<Record<string, Words>>, container: V1Container) =>
    ownValue(map, container.name) !== undefined && mountOf(container) === names.sharePath;
  const inputs = new Set(
    spec.volumes.flatMap(({ name, image }) => (image && volumes.has(name) ? [name] : [])),
  );
  return {
    isAddedVolume: ({ name, emptyDir, secret, projected, image }) =>
      volumes.has(name) && Boolean(emptyDir ?? secret ?? projected ?? image),
    isAddedInit: (container) => isNamed(injection.initContainers, container),
    isAdded: (container) => isNamed(injection.containers, container),
    wrapped: (container) => {
      const wrapped = ownValue(injection.wrapped, container.name);
      return wrapped && mountOf(container) !== undefined ? wrapped : undefined;
    },
    mountOf,
    isAddedMount: ({ name }) => name === share || inputs.has(name),
  };
}

/**
 * Whether all of an injection is there and runs as it was made. What another webhook has written in front of that (such as
 * `vault-env`) runs it all the same.
 *
 * @param spec - of the Pod
 * @param injection - what was injected
 */
export function isWhole(spec: V1PodSpec, injection: Injection): boolean {
  const present = findInjection(spec, injection);
  if (present === undefined) return false;
  const found = <T extends { name: string }>(items: readonly T[] | undefined, test: (item: T) => unknown) =>
    new Map(items?.filter(test).map((item) => [item.name, item]));
  const volumes = found(spec.volumes, present.isAddedVolume);
  const init = found(spec.initContainers, present.isAddedInit);
  const added = found(spec.containers, present.isAdded);
  const wrapped = found(spec.containers, present.wrapped);
  const areThere = (described: Readonly<Record<string, Words>>, containers: ReadonlyMap<string, Program>) =>
    Object.entries(described).every(([name, expected]) => {
      const container = containers.get(name);
      return container !== undefined && endsWith(wordsOf(container), expected);
    });
  return (
    injection.volumes.every((name) => volumes.has(name)) &&
    areThere(injection.initContainers, init) &&
    areThere(injection.containers, added) &&
    Object.entries(injection.wrapped).every(([name, before]) => {
      const container = wrapped.get(name);
      const launch = container && launchOf(container, before, present);
      return launch && originalOf(launch.program, before) && isHeldBack(container, before);
    })
  );
}

/** Whether a container still has its barrier, if it was given one: a webhook of an older Kubernetes drops what it does not know. */
function isHeldBack({ env }: V1Container, before: Wrapped): boolean {
  if (!before.env.includes(names.readyVariable)) return true;
  return env?.findLast(({ name }) => name === names.readyVariable)?.valueFrom?.fileKeyRef !== undefined;
}

function endsWith(words: readonly string[], expected: Words): boolean {
  return expected.count > 0 && areWords(words.slice(-expected.count), expected);
}

/** What a wrapped container is started with where the share is mounted: the agent, or before version 0.2.0 tini. */
export function launchersAt(mountPath: string): readonly string[] {
  return [agentIn(mountPath), agentIn(`${mountPath}/${operatorFolder}`), `${mountPath}/bin/tini`];
}

/** Whether a container has the startup probe that it was given. */
export function hasStartedProbe({ startupProbe }: V1Container, mountPath: string | undefined): boolean {
  const [program, command] = startupProbe?.exec?.command ?? [];
  return program === agentIn(`${mountPath}`) && command === "started";
}

/** What a wrapped container runs: words in front that another webhook added, and the program with its arguments. */
export interface Launch {
  readonly inFront: readonly string[];
  readonly program: readonly string[];
}

/**
 * Takes the operator's words out of what a wrapped container runs.
 *
 * @param container - that is wrapped
 * @param before - what is known of it
 * @param present - what of the injection is there
 * @returns undefined when these words are not there, or were changed
 */
export function launchOf(container: V1Container, before: Wrapped, present: Present): Launch | undefined {
  const words = wordsOf(container);
  const programs = launchersAt(present.mountOf(container) ?? "");
  const start = words.findIndex((word) => programs.includes(word));
  const end = start + before.launcher.count;
  if (start < 0 || !areWords(words.slice(start, end), before.launcher)) return undefined;
  return { inFront: words.slice(0, start), program: words.slice(end) };
}

/** Whether the program of a container is started by what lies on the share. */
export function startsOnShare(container: V1Container, { mountOf }: Present): boolean {
  return container.command?.[0]?.startsWith(`${mountOf(container)}/`) ?? false;
}

/**
 * Command and args of a wrapped container as they were before: the last words of what it runs, which the hash proves.
 *
 * @param words - that the container runs
 * @param before - what is known of it
 * @returns undefined when they have been changed since
 */
export function originalOf(words: readonly string[], before: Wrapped): Program | undefined {
  const count = before.command + before.args;
  if (words.length < count) return undefined;
  const program = count === 0 ? [] : words.slice(-count);
  const original: Program = {
    ...(before.command > 0 ? { command: program.slice(0, before.command) } : {}),
    ...(before.args > 0 ? { args: program.slice(before.command) } : {}),
  };
  return hashProgram(original) === before.program ? original : undefined;
}
