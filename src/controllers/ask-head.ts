import { names } from "../../schema/names.ts";
import { formatRegistry, parseRegistry } from "../annotations/reference.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { Reflector } from "../kube/reflector.ts";
import { manifestHead } from "../registry/head.ts";
import { type RemoteSettings, remoteHead } from "../registry/remote-head.ts";
import type { Head, HeadResult } from "../workflow/opening.ts";
import { type Artifact, cacheOf, isOpen } from "../workflow/step.ts";
import type { CacheAccess } from "./cache-access.ts";
import type { Asked, AskHead } from "./heads.ts";

/** What asking registries for the inputs of steps needs. */
interface AskHeadSettings {
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  /** How to ask the registries of OrasCaches. */
  readonly access: CacheAccess;
  readonly signal: AbortSignal;
  readonly countHead: (result: HeadResult) => void;
  /** How remote registries are asked; undefined: not at all. */
  readonly remote: RemoteSettings | undefined;
}

/**
 * Asks registries for manifests: those of OrasCaches with the operator's login, remote ones as anybody may.
 *
 * @param settings - see there
 */
export function createAskHead(settings: AskHeadSettings): AskHead {
  const { caches, access, signal } = settings;
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
  const look: AskHead = async (namespace, artifact) => {
    const name = cacheOf(artifact);
    if (isOpen(artifact)) return { refused: "its name is known in the Pod only" };
    const remote = remoteOf(caches, namespace, artifact);
    if (remote !== undefined) return askRemote(settings, remote, artifact);
    const key = `${namespace}/${name}`;
    const cache = caches.store.get(key);
    if (name === undefined || cache?.spec.deploy === false) return { refused: "its registry is not known" };
    if (cache === undefined) return { unknown: `there is no ${names.kind} ${name}` };
    return ask(cache, artifact).catch((error: unknown) => ({ unknown: sentenceOf(error) }));
  };
  return async (namespace, artifact) => {
    const head = await look(namespace, artifact);
    settings.countHead(resultOf(head));
    return head;
  };
}

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
  const name = cacheOf(artifact);
  if (name === undefined) return { url: servedAt(artifact.registry), prefix: undefined };
  const { deploy, registry } = caches.store.get(`${namespace}/${name}`)?.spec ?? {};
  if (deploy !== false || registry === undefined) return undefined;
  const { prefix, ...parsed } = parseRegistry(registry);
  return { url: servedAt(formatRegistry(parsed)), prefix };
}

/** Docker Hub answers at another host than the one that it is called by, as clients know. */
function servedAt(url: string): string {
  return url === "https://docker.io" ? "https://registry-1.docker.io" : url;
}

async function askRemote(
  { remote, signal }: AskHeadSettings,
  { url, prefix }: Remote,
  { repository, version }: Artifact,
): Promise<Asked> {
  if (remote === undefined) return { refused: "the operator asks no remote registries" };
  const whole = prefix === undefined ? repository : `${prefix}/${repository}`;
  return remoteHead(url, whole, version.slice(1), remote, signal);
}

function resultOf(head: Head): HeadResult {
  if ("digest" in head) return "there";
  if ("missing" in head) return "missing";
  return "unknown" in head ? "unknown" : "refused";
}
