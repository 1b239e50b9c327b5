import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { parseAllDocuments, type Tags } from "yaml";
import { CliError } from "./output.ts";

/** One object of a manifest file, with the place where it stands. */
export interface ManifestObject {
  /** For messages: `job.yaml: Job default/breakfast`. */
  readonly where: string;
  readonly kind: string;
  readonly namespace: string;
  readonly value: Record<string, unknown>;
}

/**
 * YAML as kubectl reads it: 1.1, so `0644` is octal and `yes` is true, but for sexagesimal numbers and times, which its
 * parser leaves as text. What is written is quoted by the same rules.
 */
export const kubectlYaml = {
  version: "1.1",
  customTags: (tags: Tags) =>
    tags.filter(
      (tag) => typeof tag === "string" || (tag.format !== "TIME" && !tag.tag.endsWith(":timestamp")),
    ),
} as const;

/** What `-f` named. */
export interface Manifests {
  /** The documents in order as plain JSON, empty ones left out. */
  readonly documents: readonly unknown[];
  /** Their objects, which share the documents' values. */
  readonly objects: readonly ManifestObject[];
}

/** The option that both commands read manifests with, as kubectl has it. */
export const filenameOption = [
  "-f, --filename <file...>",
  "YAML files, folders of them, or - for standard input",
] as const;

/** The namespace of objects that name none, as kubectl has it. */
export const namespaceOption = [
  "-n, --namespace <namespace>",
  "namespace of the objects that do not say theirs",
  "default",
] as const;

/**
 * Reads YAML files.
 *
 * @param places - paths of files, of folders whose files are read as kubectl does, or `-` for standard input
 * @param namespace - of objects that do not say theirs
 * @throws CliError when one cannot be read, is not YAML, or holds what is not a Kubernetes object
 */
export async function readManifests(places: readonly string[], namespace: string): Promise<Manifests> {
  const documents: unknown[] = [];
  const objects: ManifestObject[] = [];
  for (const file of (await Promise.all(places.map(filesAt))).flat()) {
    const values = await readManifest(file);
    documents.push(...values);
    objects.push(...values.flatMap((value) => objectsOf(file, value, namespace)));
  }
  return { documents, objects };
}

async function filesAt(place: string): Promise<string[]> {
  if (place === "-" || !(await stat(place).catch(() => undefined))?.isDirectory()) return [place];
  const files = (await readdir(place)).filter((name) => /\.(ya?ml|json)$/.test(name));
  if (files.length === 0) throw new CliError(`${place} has no .yaml, .yml or .json file`, 2);
  return files.toSorted().map((name) => join(place, name));
}

async function readManifest(file: string): Promise<unknown[]> {
  let source: string;
  try {
    source = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`, 2);
  }
  const parsed = parseAllDocuments(source, kubectlYaml);
  const documents = Array.isArray(parsed) ? parsed : [];
  // The first mistake makes the parser see others.
  const [wrong] = documents.flatMap((document) => document.errors);
  if (wrong) throw new CliError(`${file} is not valid YAML: ${wrong.message}`, 1);
  return documents.map((document) => document.toJS() as unknown).filter((value) => value !== null);
}

/**
 * The objects of a document: itself, or the items of a `List`.
 *
 * @param file - for messages
 * @param value - a document as plain JSON
 * @param fallback - namespace of objects that do not say theirs
 * @throws CliError when the document is not a Kubernetes object
 */
export function objectsOf(file: string, value: unknown, fallback: string): ManifestObject[] {
  const object = value as {
    kind?: unknown;
    items?: unknown;
    metadata?: { name?: string; namespace?: string };
  };
  if (typeof object !== "object" || object === null || typeof object.kind !== "string") {
    throw new CliError(`${file}: a document is not a Kubernetes object: it has no kind`, 1);
  }
  if (object.kind === "List" && Array.isArray(object.items)) {
    return object.items.flatMap((item) => objectsOf(file, item, fallback));
  }
  const namespace = object.metadata?.namespace ?? fallback;
  return [
    {
      where: `${file}: ${object.kind} ${namespace}/${object.metadata?.name ?? ""}`,
      kind: object.kind,
      namespace,
      value: object as Record<string, unknown>,
    },
  ];
}
