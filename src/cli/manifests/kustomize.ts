import { basename, dirname, join, normalize, resolve, sep } from "node:path";
import { isUrl } from "./fetch.ts";
import type { Source } from "./sources.ts";
import { parseYaml } from "./yaml.ts";

/** What kustomization files say of the other files of a folder. */
export interface Kustomizations {
  /** Whether a source holds objects that are applied: not a kustomization, nor a patch, which is a part of an object. */
  readonly isManifest: (source: Source) => boolean;
  /** The folder of the kustomization that a file belongs to; empty without one. */
  readonly folderOf: (file: string) => string;
  /** The kustomizations that do more than to list files which were read. */
  readonly unrendered: readonly Unrendered[];
}

/** A kustomization whose result is not what its files say. */
export interface Unrendered {
  readonly file: string;
  readonly folder: string;
  /** Whether it is a component, which only a kustomization that names it can render. */
  readonly isComponent: boolean;
}

const fileNames = /^kustomization\.ya?ml$|^Kustomization$/;

/**
 * Reads the kustomizations among sources. A base and its overlays hold the same objects, and only one is applied.
 *
 * @see https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/
 */
export function kustomizationsOf(sources: readonly Source[]): Kustomizations {
  const found = sources.filter(({ file }) => !isUrl(file) && fileNames.test(basename(file)));
  const folders = new Set(found.map(({ file }) => normalize(dirname(file))));
  const read = sources.map(({ file }) => normalize(file));
  const contents = found.map(({ file, text }) => ({ file, folder: dirname(file), fields: fieldsOf(text) }));
  const patches = new Set(
    contents.flatMap(({ folder, fields }) => patchesOf(fields).map((path) => join(folder, path))),
  );
  // What is said about the kustomization that names a component is about the component too.
  const components = new Set(
    contents.flatMap(({ folder, fields }) =>
      items(fields["components"]).map((path) => resolve(folder, String(path))),
    ),
  );
  return {
    isManifest: (source) => !found.includes(source) && !patches.has(normalize(source.file)),
    unrendered: contents
      .filter(({ folder, fields }) => !isListOf(fields, folder, read) && !components.has(resolve(folder)))
      .map(({ file, folder, fields }) => ({ file, folder, isComponent: fields["kind"] === "Component" })),
    folderOf: (file) => {
      if (folders.size === 0 || isUrl(file)) return "";
      for (let at = normalize(dirname(file)); ; at = dirname(at)) {
        if (folders.has(at)) return at;
        if (at === dirname(at)) return "";
      }
    },
  };
}

/** The fields of a kustomization, which is one document; none where it cannot be read. */
function fieldsOf(text: string): Readonly<Record<string, unknown>> {
  const parsed = parseYaml(text);
  const value = Array.isArray(parsed) ? parsed[0]?.value : undefined;
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Paths of the patches that a kustomization names, as it writes them. */
function patchesOf(fields: Readonly<Record<string, unknown>>): string[] {
  const { patches, patchesJson6902, patchesStrategicMerge } = fields;
  const paths = [patches, patchesJson6902].flatMap((list) =>
    items(list).map((item) => (item as { path?: unknown } | null)?.path),
  );
  return [...paths, ...items(patchesStrategicMerge)].filter((path) => typeof path === "string");
}

/** Whether a kustomization only lists files and folders that were read. */
function isListOf(
  { apiVersion, kind, metadata, resources, bases, ...others }: Readonly<Record<string, unknown>>,
  folder: string,
  read: readonly string[],
): boolean {
  if (Object.keys(others).length > 0) return false;
  return [...items(resources), ...items(bases)].every((resource) => {
    const path = join(folder, String(resource)).replace(/[\\/]$/, "");
    return read.some((file) => file === path || file.startsWith(path + sep));
  });
}

function items(list: unknown): unknown[] {
  return Array.isArray(list) ? list : [];
}
