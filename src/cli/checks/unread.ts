import { names } from "../../../schema/names.ts";
import {
  annotationsOf,
  cacheAnnotations,
  isForUs,
  type Place,
  places,
  sentences,
  writtenAnnotations,
  writtenLabels,
} from "../../workload/places.ts";
import { groupOf, type ManifestObject } from "../manifests/objects.ts";
import { formatPath, type Path } from "../manifests/path.ts";
import { type Finding, findingAt } from "../report/finding.ts";

/** Kinds that keep the template of a Pod for others, beside those whose places are known. */
const withTemplates = ["PodTemplate", "ReplicationController", "ControllerRevision", "List"];
const written = new Set([
  ...writtenAnnotations,
  ...writtenLabels,
  names.generationAnnotation,
  names.networkPolicyAnnotation,
]);

/**
 * Annotations of the operator anywhere in an object but where they are read. Kinds of other projects are left alone:
 * many hand their annotations on to Pods.
 *
 * @param object - of any kind
 * @param told - the paths that something is said about already
 */
export function checkUnread(object: ManifestObject, told: ReadonlySet<string>): Finding[] {
  const group = groupOf(object);
  const place: Place | undefined = places.find((each) => each.kind === object.kind && each.group === group);
  if (place === undefined && (!isOfKubernetes(group) || withTemplates.includes(object.kind))) return [];
  const read = new Set(place?.read.map((path) => `${path}.annotations`));
  const isCache = object.kind === names.kind && group === names.group;
  const isOfCache = (path: Path) =>
    isCache &&
    patternOf(path.slice(0, -1)) === "metadata.annotations" &&
    cacheAnnotations.includes(String(path.at(-1)));
  const message = place
    ? sentences.unread.replace("on the {kind} itself", "here").replace("{at}", annotationsOf(place))
    : `no effect in ${/^[aeiou]/i.test(object.kind) ? "an" : "a"} ${object.kind}; annotations are read on Pods and Jobs, and in the templates of their controllers.`;
  return keysIn(object.value, [])
    .filter(
      (path) => !isOfCache(path) && !read.has(patternOf(path.slice(0, -1))) && !told.has(formatPath(path)),
    )
    .map((path) => findingAt(object, path, { level: "warning", code: "AnnotationNotRead", message }));
}

/** Groups of the API server itself, and the operator's. */
function isOfKubernetes(group: string): boolean {
  return !group.includes(".") || /(?<!\.x-|^x-)k8s\.io$/.test(group) || group === names.group;
}

/** Paths of all keys under the prefix that an author wrote. */
function keysIn(value: unknown, at: Path): Path[] {
  if (typeof value !== "object" || value === null) return [];
  const list = Array.isArray(value);
  return Object.entries(value).flatMap(([key, below]) => {
    const path = [...at, list ? Number(key) : key];
    return !list && isForUs(key) && !written.has(key) ? [path] : keysIn(below, path);
  });
}

/** As places write it: `spec.replicatedJobs[].template.metadata.annotations`. */
function patternOf(path: Path): string {
  return path
    .map((step) => (typeof step === "number" ? "[]" : `.${step}`))
    .join("")
    .slice(1);
}
