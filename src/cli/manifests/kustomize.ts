import { basename, dirname, join, normalize } from "node:path";
import { isUrl } from "./fetch.ts";
import type { Source } from "./sources.ts";
import { parseYaml } from "./yaml.ts";

/** What kustomization files say of the other files of a folder. */
export interface Kustomizations {
  /**
   * Whether a source holds objects that are applied: not a kustomization that was found in a folder, nor a patch, which
   * is a part of an object.
   */
  readonly isManifest: (source: Source) => boolean;
  /** The folder of the kustomization that a file belongs to; empty without one. */
  readonly folderOf: (file: string) => string;
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
  const patches = new Set(
    found.flatMap(({ file, text }) => patchesOf(text).map((path) => join(dirname(file), path))),
  );
  return {
    isManifest: (source) => (source.named || !found.includes(source)) && !patches.has(normalize(source.file)),
    folderOf: (file) => {
      if (folders.size === 0 || isUrl(file)) return "";
      for (let at = normalize(dirname(file)); ; at = dirname(at)) {
        if (folders.has(at)) return at;
        if (at === dirname(at)) return "";
      }
    },
  };
}

/** Paths of the patches that a kustomization names, as it writes them. */
function patchesOf(text: string): string[] {
  const parsed = parseYaml(text);
  if (!Array.isArray(parsed)) return [];
  return parsed.flatMap(({ value }) => {
    const { patches, patchesJson6902, patchesStrategicMerge } = (value ?? {}) as Record<string, unknown>;
    const paths = [patches, patchesJson6902].flatMap((list) =>
      items(list).map((item) => (item as { path?: unknown } | null)?.path),
    );
    return [...paths, ...items(patchesStrategicMerge)].filter((path) => typeof path === "string");
  });
}

function items(list: unknown): unknown[] {
  return Array.isArray(list) ? list : [];
}
