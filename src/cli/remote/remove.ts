import { secondsOf } from "../../annotations/duration.ts";
import { quoted } from "../../annotations/problems.ts";
import { type Listed, timeOf } from "../artifacts/list.ts";
import { formatNamed, type Named, parseArtifact, parseNamed } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { RegistryError } from "../oci/errors.ts";
import { CliError } from "../output.ts";
import { notFound } from "./find-artifact.ts";
import type { OpenRegistry } from "./open.ts";
import { listWithOrigins } from "./origins.ts";
import { type RemoteOptions, withRegistryOf } from "./with-registry.ts";

/** What `rm` is told. */
export interface RemoveOptions extends RemoteOptions {
  readonly olderThan?: string;
  readonly dryRun?: boolean;
}

/**
 * Removes artifacts: those that are named, or all that are older.
 *
 * @param names - artifacts; with an age, at most one repository
 * @param options - of the command
 * @param say - told of each
 */
export async function remove(
  names: readonly string[],
  options: RemoveOptions,
  say: (line: string) => void,
): Promise<void> {
  const { olderThan, dryRun = false, ...where } = options;
  if (olderThan !== undefined) return removeOlder(names, olderThan, { ...where, dryRun }, say);
  if (names.length === 0) throw new CliError("Name an artifact, or an age with --older-than.", exits.usage);
  for (const named of names.map(parseOne)) {
    await withRegistryOf(named, where, (open) => removeOne(open, named, dryRun));
    say(lineOf(formatNamed(named), dryRun));
  }
}

/** With a digest all of its tags go: who names one of them, too, may mean that one alone. */
function parseOne(text: string): Named {
  const named = parseArtifact(text);
  if (named.tag === undefined || named.digest === undefined) return named;
  const { digest, ...tag } = named;
  const { tag: _, ...all } = named;
  const message = `Artifact ${quoted(text)}: it names a tag and a digest. To remove the tag alone: rm ${formatNamed(tag)}. To remove the artifact with all of its tags: rm ${formatNamed(all)}`;
  throw new CliError(message, exits.usage);
}

/** What was removed, in a line. */
export function lineOf(shown: string, dryRun: boolean): string {
  return dryRun ? `Would remove ${shown}` : `Removed ${shown}`;
}

/**
 * Removes a tag, or with a digest all that have it.
 *
 * @param open - the registry
 * @param named - one of its artifacts
 * @param dryRun - only look whether it is there
 * @throws CliError where it is not there
 */
export async function removeOne(open: OpenRegistry, named: Named, dryRun: boolean): Promise<void> {
  const { registry, prefix } = open;
  const repository = prefix + named.repository;
  const digest = await registry.resolve(repository, named.digest ?? named.tag ?? "");
  if (digest === undefined) throw await notFound(open, named);
  if (dryRun) return;
  if (named.digest !== undefined || named.tag === undefined)
    return registry.deleteManifest(repository, digest);
  try {
    await registry.deleteManifest(repository, named.tag);
  } catch (error) {
    if (!(error instanceof RegistryError) || ![400, 405].includes(error.status)) throw error;
    await removeByDigest(open, named, digest, error);
  }
}

/** Older registries cannot remove a tag; its manifest goes with it, unless another tag names that, too. */
async function removeByDigest(open: OpenRegistry, named: Named, digest: string, cause: Error): Promise<void> {
  const { registry, prefix } = open;
  const repository = prefix + named.repository;
  const others = (await registry.tags(repository)).filter((tag) => tag !== named.tag);
  for (const tag of others) {
    if ((await registry.resolve(repository, tag)) !== digest) continue;
    const message = `The ${open.shown} cannot remove a tag alone, and ${named.repository}:${tag} is the same artifact. To remove both: rm ${named.repository}@${digest}`;
    throw new CliError(message, exits.failed, { cause });
  }
  await registry.deleteManifest(repository, digest);
}

async function removeOlder(
  names: readonly string[],
  olderThan: string,
  { dryRun, ...where }: RemoteOptions & { readonly dryRun: boolean },
  say: (line: string) => void,
): Promise<void> {
  const seconds = ageOf(olderThan);
  const [repository, ...more] = names.map(parseNamed);
  if (more.length > 0 || repository?.tag !== undefined || repository?.digest !== undefined) {
    throw new CliError("With --older-than, name at most one repository.", exits.usage);
  }
  await withRegistryOf(repository ?? {}, where, async (open) => {
    const { registry, prefix } = open;
    const about = { repository: repository?.repository, namespace: "", cache: "" };
    const { listed: all, notes } = await listWithOrigins(open, about);
    // A laptop whose clock is ahead would take what is young for old.
    const present = open.of?.session.client.now() ?? Date.now();
    const before = present - seconds * 1000;
    for (const item of all.filter((each) => (timeOf(each)?.getTime() ?? Infinity) < before)) {
      const named = { repository: item.repository, tag: item.tag };
      // Reading the list takes a while. What was pushed under the tag since is not old; what is gone is done.
      const now = await registry.resolve(prefix + item.repository, item.tag);
      if (now !== item.manifest?.digest) continue;
      await removeOne(open, named, dryRun);
      say(lineOf(formatNamed(named), dryRun));
    }
    notes.forEach(say);
    const unknown = all.filter(isOfUnknownAge);
    if (unknown.length > 0)
      say(`Kept ${unknown.length} whose age is not known: no keeper says when they were pushed.`);
  });
}

function isOfUnknownAge(item: Listed): boolean {
  return timeOf(item) === undefined;
}

/**
 * The seconds of a duration.
 *
 * @param text - such as `72h`, `1h30m` or `7d`
 * @throws CliError
 */
export function ageOf(text: string): number {
  const days = /^([1-9][0-9]{0,5})d$/.exec(text)?.[1];
  if (days !== undefined) return Number(days) * 86_400;
  const seconds = /^(?:\d{1,7}h)?(?:\d{1,7}m)?(?:\d{1,9}s)?$/.test(text) ? secondsOf(text) : 0;
  if (seconds > 0) return seconds;
  throw new CliError(`${text} is not a duration; allowed is for example 7d, 72h or 1h30m.`, exits.usage);
}
