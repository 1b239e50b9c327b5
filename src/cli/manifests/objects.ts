import { kustomizationsOf } from "./kustomize.ts";
import type { Path, Position } from "./path.ts";
import { positionOf } from "./path.ts";
import type { Source } from "./sources.ts";
import { parseYaml, type YamlDocument } from "./yaml.ts";

/** One Kubernetes object of a file. */
export interface ManifestObject {
  readonly file: string;
  /** The folder of the kustomization that the file belongs to; empty without one. */
  readonly kustomization: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  /** Empty where it has none, as objects with generateName. */
  readonly name: string;
  readonly value: Record<string, unknown>;
  /** Where a path below this object stands in its file. */
  readonly at: (path: Path) => Position;
}

/** Why something that was read holds no object. */
export interface Refused extends Position {
  readonly file: string;
  readonly code: "Unreadable" | "NotAnObject";
  /** Whether the file was named itself, and not found in a folder. */
  readonly named: boolean;
  readonly message: string;
}

/** What `-f` named. */
export interface Manifests {
  /** How many files, URLs and inputs were read. */
  readonly files: number;
  /** The documents in order as plain JSON, empty ones left out. */
  readonly documents: readonly unknown[];
  /** Their objects, which share the documents' values. */
  readonly objects: readonly ManifestObject[];
  readonly refused: readonly Refused[];
}

/**
 * The objects of what was read. A `List` is its items.
 *
 * @param sources - texts, YAML or JSON
 * @param namespace - of objects that do not say theirs
 */
export function objectsOf(sources: readonly Source[], namespace: string): Manifests {
  const documents: unknown[] = [];
  const objects: ManifestObject[] = [];
  const refused: Refused[] = [];
  const { isManifest, folderOf } = kustomizationsOf(sources);
  for (const source of sources) {
    const { file, text, named } = source;
    const parsed = parseYaml(text);
    if (!Array.isArray(parsed)) {
      refused.push({ file, named, code: "Unreadable", ...parsed });
      continue;
    }
    documents.push(...parsed.map(({ value }) => value));
    if (!isManifest(source)) continue;
    const place = { file, kustomization: folderOf(file) };
    for (const found of parsed.flatMap((each) => objectsIn(place, each, each.value, [], namespace))) {
      if ("message" in found) refused.push({ ...found, named });
      else objects.push(found);
    }
  }
  return { files: sources.length, documents, objects, refused };
}

function objectsIn(
  place: Pick<ManifestObject, "file" | "kustomization">,
  document: YamlDocument,
  value: unknown,
  base: Path,
  fallback: string,
): (ManifestObject | Omit<Refused, "named">)[] {
  const object = value as {
    apiVersion?: unknown;
    kind?: unknown;
    items?: unknown;
    metadata?: { name?: unknown; namespace?: unknown } | null;
  };
  const missing = whatIsMissing(value);
  if (missing !== undefined) {
    const message = `a document is not a Kubernetes object: ${missing}.`;
    return [{ file: place.file, code: "NotAnObject", message, ...positionOf(document, base) }];
  }
  if (object.kind === "List" && Array.isArray(object.items)) {
    return object.items.flatMap((item, i) =>
      objectsIn(place, document, item, [...base, "items", i], fallback),
    );
  }
  const { name, namespace } = object.metadata ?? {};
  return [
    {
      ...place,
      apiVersion: String(object.apiVersion),
      kind: String(object.kind),
      namespace: typeof namespace === "string" ? namespace : fallback,
      name: typeof name === "string" ? name : "",
      value: value as Record<string, unknown>,
      at: (path) => positionOf(document, [...base, ...path]),
    },
  ];
}

function whatIsMissing(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null)
    return `it is ${Array.isArray(value) ? "a list" : "one value"}`;
  if (Array.isArray(value)) return "it is a list";
  const { apiVersion, kind, metadata } = value as Record<string, unknown>;
  const missing = [
    ...(typeof apiVersion === "string" ? [] : ["apiVersion"]),
    ...(typeof kind === "string" ? [] : ["kind"]),
  ];
  if (missing.length > 0) return `it has no ${missing.join(" and no ")}`;
  return metadata !== undefined && (typeof metadata !== "object" || Array.isArray(metadata))
    ? "its metadata is no map"
    : undefined;
}

/** The group of an object's kind; empty for that of Pods. */
export function groupOf({ apiVersion }: Pick<ManifestObject, "apiVersion">): string {
  return apiVersion.slice(0, Math.max(apiVersion.indexOf("/"), 0));
}

/** For messages: `Job default/breakfast`, or `Job default/breakfast-*` of one with generateName. */
export function describeObject({ kind, namespace, name, value }: ManifestObject): string {
  const { generateName = "" } = (value["metadata"] ?? {}) as { generateName?: unknown };
  return `${kind} ${namespace}/${name || `${generateName}*`}`;
}
