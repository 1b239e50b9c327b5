import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { type Document, parseAllDocuments } from "yaml";
import { CliError } from "./output.ts";

/** One object of a manifest file, with the place where it stands. */
export interface ManifestObject {
  /** For messages: `job.yaml: Job default/breakfast`. */
  readonly where: string;
  readonly kind: string;
  readonly namespace: string;
  readonly value: Record<string, unknown>;
}

/** A parsed file: its YAML documents in order, empty ones left out. */
export interface Manifest {
  readonly documents: readonly Document.Parsed[];
}

/**
 * Reads a file of YAML documents.
 *
 * @param file - its path, or `-` for standard input
 * @throws CliError when it cannot be read or is not YAML
 */
export async function readManifest(file: string): Promise<Manifest> {
  let source: string;
  try {
    source = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
  } catch (error) {
    throw new CliError(`cannot read ${file}: ${(error as Error).message}`, 2);
  }
  const parsed = parseAllDocuments(source, { intAsBigInt: false });
  const documents = Array.isArray(parsed) ? parsed : [];
  const wrong = documents.flatMap((document) => document.errors);
  if (wrong.length > 0) {
    throw new CliError(`${file} is not valid YAML:\n${wrong.map((e) => e.message).join("\n")}`, 1);
  }
  return { documents: documents.filter((document) => document.contents !== null) };
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
