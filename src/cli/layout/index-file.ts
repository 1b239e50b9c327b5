import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { quoted, visible } from "../../annotations/problems.ts";
import { isMediaType } from "../artifacts/manifest.ts";
import { exits } from "../exits.ts";
import { makeFolders } from "../make-folders.ts";
import { digestPattern } from "../oci/registry.ts";
import type { Descriptor } from "../oci/types.ts";
import { CliError, reasonOf } from "../output.ts";
import { withLock } from "./lock.ts";

/** Files and annotations of an image layout. @see https://github.com/opencontainers/image-spec/blob/v1.1.1/image-layout.md */
export const indexFile = "index.json";
const layoutFile = "oci-layout";
/** Held by who writes the index, and its name begins those of the locks for taking it away: what two commands read at the same time would lose what one of them writes. */
const lockFile = ".index.lock";
const layoutVersion = "1.0.0";
const nameAnnotation = "org.opencontainers.image.ref.name";
const indexType = "application/vnd.oci.image.index.v1+json";

/** An entry of `index.json`, which any program may have written. */
export interface IndexEntry extends Readonly<Partial<Record<keyof Descriptor, unknown>>> {
  readonly annotations?: Readonly<Record<string, unknown>> | null;
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
  makeFolders(folder);
  if (isBegunIn(folder)) await writingIndex(folder, () => begin(folder));
  await checkLayout(folder);
  // The specification wants it, but git and others keep no empty folders.
  makeFolders(join(folder, "blobs", "sha256"));
}

async function begin(folder: string): Promise<void> {
  // Another command may have done it meanwhile.
  if (!isBegunIn(folder)) return;
  writeFileSync(join(folder, indexFile), textOf([]));
  writeFileSync(join(folder, layoutFile), `${JSON.stringify({ imageLayoutVersion: layoutVersion })}\n`);
}

/**
 * Runs something that reads the index of a layout and writes it, while no other command does.
 *
 * @param folder - the layout
 * @param run - what does so
 * @throws CliError where another command does for too long
 */
export async function writingIndex<T>(folder: string, run: () => Promise<T>): Promise<T> {
  return withLock(join(folder, lockFile), run);
}

/** Whether a folder is empty, or has what a command left that was killed, or ran out of space, while it made it a layout. */
function isBegunIn(folder: string): boolean {
  const found = readdirSync(folder);
  if (found.some((name) => name !== "blobs" && name !== indexFile && !name.startsWith(lockFile)))
    return false;
  return !found.includes(indexFile) || textOf([]).startsWith(readFileSync(join(folder, indexFile), "utf8"));
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
    const { mediaType = "", digest, size } = entry;
    const descriptor = { mediaType, digest, size };
    if (isDescriptor(descriptor)) named.push({ ...descriptor, name: nameIn(entry) });
    else problems.push(`${indexFile} has the entry ${quoted(JSON.stringify(descriptor))}, which cannot be.`);
  }
  return withoutClashes(named, problems);
}

function isDescriptor(entry: Readonly<Record<keyof Descriptor, unknown>>): entry is Descriptor {
  const { mediaType, digest, size } = entry;
  return (
    typeof mediaType === "string" &&
    (mediaType === "" || isMediaType(mediaType)) &&
    typeof digest === "string" &&
    digestPattern.test(digest) &&
    Number.isSafeInteger(size) &&
    (size as number) >= 0
  );
}

/** The specification lets a layout have a name twice, for one platform each for instance. A tag is one of them. */
function withoutClashes(all: readonly Named[], problems: readonly string[]) {
  const byName = Map.groupBy(all, ({ name }) => name);
  const isClear = (one: Named) =>
    one.name === "" || (byName.get(one.name) ?? []).every(({ digest }) => digest === one.digest);
  const named = all.filter((one) => isClear(one) && (one.name === "" || byName.get(one.name)?.[0] === one));
  const clashes = [...byName].flatMap(([name, [first]]) =>
    first === undefined || isClear(first)
      ? []
      : [`${indexFile} has several manifests of the name ${quoted(name)}; which is meant cannot be known.`],
  );
  return { named, problems: [...problems, ...clashes] };
}

/** Empty for what has no name. */
function nameIn({ annotations }: IndexEntry): string {
  const name = annotations?.[nameAnnotation];
  return typeof name === "string" ? name : "";
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
