import { isDeepStrictEqual } from "node:util";
import type { V1Container, V1ObjectMeta, V1PodSpec } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { injectedAnnotations, injectedLabels, lifeAnnotations, lifeLabels } from "../annotations/map.ts";
import { readWorkload } from "../workload/read.ts";
import {
  ownAnnotations,
  type PodTemplate,
  putBack,
  type Workload,
  type WorkloadKind,
} from "../workload/workload.ts";
import type { AdmissionRequest, Verdict } from "./admission-types.ts";
import { keepHeld, problemsOfChange } from "./held.ts";
import { defaultContainerKey } from "./launcher.ts";
import { type LegacyInjection, legacyInjection, runsLegacy } from "./legacy.ts";
import { hashProgram, type Injection, ownValue, type Program, recordedInjection } from "./marker.ts";
import { hasStartedProbe } from "./present.ts";
import { changed, denied, untouched } from "./verdicts.ts";
import { weave } from "./weave.ts";

/**
 * Answers for a change of an injected object. `kubectl apply` of the manifest sets the wrapped program's command back,
 * a PUT of it (`kubectl replace`, or a client that drops fields which it does not know) everything: the API server
 * would refuse that as a change of what cannot be changed. Where the program is still the same, the injection is put
 * back; where it is another one, that is left as it is and the API server says so. A policy warns about changed annotations,
 * and a step that waits keeps those that it was created with.
 *
 * @param kind - of what is changed
 * @param object - as submitted
 * @param oldObject - as stored
 * @param user - who changes it
 * @param holds - whether the installation holds steps that wait for their inputs
 */
export function restoreInjection(
  kind: WorkloadKind,
  object: unknown,
  oldObject: unknown,
  user: AdmissionRequest["userInfo"],
  holds: boolean,
): Verdict {
  const submitted = readWorkload(kind, object);
  const stored = readWorkload(kind, oldObject);
  // The API server validates after admission: it says itself what is wrong with such an object.
  if ("expected" in submitted || "expected" in stored) return untouched();
  const injection = injectionOf(stored);
  if (injection === undefined) return untouched();
  const problems = problemsOfChange(submitted, stored);
  if (problems.length > 0) return denied(problems, []);
  const spec = restoreSpec(submitted.template.spec, stored.template.spec, injection);
  const metadata = restoreMetadata(
    submitted.template.metadata,
    stored.template.metadata,
    injection.defaultContainer,
  );
  const template: PodTemplate = { ...submitted.template, ...(metadata && { metadata }), spec };
  const own = restoreMetadata(submitted.metadata, stored.metadata);
  const restored = putBack(submitted, template, own);
  // Nobody would start what is held.
  const kept = holds ? keepHeld(restored, stored, user) : { workload: restored, warnings: [] };
  const { workload, warnings } = kept;
  return changed(submitted.object, workload.object, warnings, "restored");
}

/**
 * What was injected into a stored object. Its spec cannot be changed, so it counts, and not the marker's copy: whoever may
 * write pods/status, pods/binding or jobs/status can change annotations by that.
 */
function injectionOf(stored: Workload): Injection | LegacyInjection | undefined {
  const own = ownAnnotations(stored);
  const { spec } = stored.template;
  return recordedInjection(spec) ?? legacyInjection(spec, own);
}

function restoreMetadata(
  submitted: V1ObjectMeta | undefined,
  stored: V1ObjectMeta | undefined,
  defaultContainer?: string,
): V1ObjectMeta | undefined {
  // Whoever names another container means it.
  const isLost =
    defaultContainer !== undefined &&
    stored?.annotations?.[defaultContainerKey] === defaultContainer &&
    submitted?.annotations?.[defaultContainerKey] === undefined;
  const annotations = restoreKeys(submitted?.annotations, stored?.annotations, [
    ...injectedAnnotations,
    ...(isLost ? [defaultContainerKey] : []),
  ]);
  const labels = restoreKeys(submitted?.labels, stored?.labels, injectedLabels);
  if (annotations === submitted?.annotations && labels === submitted?.labels) return submitted;
  return { ...submitted, ...(annotations && { annotations }), ...(labels && { labels }) };
}

/** What the operator alone writes on a step while it waits. */
const stepOutputs: readonly string[] = [names.gateAnnotation, ...lifeAnnotations, ...lifeLabels];

