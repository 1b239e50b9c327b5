import type { V1Container, V1ObjectMeta, V1PodSpec } from "@kubernetes/client-node";
import { injectedAnnotations, injectedLabels } from "../annotations/map.ts";
import { type Problem, quoted, type Result } from "../annotations/problems.ts";
import { release } from "../workflow/gate.ts";
import { putBack, type Workload } from "../workload/workload.ts";
import { defaultContainerKey } from "./launcher.ts";
import { type Injection, type Program, type Wrapped, wordsOf } from "./marker.ts";
import {
  findInjection,
  hasStartedProbe,
  launchOf,
  originalOf,
  type Present,
  startsOnShare,
} from "./present.ts";
import { agentIn, operatorFolder } from "./share.ts";

/**
 * Takes an injection out of an object: what was added, what was set, the marker and the labels. Everything else stays.
 *
 * @param injected - the object as it was submitted
 * @param injection - what was injected; undefined where only a marker says that anything was
 * @returns the object as it was before, or why that cannot be known
 */
export function stripInjection(injected: Workload, injection: Injection | undefined): Result<Workload> {
  const workload = release(injected);
  const { template, path } = workload;
  const present = injection && findInjection(template.spec, injection);
  const spec: Result<V1PodSpec> = present
    ? stripSpec(template.spec, present, path, injection.pullSecrets)
    : { ok: true, value: template.spec };
  if (!spec.ok) return spec;
  const metadata = template.metadata && stripMetadata(template.metadata, injection?.defaultContainer);
  const stripped = { ...template, ...(metadata && { metadata }), spec: spec.value };
  return {
    ok: true,
    value: putBack(workload, stripped, workload.metadata && stripMetadata(workload.metadata)),
  };
}

function stripMetadata(metadata: V1ObjectMeta, defaultContainer?: string): V1ObjectMeta {
  const { annotations, labels } = metadata;
  const isAdded = defaultContainer !== undefined && annotations?.[defaultContainerKey] === defaultContainer;
  const keptAnnotations = without(annotations, [
    ...injectedAnnotations,
    ...(isAdded ? [defaultContainerKey] : []),
  ]);
  const keptLabels = without(labels, injectedLabels);
  if (keptAnnotations === annotations && keptLabels === labels) return metadata;
  return {
    ...withoutKeys(metadata, ["annotations", "labels"]),
    ...(keptAnnotations && { annotations: keptAnnotations }),
    ...(keptLabels && { labels: keptLabels }),
  };
}

/** A map without some keys: the same one where it has none of them, and none when nothing is left. */
function without(
  map: Record<string, string> | undefined,
  keys: readonly string[],
): Record<string, string> | undefined {
  if (!map || !keys.some((key) => key in map)) return map;
  const kept = Object.entries(map).filter(([key]) => !keys.includes(key));
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}

function withoutKeys<T extends object, K extends keyof T & string>(
  object: T,
  keys: readonly K[],
): Omit<T, K> {
  const kept = Object.entries(object).filter(([key]) => !(keys as readonly string[]).includes(key));
  return Object.fromEntries(kept) as Omit<T, K>;
}

function stripSpec(
  spec: V1PodSpec,
  present: Present,
  path: string,
  pullSecrets: readonly string[] = [],
): Result<V1PodSpec> {
  const problems: Problem[] = [];
  const containers = spec.containers
    .map((container, i) => {
      const before = present.wrapped(container);
      if (before === undefined) return container;
      const unwrapped = unwrap(container, before, present);
      if (unwrapped === undefined) problems.push(changed(container, `${path}.containers[${i}]`));
      return unwrapped ?? container;
    })
    .filter((container) => !present.isAdded(container));
  if (problems.length > 0) return { ok: false, problems };
  const initContainers = (spec.initContainers ?? []).filter((container) => !present.isAddedInit(container));
  const mounted = new Set(
    [...containers, ...initContainers].flatMap(
      ({ volumeMounts }) => volumeMounts?.map(({ name }) => name) ?? [],
    ),
  );
  const volumes = (spec.volumes ?? []).filter(
    // What somebody else mounts meanwhile stays.
    (volume) => !present.isAddedVolume(volume) || mounted.has(volume.name),
  );
  const imagePullSecrets = (spec.imagePullSecrets ?? []).filter(
    ({ name }) => name === undefined || !pullSecrets.includes(name),
  );
  return {
    ok: true,
    value: {
      ...withoutKeys(spec, ["initContainers", "volumes", "imagePullSecrets"]),
      containers,
      ...(initContainers.length > 0 && { initContainers }),
      ...(volumes.length > 0 && { volumes }),
      ...(imagePullSecrets.length > 0 && { imagePullSecrets }),
    },
  };
}

/** A wrapped container as it was before; undefined when that cannot be known. */
function unwrap(container: V1Container, before: Wrapped, present: Present): V1Container | undefined {
  const program = programOf(container, before, present);
  if (program === undefined) return undefined;
  const probe = hasStartedProbe(container, present.mountOf(container)) ? (["startupProbe"] as const) : [];
  const env = withoutLast(container.env ?? [], before.env);
  const volumeMounts = (container.volumeMounts ?? []).filter((mount) => !present.isAddedMount(mount));
  return {
    ...withoutKeys(container, ["command", "args", "env", "volumeMounts", ...probe]),
    ...program,
    ...(env.length > 0 && { env }),
    ...(volumeMounts.length > 0 && { volumeMounts }),
  } as V1Container;
}

function programOf(container: V1Container, before: Wrapped, present: Present): Program | undefined {
  const launch = launchOf(container, before, present);
  if (launch && launch.inFront.length > 0) {
    // What another webhook wrote in front stays there. It runs the whole program: no ENTRYPOINT comes between.
    const proved = originalOf(launch.program, before) !== undefined;
    return proved ? { command: [...launch.inFront], args: [...launch.program] } : undefined;
  }
  return startsOnShare(container, present)
    ? originalOf(wordsOf(container), before)
    : replaced(container, present.mountOf(container));
}

/** The program that somebody has written in place of the wrapped one, as `kubectl debug --copy-to` does. */
function replaced({ command, args }: Program, mount: string | undefined): Program | undefined {
  const kept = [agentIn(`${mount}`), `${mount}/${operatorFolder}/`, `${mount}/bin/`];
  if (wordsOf({ command, args } as Program).some((word) => kept.some((path) => word.startsWith(path))))
    return undefined;
  return { ...(command && { command }), ...(args && { args }) };
}

/** A list without the last item of each of the names. */
function withoutLast<T extends { name: string }>(items: readonly T[], removed: readonly string[]): T[] {
  const left = new Set(removed);
  return items
    .toReversed()
    .filter(({ name }) => !left.delete(name))
    .toReversed();
}

function changed({ name }: V1Container, path: string): Problem {
  return {
    code: "ChangedInjection",
    path,
    message: `container ${quoted(name)} was wrapped by the operator, and its command or args have been changed since.`,
  };
}
