import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseAllDocuments, stringify } from "yaml";
import type { Manifest } from "../../scripts/build-config.ts";
import { kubectlYaml } from "../../src/cli/manifests/yaml.ts";

/** The objects of YAML text. */
export function objectsIn(text: string): Manifest[] {
  return [...parseAllDocuments(text)]
    .map((document) => document.toJS() as Manifest | null)
    .filter((object) => object !== null);
}

/** Objects as YAML for kubectl, to which `off` without quotes is no text. */
export function yamlOf(objects: readonly unknown[]): string {
  const options = { aliasDuplicateObjects: false, version: kubectlYaml.version };
  return objects.map((object) => stringify(object, options)).join("---\n");
}

/** The YAML files below a folder, as paths from the repository's root. */
export async function yamlFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith(".yaml"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** Every object of the YAML files below a folder, with its file. */
export async function manifestsBelow(folder: string): Promise<{ file: string; object: Manifest }[]> {
  const files = await yamlFiles(folder);
  const all = await Promise.all(
    files.map(async (file) => objectsIn(await readFile(file, "utf8")).map((object) => ({ file, object }))),
  );
  return all.flat();
}

/** `Kind namespace/name`. */
export function title({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace === undefined ? "" : `${metadata.namespace}/`}${metadata.name}`;
}