/** A map with some keys as they are in another one. */
function restoreKeys(
  submitted: Record<string, string> | undefined,
  stored: Record<string, string> | undefined,
  keys: readonly string[],
): Record<string, string> | undefined {
  const lost = keys.filter((key) => stored?.[key] !== undefined && stored[key] !== submitted?.[key]);
  const isAdded = (key: string) => stepOutputs.includes(key) && stored?.[key] === undefined;
  const kept = Object.entries(submitted ?? {}).filter(([key]) => !isAdded(key));
  if (lost.length === 0 && kept.length === Object.keys(submitted ?? {}).length) return submitted;
  return Object.fromEntries([...kept, ...lost.map((key) => [key, stored?.[key] ?? ""])]);
}

function restoreSpec(submitted: V1PodSpec, stored: V1PodSpec, injection: Injection): V1PodSpec {
  const volumes = new Set(injection.volumes);
  const inputs = new Set(
    stored.volumes?.flatMap(({ name, image }) => (image && volumes.has(name) ? [name] : [])),
  );
  const storedContainers = new Map(stored.containers.map((container) => [container.name, container]));
  const containers = submitted.containers.map((container) => {
    const before = storedContainers.get(container.name);
    return before && ownValue(injection.wrapped, container.name)
      ? rewrap(container, before, injection, inputs)
      : container;
  });
  const isAdded = (map: Injection["containers"]) => (container: V1Container) =>
    ownValue(map, container.name) !== undefined;
  const secrets = new Set(injection.pullSecrets);
  return {
    ...submitted,
    ...some(
      "imagePullSecrets",
      weave(named(submitted.imagePullSecrets), named(stored.imagePullSecrets), ({ name }) =>
        secrets.has(name),
      ),
    ),
    ...some(
      "volumes",
      weave(submitted.volumes, stored.volumes, ({ name }) => volumes.has(name)),
    ),
    ...some(
      "initContainers",
      weave(
        submitted.initContainers,
        stored.initContainers,
        isAdded(injection.initContainers),
        keepWhatMayChange,
      ),
    ),
    containers:
      weave(containers, stored.containers, isAdded(injection.containers), keepWhatMayChange) ?? containers,
  };
}

/** The API server takes those without a name, and the kubelet leaves them out. */
function named(list: V1PodSpec["imagePullSecrets"]): { name: string }[] | undefined {
  return list as { name: string }[] | undefined;
}

function some<K extends string, T>(key: K, list: readonly T[] | undefined): { [key in K]?: T[] } {
  return (list === undefined ? {} : { [key]: list }) as { [key in K]?: T[] };
}

/** Image and resources of a container are what Kubernetes lets people change. */
function keepWhatMayChange(stored: V1Container, submitted: V1Container): V1Container {
  const { image, resources } = submitted;
  return { ...stored, ...(image && { image }), ...(resources && { resources }) };
}

/** A wrapped container, wrapped again where it runs the same program. */
function rewrap(
  container: V1Container,
  stored: V1Container,
  injection: Injection,
  inputs: ReadonlySet<string>,
): V1Container {
  if (!isProgramOf(container, stored, injection)) return container;
  const wrapped = ownValue(injection.wrapped, container.name);
  const env = new Set(wrapped?.env);
  const [share] = injection.volumes;
  const mountPath = stored.volumeMounts?.find(({ name }) => name === share)?.mountPath;
  const hasProbe = hasStartedProbe(stored, mountPath);
  return {
    ...container,
    ...(stored.command && { command: stored.command }),
    ...(stored.args && { args: stored.args }),
    ...(hasProbe && container.startupProbe === undefined && { startupProbe: stored.startupProbe }),
    ...some(
      "env",
      weave(container.env, stored.env, ({ name }) => env.has(name)),
    ),
    ...some(
      "volumeMounts",
      weave(container.volumeMounts, stored.volumeMounts, ({ name }) => name === share || inputs.has(name)),
    ),
  };
}

/**
 * Whether a container as submitted runs the program that was wrapped. What a manifest does not say, `kubectl apply`
 * leaves as it is stored: a command or args that are the stored ones may have been absent.
 */
function isProgramOf({ command, args }: V1Container, stored: V1Container, injection: Injection): boolean {
  const sameCommand = isDeepStrictEqual(command, stored.command);
  const sameArgs = isDeepStrictEqual(args, stored.args);
  if (sameCommand && sameArgs) return true;
  const candidates = [
    { command, args },
    ...(sameCommand ? [{ args }] : []),
    ...(sameArgs ? [{ command }] : []),
  ] as readonly Program[];
  const program =
    "programs" in injection ? (injection as LegacyInjection).programs.get(stored.name) : undefined;
  const hash = ownValue(injection.wrapped, stored.name)?.program;
  return candidates.some((candidate) =>
    program ? runsLegacy(candidate, program) : hashProgram(candidate) === hash,
  );
}
