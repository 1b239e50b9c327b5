import { createHash } from "node:crypto";
import { visible } from "../../annotations/problems.ts";
import { formatData } from "../show/output.ts";
import { shortSize } from "../show/sizes.ts";
import { formatTable, unknown } from "../show/table.ts";
import { wholeContent } from "./cat.ts";
import type { Place } from "./get.ts";
import type { ArtifactManifest, Part } from "./manifest.ts";
import { unpacked } from "./packed.ts";
import { cleanPath } from "./paths.ts";
import { readTar } from "./tar-read.ts";

/** A file of an artifact, as far as two are compared. */
interface File {
  readonly bytes: number;
  /** Of its content, or what a link leads to: two files are the same where this is. */
  readonly content: string;
}

/** Files by their path. A hard link is the file that it leads to. */
type Files = Map<string, File>;

/** How one file differs. */
export interface Difference {
  readonly change: "added" | "removed" | "changed";
  readonly path: string;
  readonly before: File | undefined;
  readonly after: File | undefined;
}

/** An artifact and where its blobs are. */
export interface Side {
  readonly place: Place;
  readonly manifest: ArtifactManifest;
}

/**
 * Compares the files of two artifacts. Single files are compared by their digests; the archive of a folder is read, unless
 * both have the same.
 *
 * @param before - the first
 * @param after - the second
 * @param onBytes - told of bytes that are read
 */
export async function differences(
  before: Side,
  after: Side,
  onBytes: (count: number) => void,
): Promise<readonly Difference[]> {
  const [old, now] = [
    await filesOf(before.place, toRead(before, after), onBytes),
    await filesOf(after.place, toRead(after, before), onBytes),
  ];
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((path) => {
    const [was, is] = [old.get(path), now.get(path)];
    if (was?.content === is?.content) return [];
    const change = was === undefined ? "added" : is === undefined ? "removed" : "changed";
    return [{ change, path: textOf(path), before: was, after: is }];
  });
}

/** The parts of an artifact that the other has not, too. */
export function toRead({ manifest }: Side, { manifest: other }: Side): readonly Part[] {
  const same = new Set(other.parts.map(keyOf));
  return manifest.parts.filter((part) => !same.has(keyOf(part)));
}

/** An archive has the paths in it. */
function keyOf({ path, digest, packed }: Part): string {
  return packed === undefined ? `${digest} ${path}` : digest;
}

async function filesOf(
  { registry, repository }: Place,
  parts: readonly Part[],
  onBytes: (count: number) => void,
): Promise<Files> {
  const files: Files = new Map();
  for (const part of parts) {
    const { path, packed, digest, size } = part;
    if (packed === undefined) files.set(bytesOf(path), { bytes: size, content: digest });
    else await addArchive(files, registry.readBlob(repository, part, { onBytes }));
  }
  return files;
}

async function addArchive(files: Files, blob: AsyncIterable<Buffer>): Promise<void> {
  for await (const entry of readTar(unpacked(blob))) {
    const path = cleanPath(entry.name);
    if (path === undefined || path === "" || entry.kind === "folder") continue;
    if (entry.kind === "file") {
      const hash = createHash("sha256");
      for await (const part of wholeContent(entry)) hash.update(part);
      files.set(path, { bytes: entry.size, content: `sha256:${hash.digest("hex")}` });
    } else if (entry.kind === "hardLink") {
      const target = files.get(cleanPath(entry.link) ?? "");
      files.set(path, target ?? { bytes: 0, content: `hard link to ${textOf(entry.link)}` });
    } else files.set(path, { bytes: 0, content: `link to ${textOf(entry.link)}` });
  }
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function textOf(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString();
}

/**
 * The differences as text.
 *
 * @param found - all
 * @param format - of the text
 */
export function formatDifferences(
  found: readonly Difference[],
  format: "table" | "json" | "yaml" | "name",
): string {
  if (format === "json" || format === "yaml") return formatData({ items: found }, format);
  if (format === "name") return found.map(({ path }) => `${visible(path)}\n`).join("");
  if (found.length === 0) return "";
  const rows = found.map(({ change, path, before, after }) => [change, path, shown(before), shown(after)]);
  return formatTable(["CHANGE", "FILE", "BEFORE", "AFTER"], rows);
}

function shown(file: File | undefined): string {
  if (file === undefined) return unknown;
  return file.content.startsWith("sha256:") ? shortSize(file.bytes) : file.content;
}
