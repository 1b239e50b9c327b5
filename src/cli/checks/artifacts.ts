import { resolveKey } from "../../annotations/keys.ts";
import { type AnnotationMap, isOurs } from "../../annotations/map.ts";
import { readAnnotations } from "../../annotations/parse.ts";
import { parseReference } from "../../annotations/reference.ts";
import { type AnnotationName, annotations } from "../../annotations/table.ts";
import type { Path } from "../manifests/path.ts";
import { pathOfAnnotation, type Step } from "./steps.ts";

/** An artifact that a step reads or writes, with the annotation that names it. */
export interface Artifact {
  readonly step: Step;
  readonly path: Path;
  /** The registry or cache that it lies in: the same text for the same one. */
  readonly store: string;
  readonly inCache: boolean;
  readonly repository: string;
  /** Repository with tag or digest. */
  readonly name: string;
}

/** What a step reads and writes, and the cache that it uses. */
export interface StepArtifacts {
  readonly step: Step;
  readonly inputs: readonly Artifact[];
  readonly outputs: readonly Artifact[];
  /** Name of its OrasCache; undefined where it names a registry. */
  readonly cache: string | undefined;
}

/** The artifacts of a step whose annotations are right. */
export function artifactsOf(step: Step): StepArtifacts {
  const map = ourAnnotations(step);
  const { registry, cache } = readAnnotations(map).settings;
  const own = registry ? JSON.stringify(registry) : `${step.object.namespace}/${cache}`;
  const named = (wanted: AnnotationName): Artifact[] =>
    Object.entries(map).flatMap(([key, value]) => {
      const slot = resolveKey(key);
      if ("message" in slot || slot.name !== wanted) return [];
      const { host, repository, version } = parseReference(value);
      return {
        step,
        path: pathOfAnnotation(step, key),
        store: host ?? own,
        inCache: host === undefined && registry === undefined,
        repository,
        name: repository + version,
      };
    });
  return {
    step,
    inputs: named("input-uri"),
    outputs: named("output-uri"),
    cache: registry ? undefined : cache,
  };
}

/** A Job's own annotations, and those of its template. */
function ourAnnotations({ value, kind }: Step): AnnotationMap {
  const { metadata, spec } = value as {
    metadata?: { annotations?: AnnotationMap };
    spec?: { template?: { metadata?: { annotations?: AnnotationMap } } };
  };
  const below = kind === "Job" ? spec?.template?.metadata?.annotations : undefined;
  return Object.fromEntries(
    Object.entries({ ...below, ...metadata?.annotations }).filter(([key]) => isOurs(key)),
  );
}

/** The annotation that names a step's cache, whether it is there or not. */
export function pathOfCache(step: Step): Path {
  return pathOfAnnotation(step, annotations["oras-cache"].key);
}
