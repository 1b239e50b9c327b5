import { isNamespaced } from "./cluster.ts";
import { kustomizationsOf, type Unrendered } from "./kustomize.ts";
import type { Path, Position } from "./path.ts";
import { positionOf } from "./path.ts";
import type { Source } from "./sources.ts";
import { parseYaml, type YamlDocument, type YamlProblem } from "./yaml.ts";

/** One Kubernetes object of a file. */
export interface ManifestObject {
  readonly file: string;
  /** The folder of the kustomization that the file belongs to; empty without one. */
  readonly kustomization: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** Empty where its kind belongs to the whole cluster. */
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
  readonly code:
    | "Unreadable"
    | "NotAnObject"
    | "WebPage"
    | "TemplateNotRendered"
    | "KustomizationNotRendered";
  /** Whether the file was named itself, and not found in a folder. */
  readonly named: boolean;
  readonly message: string;
  /** The command that makes manifests of it, where there is one. */
  readonly render?: string;
}

/** What `-f` named. */
export interface Manifests {
  /** How many files, URLs and inputs were read. */
  readonly files: number;
  /** The documents with objects in order as plain JSON, empty ones left out. */
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
  const { isManifest, folderOf, unrendered } = kustomizationsOf(sources);
  for (const source of sources) {
    const { file, text, named, unread } = source;
    if (unread !== undefined) {
      refused.push({ file, named, code: "Unreadable", message: unread, line: 1, column: 1 });
      continue;
    }
    if (/^\s*<(!doctype html|html)\b/i.test(text)) {
      const message = "it is a web page, not a manifest; use the raw link.";
      refused.push({ file, named, code: "WebPage", message, line: 1, column: 1 });
      continue;
    }
    const parsed = parseYaml(text);
    if (!Array.isArray(parsed)) {
      refused.push({ file, named, ...unreadable(file, parsed) });
      continue;
    }
    if (!isManifest(source)) continue;
    documents.push(...parsed.map(({ value }) => value));
    const place = { file, kustomization: folderOf(file) };
    for (const found of parsed.flatMap((each) => objectsIn(place, each, each.value, [], namespace))) {
      if ("message" in found) refused.push({ ...found, named });
      else objects.push(found);
    }
  }
  refused.push(
    ...unrendered.filter(({ file }) => !refused.some((each) => each.file === file)).map(notRendered),
  );
  return { files: sources.length, documents, objects, refused };
}

function unreadable(file: string, { isTemplate, ...problem }: YamlProblem): Omit<Refused, "file" | "named"> {
  if (!isTemplate) return { code: "Unreadable", ...problem };
  const [, chart] = /^(.*?)\/?\btemplates\//.exec(file) ?? [];
  return {
    ...problem,
    code: "TemplateNotRendered",
    render: `helm template ${chart === undefined ? "CHART" : asArgument(chart || ".")}`,
  };
}

function notRendered({ file, folder, isComponent }: Unrendered): Refused {
  return {
    file,
    named: true,
    code: "KustomizationNotRendered",
    message: `the ${isComponent ? "component" : "kustomization"} ${folder} is not rendered: its patches and other changes are left out.`,
    render: `kubectl kustomize ${isComponent ? "OVERLAY" : asArgument(folder)}`,
    line: 1,
    column: 1,
  };
}

/** As a shell reads it as one word. */
function asArgument(text: string): string {
  return /^[\w./@%+=:,-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
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
  const { name, namespace = fallback } = object.metadata ?? {};
  const [apiVersion, kind] = [String(object.apiVersion), String(object.kind)];
  return [
    {
      ...place,
      apiVersion,
      kind,
      namespace: !isNamespaced(groupOf({ apiVersion }), kind)
        ? ""
        : typeof namespace === "string"
          ? namespace
          : fallback,
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

/** For messages: `Job default/breakfast`, `Job default/breakfast-*` of one with generateName, `Namespace runs`. */
export function describeObject(object: ManifestObject): string {
  const { kind, namespace } = object;
  return `${kind} ${namespace === "" ? "" : `${namespace}/`}${nameOf(object)}`;
}

/** For messages: `breakfast`, or `breakfast-*` of one with generateName. */
export function nameOf({ name, value }: ManifestObject): string {
  const { generateName = "" } = (value["metadata"] ?? {}) as { generateName?: unknown };
  return name || `${generateName}*`;
}
