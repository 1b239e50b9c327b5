import { readFile } from "node:fs/promises";
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

/**
 * Reads a file of YAML documents.
 *
 * @param file - its path, or `-` for standard input
 * @returns the documents in order as plain JSON, empty ones left out
 * @throws CliError when it cannot be read or is not YAML
 */
export async function readManifest(file: string): Promise<unknown[]> {
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
 * @throws CliError when the document is not a Kubernetes object
 */
export function objectsOf(file: string, value: unknown): ManifestObject[] {
  const object = value as {
    kind?: unknown;
    items?: unknown;
    metadata?: { name?: string; namespace?: string };
  };
  if (typeof object !== "object" || object === null || typeof object.kind !== "string") {
    throw new CliError(`${file}: a document is not a Kubernetes object: it has no kind`, 1);
  }
  if (object.kind === "List" && Array.isArray(object.items)) {
    return object.items.flatMap((item) => objectsOf(file, item));
  }
  const namespace = object.metadata?.namespace ?? "default";
  return [
    {
      where: `${file}: ${object.kind} ${namespace}/${object.metadata?.name ?? ""}`,
      kind: object.kind,
      namespace,
      value: object as Record<string, unknown>,
    },
  ];
}
