import type { V1Container, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { mismatch, type Shape } from "../workload/shape.ts";
import { besideMounts, describeWrapped, programOf } from "./layout.ts";
import type { Injection, Program, Wrapped } from "./marker.ts";
import { describeContainers } from "./record.ts";

/**
 * Version 0.1.0 wrote a marker that named the wrapped containers only. What it injected is described here from how it
 * laid things out, so that its objects can be restored and stripped as all others are. To be removed with the second
 * minor version after it: a Job lives no longer.
 */
export interface LegacyInjection extends Injection {
  /** The argument vector of each wrapped container's program; command and args cannot be distinguished any more. */
  readonly programs: ReadonlyMap<string, readonly string[]>;
}

const markerShape: Shape = {
  fields: { hash: "text", containers: { list: "text" } },
  needs: ["hash", "containers"],
};

/**
 * Describes what version 0.1.0 injected.
 *
 * @param spec - of the injected Pod
 * @param annotations - with that version's marker
 * @returns undefined when it is no object of that version
 */
export function legacyInjection(
  spec: V1PodSpec,
  annotations: AnnotationMap | undefined,
): LegacyInjection | undefined {
  const wrappedNames = readMarker(annotations?.[names.markerAnnotation]);
  if (wrappedNames === undefined) return undefined;
  const programs = new Map<string, readonly string[]>();
  const wrapped: Record<string, Wrapped> = {};
  let share: string | undefined;
  for (const container of spec.containers) {
    if (!wrappedNames.has(container.name)) continue;
    const mount = container.volumeMounts?.find(
      ({ mountPath }) => container.command?.[0] === `${mountPath}/bin/tini`,
    );
    const program = mount && programOf(container);
    if (program === undefined) continue;
    share ??= mount?.name;
    programs.set(container.name, program);
    wrapped[container.name] = describeWrapped(container, program);
  }
  if (share === undefined) return undefined;
  const added = (container: V1Container) =>
    !programs.has(container.name) &&
    (container.volumeMounts ?? []).some((m) => m.name === share && m.mountPath === names.sharePath);
  const init = (spec.initContainers ?? []).filter(added);
  const others = spec.containers.filter(added);
  const mounts = [...init, ...others].flatMap(({ volumeMounts }) => volumeMounts ?? []);
  return {
    volumes: [...new Set([share, ...besideMounts(mounts)])],
    initContainers: describeContainers(init),
    containers: describeContainers(others),
    wrapped,
    programs,
  };
}

function readMarker(text: string | undefined): ReadonlySet<string> | undefined {
  if (text === undefined) return undefined;
  try {
    const marker: unknown = JSON.parse(text);
    if (mismatch(marker, markerShape) !== undefined) return undefined;
    return new Set((marker as { containers: string[] }).containers);
  } catch {
    return undefined; // not JSON: not that version's
  }
}

/** Whether command and args run a program, of which version 0.1.0 had kept the words only. */
export function runsLegacy({ command, args }: Program, program: readonly string[]): boolean {
  const words = [...(command ?? []), ...(args ?? [])];
  // Without a command the ENTRYPOINT of the image stands before the args.
  const offset = command?.length ? 0 : program.length - words.length;
  return (
    words.length > 0 &&
    words.length + offset === program.length &&
    words.every((word, i) => word === program[i + offset])
  );
}
