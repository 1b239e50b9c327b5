import type { V1Container, V1Volume } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { hashProgram, type Injection, type Program, type Wrapped } from "./marker.ts";

/** A container that is about to be wrapped. */
interface Wrapping {
  readonly name: string;
  readonly before: Program;
  readonly env: readonly { readonly name: string }[];
}

/** What is about to be injected. */
interface Parts {
  readonly launchers: readonly Wrapping[];
  readonly volumes: readonly V1Volume[];
  readonly initContainers: readonly V1Container[];
  readonly containers: readonly V1Container[];
}

/** Describes an injection, for those who have to find it again. */
export function describeInjection({ launchers, volumes, initContainers, containers }: Parts): Injection {
  return {
    volumes: volumes.map(({ name }) => name),
    initContainers: hashesOf(initContainers),
    containers: hashesOf(containers),
    wrapped: Object.fromEntries(launchers.map((launcher) => [launcher.name, describe(launcher)])),
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

function describe({ before, env }: Wrapping): Wrapped {
  return {
    program: hashProgram(before),
    command: before.command?.length ?? 0,
    args: before.args?.length ?? 0,
    env: env.map(({ name }) => name),
  };
}

function hashesOf(containers: readonly V1Container[]): Record<string, string> {
  return Object.fromEntries(containers.map((container) => [container.name, hashProgram(container)]));
}
