import { names } from "../../schema/names.ts";
import { formatRegistry, parseRegistry } from "../annotations/reference.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { Reflector } from "../kube/reflector.ts";
import { apiHost } from "../registry/credentials.ts";
import { manifestHead } from "../registry/head.ts";
import type { RemoteManifest } from "../registry/remote-head.ts";
import type { Head, HeadResult, Refused } from "../workflow/opening.ts";
import { type Artifact, cacheOf, isOpen } from "../workflow/step.ts";
import { type AskRemoteSettings, createAskRemote } from "./ask-remote.ts";
import type { CacheAccess } from "./cache-access.ts";
import type { AskedFor, Asking } from "./heads.ts";

/** What asking registries for the inputs of steps needs. */
interface AskHeadSettings {
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  /** How to ask the registries of OrasCaches. */
  readonly access: CacheAccess;
  readonly signal: AbortSignal;
  readonly countHead: (result: HeadResult) => void;
  /** How remote registries are asked; undefined: not at all. */
  readonly remote: AskRemoteSettings | undefined;
}

/**
 * Asks registries for manifests: those of OrasCaches with the operator's login, remote ones with that of the step where its namespace
 * lets the operator read it.
 *
 * @param settings - see there
 */
export function createAskHead(settings: AskHeadSettings): Asking & {
  /** Reads a manifest of a remote registry; undefined where none is asked. */
  readonly manifest: (
    namespace: string,
    artifact: AskedFor,
    digest: string,
  ) => Promise<RemoteManifest | undefined>;
} {
  const { caches, access, signal, remote: how } = settings;
  const askRemote = how && createAskRemote(how, signal);
  const ask = async (cache: StoredOrasCache, artifact: Artifact): Promise<Head> => {
    const found = await access.to(cache);
    if (found === undefined)
      return { unknown: `the registry of ${names.kind} ${cache.metadata?.name} is not ready` };
    const { repository, version } = artifact;
    const head = await manifestHead(found.peer, repository, version.slice(1), found.authorization, signal);
    // Its Pod may be another one by now. That there is none is remembered: thousands of steps may ask for theirs.
    if ("unknown" in head) access.forget(cache);
    return head;
  };
  const look: Asking["ask"] = async (namespace, artifact) => {
    const name = cacheOf(artifact);
    if (isOpen(artifact)) return { refused: "its name is known in the Pod only" };
    const remote = remoteOf(caches, namespace, artifact);
    if (remote !== undefined) {
      if (askRemote === undefined) return asksNone;
      const { url, whole, by } = placeOf(caches, namespace, remote, artifact);
      return askRemote.ask(url, whole, artifact.version.slice(1), by);
    }
    const key = `${namespace}/${name}`;
    const cache = caches.store.get(key);
    if (name === undefined || cache?.spec.deploy === false) return { refused: "its registry is not known" };
    if (cache === undefined) return { unknown: `there is no ${names.kind} ${name}` };
    return ask(cache, artifact).catch((error: unknown) => ({ unknown: sentenceOf(error) }));
  };
  return {
    ask: async (namespace, artifact) => {
      const head = await look(namespace, artifact);
      settings.countHead(resultOf(head));
      return head;
    },
    manifest: async (namespace, artifact, digest) => {
      const remote = remoteOf(caches, namespace, artifact);
      if (remote === undefined || askRemote === undefined) return undefined;
      const { url, whole, by } = placeOf(caches, namespace, remote, artifact);
      return askRemote.manifest(url, whole, digest, by);
    },
    refusalOf: async (namespace, artifact) => {
      const remote = remoteOf(caches, namespace, artifact);
      if (remote === undefined) return undefined;
      if (askRemote === undefined) return asksNone;
      const { url, whole, by } = placeOf(caches, namespace, remote, artifact);
      return by && askRemote.refusalOf(url, whole, by);
    },
  };
}

const asksNone: Refused = { refused: "the operator asks no remote registries" };

/** A remote registry, and where an artifact is in it. */
interface Remote {
  /** Without a path. */
  readonly url: string;
  readonly prefix: string | undefined;
}

/**
 * The remote registry that an artifact is in.
 *
 * @param caches - as mirrored
 * @param namespace - of the step
 * @param artifact - its input, or its output
 * @returns undefined where it is in a registry of the operator's, or nobody knows in which
 */
export function remoteOf(
  caches: AskHeadSettings["caches"],
  namespace: string,
  artifact: Artifact,
): Remote | undefined {
  return urlOf(caches, namespace, artifact.registry);
}

function urlOf(
  caches: AskHeadSettings["caches"],
  namespace: string,
  registry: Artifact["registry"],
): Remote | undefined {
  const name = cacheOf({ registry });
  if (name === undefined) return { url: servedAt(registry), prefix: undefined };
  const { deploy, registry: named } = caches.store.get(`${namespace}/${name}`)?.spec ?? {};
  if (deploy !== false || named === undefined) return undefined;
  const { prefix, ...parsed } = parseRegistry(named);
  return { url: servedAt(formatRegistry(parsed)), prefix };
}

/** Docker Hub answers at another host than the one that it is called by, as clients know. */
function servedAt(url: string): string {
  const registry = parseRegistry(url);
  const host = apiHost(registry.host);
  return host === registry.host ? url : formatRegistry({ ...registry, host });
}

/** Where an artifact is in a remote registry, and by which Secret that is asked. */
function placeOf(
  caches: AskHeadSettings["caches"],
  namespace: string,
  { url, prefix }: Remote,
  { repository, login }: AskedFor,
) {
  const [own] = login?.registries.flatMap((one) => urlOf(caches, namespace, one)?.url ?? []) ?? [];
  return {
    url,
    whole: prefix === undefined ? repository : `${prefix}/${repository}`,
    by: login && {
      ...{ namespace, name: login.secret },
      passwordFor: own === undefined ? undefined : parseRegistry(own).host,
    },
  };
}

function resultOf(head: Head): HeadResult {
  if ("digest" in head) return "there";
  if ("missing" in head) return "missing";
  return "unknown" in head ? "unknown" : "refused";
}
