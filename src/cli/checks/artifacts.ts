import { names } from "../../../schema/names.ts";
import { type AnnotationMap, isOurs } from "../../annotations/map.ts";
import { readAnnotations } from "../../annotations/parse.ts";
import {
  addressOf,
  formatRegistry,
  parseReference,
  type Registry,
  registryOf,
} from "../../annotations/reference.ts";
import { type Defaults, type Settings, waitsForInputs } from "../../annotations/settings.ts";
import { type AnnotationName, annotations } from "../../annotations/table.ts";
import { writtenValues } from "../../annotations/written.ts";
import { cacheAt, hostNames } from "../../cache/cache-at.ts";
import { inCluster } from "../../cache/connection.ts";
import { stepDefaults } from "../../cache/step-defaults.ts";
import { chooseRegistry, needsCache } from "../../injection/registry.ts";
import type { Path } from "../manifests/path.ts";
import type { Surroundings } from "../surroundings.ts";
import { pathOfAnnotation, type Step } from "./steps.ts";

/** An artifact that a step reads or writes, with the annotation that names it. */
export interface Artifact {
  readonly step: Step;
  readonly path: Path;
  /** The registry or cache that it lies in, for messages: the same text for the same one. */
  readonly store: string;
  readonly inCache: boolean;
  readonly repository: string;
  /** Repository with tag or digest. */
  readonly name: string;
  /** Host, repository, and tag or digest: the same text for the same artifact, however it is written. */
  readonly address: string;
}

/** What a step reads and writes, and the cache that it uses. */
export interface StepArtifacts {
  readonly step: Step;
  readonly inputs: readonly Artifact[];
  readonly outputs: readonly Artifact[];
  /** What it pushes if it fails, which is no output. */
  readonly leaves: readonly Artifact[];
  /** Whether it starts only when its inputs are there. */
  readonly waits: boolean;
  readonly settings: Settings;
  /** Name of its OrasCache; undefined where it needs none. */
  readonly cache: string | undefined;
}

/**
 * The artifacts of a step whose annotations are right.
 *
 * @param step - that nothing is wrong with
 * @param around - the OrasCaches of the files
 * @param clusterDomain - of the cluster
 */
export function artifactsOf(step: Step, around: Surroundings, clusterDomain: string): StepArtifacts {
  const map = ourAnnotations(step);
  const { settings } = readAnnotations(map, defaultsOf(step, map, around));
  const { namespace } = step.object;
  const stored = around.cache(namespace, settings.cache);
  const found = chooseRegistry(settings, stored, namespace, clusterDomain);
  const connection = found.ok ? found.value : undefined;
  const from = { namespace, clusterDomain };
  const nameOf = hostNames(from, around.cachesIn);
  const storeOf = (registry: Registry) => {
    const at = cacheAt(registry, from, around.cachesIn);
    return at ? `${names.kind} ${at.namespace}/${at.name}` : formatRegistry(registry);
  };
  const named = (wanted: AnnotationName): Artifact[] =>
    writtenValues(map, wanted).flatMap(({ key, value }) => {
      if (connection === undefined) return [];
      const reference = parseReference(value);
      const { host, repository, version } = reference;
      const inCache = host === undefined && inCluster(connection);
      return {
        step,
        path: pathOfAnnotation(step, key),
        store: inCache
          ? `${names.kind} ${namespace}/${settings.cache}`
          : storeOf(registryOf(connection, reference)),
        inCache,
        repository,
        name: repository + version,
        address: addressOf(connection, reference, nameOf),
      };
    });
  return {
    step,
    inputs: named("input-uri"),
    outputs: [...named("output-uri"), ...named("output-index")],
    leaves: named("failure-uri"),
    waits: waitsForInputs(settings),
    settings,
    cache: needsCache(settings, stored) ? settings.cache : undefined,
  };
}

/** What counts for a step where its annotations do not say it. */
export function defaultsOf({ object }: Step, map: AnnotationMap, around: Surroundings): Defaults {
  const { settings } = readAnnotations(map);
  const cache = around.cache(object.namespace, settings.cache);
  return needsCache(settings, cache) ? stepDefaults(cache) : {};
}

/** A Job's own annotations, and those of its template: the values that are text. */
export function ourAnnotations({ value, kind }: Step): AnnotationMap {
  const { metadata, spec } = value as {
    metadata?: { annotations?: AnnotationMap };
    spec?: { template?: { metadata?: { annotations?: AnnotationMap } } };
  };
  const below = kind === "Job" ? spec?.template?.metadata?.annotations : undefined;
  return Object.fromEntries(
    Object.entries({ ...below, ...metadata?.annotations }).filter(
      ([key, text]) => isOurs(key) && typeof text === "string",
    ),
  );
}

/** The annotation that names a step's cache; undefined where it is not written, and the default counts. */
export function pathOfCache(step: Step): Path | undefined {
  const { key } = annotations["oras-cache"];
  return ourAnnotations(step)[key] === undefined ? undefined : pathOfAnnotation(step, key);
}
