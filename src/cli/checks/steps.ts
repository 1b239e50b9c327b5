import { isForUs, places } from "../../workload/places.ts";
import { groupOf, type ManifestObject } from "../manifests/objects.ts";
import { type Path, parsePath } from "../manifests/path.ts";

/** A Pod or a Job that an object of a file is, or makes. */
export interface Step {
  /** The object of the file. */
  readonly object: ManifestObject;
  readonly kind: "Pod" | "Job";
  /** Where the Pod or Job begins in the object. */
  readonly base: Path;
  readonly value: Record<string, unknown>;
}

/** The Pods and Jobs that an object is or makes: a webhook sees those of a CronJob or a Deployment much later. */
export function stepsOf(object: ManifestObject): Step[] {
  const group = groupOf(object);
  const place = places.find((each) => each.kind === object.kind && each.group === group);
  if (place === undefined) return [];
  // What is read first is the outermost; what has two places is a Job, and its Pods.
  const [outermost] = place.read;
  const kind = place.read.length === 2 ? "Job" : "Pod";
  return valuesAt(object.value, outermost.split(".").slice(0, -1)).map(([base, value]) => ({
    object,
    kind,
    base,
    value: base.length > 0 ? ownedByController(value, object) : value,
  }));
}

/** Whether the webhook is asked about an object itself. What other kinds make, it is asked about later. */
export function isStep(object: ManifestObject): boolean {
  return stepsOf(object).some(({ base }) => base.length === 0);
}

/** Where an annotation of a step stands, or would stand: on the step, or only on a Job's template. */
export function pathOfAnnotation({ base, value, kind }: Step, key: string): Path {
  const onTemplate = kind === "Job" && !has(value, own, key) && has(value, ofTemplate, key);
  return [...base, ...(onTemplate ? ofTemplate : own), key];
}

const own = ["metadata", "annotations"];
const ofTemplate = ["spec", "template", "metadata", "annotations"];

/** Where the annotations of a step are: on the step, or only on a Job's template. */
export function pathOfAnnotations({ base, value, kind }: Step): Path {
  const onTemplate = kind === "Job" && !Object.keys(mapAt(value, own)).some(isForUs);
  return [...base, ...(onTemplate ? ofTemplate : own)];
}

/** Whether a map somewhere in an object has a key. */
function has(value: object, path: Path, key: string): boolean {
  return mapAt(value, path)[key] !== undefined;
}

function mapAt(value: object, path: Path): Record<string, unknown> {
  const map = path.reduce<unknown>(
    (at, field) => (at as Record<string, unknown> | null | undefined)?.[field],
    value,
  );
  return (map ?? {}) as Record<string, unknown>;
}

/** Each value at a path, in which `[]` stands for each element of a list. */
function valuesAt(root: object, steps: readonly string[]): [Path, Record<string, unknown>][] {
  let found: [Path, unknown][] = [[[], root]];
  for (const step of steps) {
    const [field = ""] = parsePath(step.replace("[]", ""));
    found = found.flatMap(([path, value]): [Path, unknown][] => {
      const next = (value as Record<string, unknown> | null)?.[field];
      if (!step.endsWith("[]")) return [[[...path, field], next]];
      return Array.isArray(next) ? next.map((item, i) => [[...path, field, i], item]) : [];
    });
  }
  return found.filter(
    (each): each is [Path, Record<string, unknown>] => typeof each[1] === "object" && each[1] !== null,
  );
}

/** As the webhook sees what a controller makes: one set of annotations may be shared by different Pods then. */
function ownedByController(
  template: Record<string, unknown>,
  { kind, value: { apiVersion } }: ManifestObject,
): Record<string, unknown> {
  const ownerReferences = [{ apiVersion, kind, name: "", uid: "", controller: true }];
  return { ...template, metadata: { ...(template["metadata"] as object | undefined), ownerReferences } };
}
