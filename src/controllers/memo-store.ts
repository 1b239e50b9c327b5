import { names } from "../../schema/names.ts";
import { sentenceOf } from "../kube/errors.ts";
import {
  emptyBlob,
  epochOf,
  latestTag,
  latestTagOfRuns,
  type MemoScope,
  openedEntry,
  sealed,
} from "../memo/entry.ts";
import type { Found, MemoEntry, MemoTag, NewMemoEntry, Retagged, RetagLimits } from "../memo/memos.ts";
import { goesSoon, isForgotten } from "../memo/state.ts";
import { readBlob, writeBlob } from "../registry/blobs.ts";
import { manifestHead } from "../registry/head.ts";
import { type RawManifest, readManifest, writeManifest } from "../registry/manifests.ts";
import { type OwnRegistry, TooLongError } from "../registry/own.ts";
import { mountWhole, type Whole, wholeOf } from "../registry/whole.ts";

/** Where the entries of a cache are. */
export interface MemoStore {
  readonly registry: OwnRegistry;
  /** Of the entries. */
  readonly repository: string;
  readonly scope: MemoScope;
  readonly seen: SeenEntries;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What the operator writes is far shorter. */
const longestEntry = 64 * 1024;
/** Pods whose specs are longer are not kept by the API server. */
const longestParts = 4 * 2 ** 20;

/** As long as a result of many files may need; who waits for it asks again. */
const longestMs = 60_000;

interface ReadEntry {
  readonly entry: MemoEntry;
  readonly manifest: RawManifest;
}

/** An entry as it was found, with its output. */
interface Seen {
  readonly manifest: RawManifest;
  readonly whole: Whole;
  /** Up to which nothing that was forgotten is it. */
  readonly epoch: number;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * What was found of entries, for the write that follows at once: reading it again is half of what a registry has to do for a
 * result that is there.
 */
export type SeenEntries = WeakMap<MemoEntry, Seen>;

/** For longer than that nothing that was found is believed: retention may have taken it. */
const seenForMs = 5_000;

/**
 * See Memos.find.
 *
 * @param store - where to look
 * @param key - of the step
 * @param maxAgeSeconds - older entries are misses
 */
export function findIn(store: MemoStore, key: string, maxAgeSeconds: number | undefined): Promise<Found> {
  return answered(async () => {
    const found = await readEntry(store, key, key);
    if ("because" in found) return asMiss(found.because);
    const { entry } = found;
    if (maxAgeSeconds !== undefined && store.now() - Date.parse(entry.at) > maxAgeSeconds * 1000)
      return { kind: "miss", because: `its result is from ${entry.at}, which is older than it may be` };
    const at = store.now();
    const whole = await outputOf(store, entry);
    if ("because" in whole) return asMiss(whole.because);
    store.seen.set(entry, { manifest: found.manifest, whole, epoch: store.scope.state?.epoch ?? 0, at });
    return { kind: "hit", entry };
  }, asMiss);
}

/**
 * See Memos.latestOf.
 *
 * @param store - where to look
 * @param output - that is asked for
 */
export async function latestOrEarlierRunIn(
  store: MemoStore,
  output: MemoTag,
): Promise<MemoEntry | undefined> {
  const { written } = output;
  const own = await latestIn(store, output);
  return own ?? (written === undefined ? undefined : lastAt(store, latestTagOfRuns(written)));
}

/**
 * See Memos.latestKeys.
 *
 * @param store - where to look
 * @param output - that is asked for, of its run alone
 */
export function latestIn(store: MemoStore, output: MemoTag): Promise<MemoEntry | undefined> {
  return lastAt(store, latestTag(output));
}

async function lastAt(store: MemoStore, tag: string): Promise<MemoEntry | undefined> {
  const found = await readEntry(store, tag, undefined);
  return "because" in found ? undefined : found.entry;
}

/** The tags that name the last entry of an output. */
function lastTagsOf(output: MemoTag): string[] {
  return [latestTag(output), ...(output.written === undefined ? [] : [latestTagOfRuns(output.written)])];
}

/**
 * See Memos.retag. An entry that was not found a moment ago is read again: it may have been forgotten, or its output deleted.
 * Entry and output are written anew, so that retention sees when they were of use.
 *
 * @param store - where the entry is
 * @param wanted - as it was found
 * @param to - the tag to write
 * @param limits - see there
 */
export function retagIn(
  store: MemoStore,
  wanted: MemoEntry,
  to: MemoTag,
  limits: RetagLimits,
): Promise<Retagged> {
  const left = Math.min(Math.max(Math.floor(limits.deadline - store.now()), 0), longestMs);
  const within = AbortSignal.any([store.registry.signal, AbortSignal.timeout(left)]);
  const registry = { ...store.registry, signal: within };
  const inTime = { ...store, registry };
  return answered(async () => {
    const found = await wholeEntry(inTime, wanted);
    if ("because" in found) return asGone(found.because);
    const { whole, entry } = found;
    const isOld = goesSoon(store.scope.state, epochOf(found.manifest.bytes));
    const manifest = isOld ? sealed(entry, store.scope) : found.manifest;
    if (whole.repository !== to.repository) {
      assertInTime(store, limits);
      if (!(await mountWhole(registry, whole, to.repository)))
        return asGone(`the registry does not share it with ${to.repository}`);
    }
    assertInTime(store, limits);
    await writeManifest(registry, store.repository, wanted.key, manifest);
    const held = await heldBy(registry, to);
    if (held !== undefined && held !== limits.before && held !== whole.top.digest) {
      const because = `${to.repository}:${to.tag} has ${held} by now, which somebody has pushed`;
      return { kind: "taken", digest: held, because };
    }
    assertInTime(store, limits);
    await writeManifest(registry, to.repository, to.tag, whole.top);
    // Of a tag that was left alone, the last entry is that of what it has.
    for (const tag of lastTagsOf(to)) {
      assertInTime(store, limits);
      await writeManifest(registry, store.repository, tag, manifest);
    }
    return { kind: "done" };
  }, asGone);
}

/** An entry that was found before, with its output, if it is the same by now. */
async function wholeEntry(
  store: MemoStore,
  wanted: MemoEntry,
): Promise<(ReadEntry & { readonly whole: Whole }) | { readonly because: string }> {
  const known = store.seen.get(wanted);
  const isFresh = known && store.now() - known.at < seenForMs;
  if (isFresh && !isForgotten(store.scope.state, wanted.key, known.epoch)) return { ...known, entry: wanted };
  const found = await readEntry(store, wanted.key, wanted.key);
  if ("because" in found) return found;
  if (found.entry.output.digest !== wanted.output.digest)
    return { because: "another result has taken its place" };
  const whole = await outputOf(store, found.entry);
  return "because" in whole ? whole : { ...found, whole };
}

async function heldBy(registry: OwnRegistry, { repository, tag }: MemoTag): Promise<string | undefined> {
  const held = await manifestHead(registry.peer, repository, tag, registry.authorization, registry.signal);
  if ("unknown" in held) throw new Error(held.unknown);
  return "digest" in held ? held.digest : undefined;
}

/**
 * See Memos.write.
 *
 * @param store - where to
 * @param entry - what it says
 * @throws when it is not written
 */
export async function writeIn(
  store: MemoStore,
  { tag, written, output, ...entry }: NewMemoEntry,
): Promise<void> {
  const { registry, repository, scope } = store;
  const manifest = await readManifest(registry, output.repository, output.digest);
  if (manifest === undefined)
    throw new Error(`the manifest ${output.digest} is not in ${output.repository}, so it is not remembered`);
  const { mediaType, digest, bytes } = manifest;
  const at = new Date(store.now()).toISOString();
  const pushed = { repository: output.repository, digest, mediaType, size: bytes.length };
  const latest = { repository: output.repository, tag, written };
  const last = await latestIn(store, latest);
  const isOlder =
    last && last.output.digest !== digest && (await heldBy(registry, latest)) === last.output.digest;
  const before = isOlder ? undefined : (last ?? (await latestOrEarlierRunIn(store, latest)))?.key;
  const sealedEntry = sealed({ ...entry, output: pushed, at, ...(before && { before }) }, scope);
  await writeBlob(registry, repository, names.memoPartsType, entry.parts);
  await writeBlob(registry, repository, emptyBlob.type, emptyBlob.content);
  await writeManifest(registry, repository, entry.key, sealedEntry);
  // Another step has pushed to the tag since, and what it made is remembered already.
  if (isOlder) return;
  for (const name of lastTagsOf(latest)) await writeManifest(registry, repository, name, sealedEntry);
}

async function readEntry(
  { registry, repository, scope }: MemoStore,
  tag: string,
  key: string | undefined,
): Promise<ReadEntry | { readonly because: string }> {
  const manifest = await readManifest(registry, repository, tag, longestEntry);
  if (manifest === undefined) return { because: "nothing is remembered of it" };
  const partsOf = async (hex: string) =>
    (await readBlob(registry, repository, `sha256:${hex}`, longestParts))?.toString();
  const entry = await openedEntry(key, manifest.bytes, partsOf, scope);
  return "because" in entry ? entry : { entry, manifest };
}

/** What an entry names, if all of it is there as it says. */
async function outputOf(
  { registry }: MemoStore,
  { output }: MemoEntry,
): Promise<Whole | { readonly because: string }> {
  const whole = await wholeOf(registry, output.repository, output.digest);
  if ("broken" in whole) return { because: `its result is not whole: ${whole.broken}` };
  const { bytes, mediaType } = whole.top;
  return bytes.length === output.size && mediaType === output.mediaType
    ? whole
    : { because: "its result is not what its entry says" };
}

/** A process that was stopped goes on where it was, and another one may lead by now. */
function assertInTime({ now }: MemoStore, { deadline }: RetagLimits): void {
  if (now() >= deadline) throw new Error("the Lease has to be renewed first");
}

/** What is too long is not the operator's; of whatever else went wrong nothing follows. */
async function answered<T>(
  ask: () => Promise<T>,
  tooLong: (because: string) => T,
): Promise<T | { readonly kind: "unknown"; readonly because: string }> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof TooLongError)
      return tooLong(`what is there is not the operator's: ${error.message}`);
    return { kind: "unknown", because: sentenceOf(error) };
  }
}

function asMiss(because: string): Found {
  return { kind: "miss", because };
}

function asGone(because: string): Retagged {
  return { kind: "gone", because };
}
