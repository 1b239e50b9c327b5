import { hasKeeper } from "../../cache/storage.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import type { Room } from "../../cache/usage.ts";
import { subjectOfTag } from "../../common/fallback-tag.ts";
import { hiddenIn, type Listed, listArtifacts, listTags, withFrom } from "../artifacts/list.ts";
import { parseNamed } from "../artifacts/reference.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import { roomOf } from "./ask-keeper.ts";
import { notFound } from "./find-artifact.ts";
import { findCache, listCaches, nameOf } from "./find-cache.ts";
import { openCache, openHost } from "./open.ts";
import { listWithOrigins } from "./origins.ts";
import { openSession, type Session } from "./session.ts";
import { type RemoteOptions, use, withRegistryOf } from "./with-registry.ts";

/** Artifacts, and what could not be listed. */
export interface AllListed {
  readonly listed: readonly Listed[];
  readonly problems: readonly string[];
  /** What is missing of what was listed, and what to do. */
  readonly notes: readonly string[];
  /** Of the one cache whose artifacts they are, with how much room its keeper has, where that was asked and is known. */
  readonly of?: { readonly cache: OrasCache; readonly room: Room | undefined };
}

/**
 * The artifacts of a cache, or of all caches of a cluster.
 *
 * @param repository - the one that counts
 * @param options - of the command
 * @param how - everywhere: in all namespaces, and what cannot be listed is a problem beside the others; withOrigins: with
 *   when and by whom they were pushed, which takes longer; withRoom: its keeper is asked how full the volume is
 */
export async function listAll(
  repository: string | undefined,
  options: RemoteOptions,
  how: { readonly everywhere: boolean; readonly withOrigins: boolean; readonly withRoom?: boolean },
): Promise<AllListed> {
  const named = repository === undefined ? undefined : parseNamed(repository);
  if (named?.tag !== undefined || named?.digest !== undefined) {
    throw new CliError(`ls takes a repository: write ${named.repository}.`, exits.usage);
  }
  if (named?.host !== undefined) {
    const { host } = named;
    const about = { repository: named.repository, prefix: "", namespace: "", cache: host };
    const open = await openHost({ host, plainHttp: false });
    return {
      listed: await use(open, async ({ registry }) => withFrom(await listArtifacts(registry, about))),
      problems: [],
      notes: [],
    };
  }
  const session = await openSession(options);
  try {
    const list: List = how.withOrigins ? listWithOrigins : listPlain;
    if (how.everywhere) return await listEverywhere(session, named?.repository, list);
    const cache = await findCache(session, options.cache);
    const found = await listCache(session, cache, named?.repository, { mustBeThere: true, list });
    const asked = how.withRoom && hasKeeper(cache as StoredOrasCache);
    // A keeper that says nothing is no reason to show nothing: the line says how old the numbers are then.
    const room = asked ? await roomOf(session, cache).catch(() => undefined) : undefined;
    return { ...found, problems: [], of: { cache, room } };
  } finally {
    session.close();
  }
}

/**
 * The names of a cache's artifacts alone, for whom reading every manifest takes too long.
 *
 * @param options - of the command
 */
export async function listNames(
  options: RemoteOptions,
): Promise<readonly { readonly repository: string; readonly tag: string }[]> {
  return withRegistryOf({}, options, async ({ registry, prefix, of }) => {
    const tags = (await listTags(registry, { prefix, hidden: hiddenIn(of?.cache) })).filter(
      ({ tag }) => subjectOfTag(tag) === undefined,
    );
    return tags.map(({ name, tag }) => ({ repository: name.slice(prefix.length), tag }));
  });
}

type List = typeof listWithOrigins;

const listPlain: List = async ({ registry, prefix, of }, about) => ({
  listed: await listArtifacts(registry, { ...about, prefix, hidden: hiddenIn(of?.cache) }),
  notes: [],
});

async function listEverywhere(
  session: Session,
  repository: string | undefined,
  list: List,
): Promise<AllListed> {
  const listed: Listed[] = [];
  const problems: string[] = [];
  const notes: string[] = [];
  for (const cache of await listCaches(session, true)) {
    try {
      const found = await listCache(session, cache, repository, { mustBeThere: false, list });
      listed.push(...found.listed);
      notes.push(...found.notes);
    } catch (error) {
      problems.push((error as Error).message);
    }
  }
  return { listed, problems, notes };
}

async function listCache(
  session: Session,
  cache: OrasCache,
  repository: string | undefined,
  { mustBeThere, list }: { readonly mustBeThere: boolean; readonly list: List },
): ReturnType<List> {
  const namespace = cache.metadata?.namespace ?? session.namespace;
  return use(await openCache(session, cache), async (open) => {
    const about = { repository, namespace, cache: nameOf(cache) };
    const found = await list(open, about);
    if (found.listed.length === 0 && repository !== undefined && mustBeThere)
      throw await notFound(open, { repository });
    return found;
  });
}
