import type { V1Container, V1Volume } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import {
  describeWords,
  hashProgram,
  type Injection,
  type Program,
  type Words,
  type Wrapped,
  wordsOf,
} from "./marker.ts";

/** A container that is about to be wrapped. */
interface Wrapping {
  readonly name: string;
  readonly before: Program;
  readonly command: readonly string[];
  readonly args: readonly string[];
  /** How many words of these are put in front of the program. */
  readonly ownWords: number;
  readonly env: readonly { readonly name: string }[];
}

/** What is about to be injected. */
interface Parts {
  readonly namespace: string;
  /** The value of kubectl's annotation, where the Pod had none. */
  readonly defaultContainer: string | undefined;
  readonly pullSecrets: readonly string[];
  readonly launchers: readonly Wrapping[];
  readonly volumes: readonly V1Volume[];
  readonly initContainers: readonly V1Container[];
  readonly containers: readonly V1Container[];
}

/** Describes an injection, for those who have to find it again. */
export function describeInjection(parts: Parts): Injection {
  const { namespace, defaultContainer, pullSecrets, launchers, volumes, initContainers, containers } = parts;
  return {
    namespace,
    volumes: volumes.map(({ name }) => name),
    initContainers: describeContainers(initContainers),
    containers: describeContainers(containers),
    wrapped: Object.fromEntries(launchers.map((launcher) => [launcher.name, describe(launcher)])),
    ...(pullSecrets.length > 0 && { pullSecrets }),
    ...(defaultContainer !== undefined && { defaultContainer }),
  };
}

/** Containers of which the first carries an injection's description in its environment. */
export function withRecord(
  [first, ...others]: readonly V1Container[],
  injection: Injection,
): readonly V1Container[] {
  if (first === undefined) return [];
  const record = { name: names.injectionVariable, value: JSON.stringify(injection) };
  return [{ ...first, env: [...(first.env ?? []), record] }, ...others];
}

function describe({ before, command, args, ownWords, env }: Wrapping): Wrapped {
  return {
    launcher: describeWords([...command, ...args].slice(0, ownWords)),
    program: hashProgram(before),
    command: before.command?.length ?? 0,
    args: before.args?.length ?? 0,
    env: env.map(({ name }) => name),
  };
}

/** What added containers run. */
export function describeContainers(containers: readonly V1Container[]): Record<string, Words> {
  return Object.fromEntries(
    containers.map((container) => [container.name, describeWords(wordsOf(container))]),
  );
}
