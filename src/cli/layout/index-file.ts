import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { visible } from "../../annotations/problems.ts";
import { exits } from "../exits.ts";
import type { Descriptor } from "../oci/types.ts";
import { CliError, reasonOf } from "../output.ts";

/** Files and annotations of an image layout. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
export const indexFile = "index.json";
const layoutFile = "oci-layout";
const layoutVersion = "1.0.0";
const nameAnnotation = "org.opencontainers.image.ref.name";
const indexType = "application/vnd.oci.image.index.v1+json";
const digestPattern = /^sha256:[0-9a-f]{64}$/;

/** An entry of `index.json`, which any program may have written. */
export interface IndexEntry extends Partial<Descriptor> {
  readonly annotations?: Readonly<Record<string, string>> | null;
}

/** A manifest with its name, such as `dinosaur/bones:v1`. */
export interface Named extends Descriptor {
  readonly name: string;
}

/**
 * Makes a folder an empty layout, unless it is one.
 *
 * @param folder - that is not there, is empty, or is a layout
 * @throws CliError where it is something else
 */
export async function makeLayout(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) return checkLayout(folder);
  mkdirSync(join(folder, "blobs", "sha256"), { recursive: true });
  writeFileSync(join(folder, indexFile), textOf([]));
  writeFileSync(join(folder, layoutFile), `${JSON.stringify({ imageLayoutVersion: layoutVersion })}\n`);
}

/**
 * Looks whether a folder is a layout.
 *
 * @param folder - that may be none
 * @throws CliError where it is none
 */
export async function checkLayout(folder: string): Promise<void> {
  const { imageLayoutVersion } = await readJson<{ imageLayoutVersion?: unknown }>(folder, layoutFile);
  if (imageLayoutVersion === layoutVersion) return;
  const message = `${visible(folder)}: ${layoutFile} has the version ${visible(String(imageLayoutVersion))}; known is ${layoutVersion}.`;
  throw new CliError(message, exits.usage);
}

/** What a layout lists. */
export async function readIndex(folder: string): Promise<readonly IndexEntry[]> {
  const { manifests } = await readJson<{ manifests?: unknown }>(folder, indexFile);
  return Array.isArray(manifests)
    ? manifests.filter((entry) => typeof entry === "object" && entry !== null)
    : [];
}

/**
 * The text of `index.json`.
 *
 * @param entries - what was there
 * @param named - takes the place of what has the same name
 */
export function textOf(entries: readonly IndexEntry[], named: readonly Named[] = []): string {
  const names = new Set(named.map(({ name }) => name));
  const others = entries.filter((entry) => !names.has(nameIn(entry)));
  const own = named.map(({ name, mediaType, digest, size }) => ({
    mediaType,
    digest,
    size,
    annotations: { [nameAnnotation]: name },
  }));
  const manifests = [...others, ...own].sort((a, b) => (nameIn(a) < nameIn(b) ? -1 : 1));
  return `${JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests }, undefined, 2)}\n`;
}

/**
 * The entries that can be read, and a sentence about each of the others.
 *
 * @param entries - of `index.json`
 */
export function namedOf(entries: readonly IndexEntry[]): { named: Named[]; problems: string[] } {
  const named: Named[] = [];
  const problems: string[] = [];
  for (const entry of entries) {
    const { mediaType = "", digest = "", size = -1 } = entry;
    const name = nameIn(entry);
    if (!digestPattern.test(digest) || !Number.isSafeInteger(size) || size < 0) {
      problems.push(`${indexFile} has an entry with the digest "${digest}", which cannot be.`);
    } else named.push({ mediaType, digest, size, name });
  }
  return { named, problems };
}

/** Empty for what has no name. */
function nameIn({ annotations }: IndexEntry): string {
  return String(annotations?.[nameAnnotation] ?? "");
}

async function readJson<T extends object>(folder: string, file: string): Promise<T> {
  try {
    const value: unknown = JSON.parse(await readFile(join(folder, file), "utf8"));
    if (typeof value === "object" && value !== null) return value as T;
    throw new Error(`${file} has no object in it`);
  } catch (error) {
    const message = `${visible(folder)} is no backup: it has no file ${file} that can be read (${reasonOf(error)}). Name a folder that is empty, or one that a backup or another program made as an OCI image layout.`;
    throw new CliError(message, exits.usage, { cause: error });
  }
}
