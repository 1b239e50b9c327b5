import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { KubeClient } from "../kube/client.ts";
import { sentenceOf } from "../kube/errors.ts";
import { forgetOldest } from "../kube/forget.ts";
import type { Reflector } from "../kube/reflector.ts";
import { manifestHead } from "../registry/head.ts";
import type { Head, HeadResult } from "../workflow/opening.ts";
import { type Artifact, cacheOf, isOpen } from "../workflow/step.ts";
import { firstPod } from "./first-pod.ts";
import type { AskHead } from "./heads.ts";
import { type RegistryAccess, registryAccess } from "./trust.ts";

/** What asking registries for the inputs of steps needs. */
interface AskHeadSettings {
  readonly client: KubeClient;
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly operatorKey: string;
  readonly clusterDomain: string;
  readonly signal: AbortSignal;
  readonly countHead: (result: HeadResult) => void;
}

/** A registry's Pod may be replaced at any time; asked for each artifact it would be asked for too often. */
const rememberedMs = 2_000;
const mostRemembered = 1_000;

/**
 * Asks the registries of OrasCaches for manifests.
 *
 * @param settings - see there
 */
export function createAskHead(settings: AskHeadSettings): AskHead {
  const { caches, signal } = settings;
  const known = new Map<string, { access: Promise<RegistryAccess | undefined>; until: number }>();
  const accessTo = (key: string, cache: StoredOrasCache): Promise<RegistryAccess | undefined> => {
    const last = known.get(key);
    if (last && performance.now() < last.until) return last.access;
    const access = accessOf(settings, cache);
    known.delete(key);
    known.set(key, { access, until: performance.now() + rememberedMs });
    forgetOldest(known, mostRemembered);
    return access;
  };
  const ask = async (key: string, cache: StoredOrasCache, artifact: Artifact): Promise<Head> => {
    const access = await accessTo(key, cache);
    if (access === undefined)
      return { unknown: `the registry of ${names.kind} ${cache.metadata?.name} is not ready` };
    const { repository, version } = artifact;
    return manifestHead(access.peer, repository, version.slice(1), access.authorization, signal);
  };
  const look: AskHead = async (namespace, artifact) => {
    const name = cacheOf(artifact);
    if (isOpen(artifact)) return { refused: "its name is known in the Pod only" };
    const key = `${namespace}/${name}`;
    const cache = caches.store.get(key);
    if (name === undefined || cache?.spec.deploy === false) return { refused: "it is in a remote registry" };
    if (cache === undefined) return { unknown: `there is no ${names.kind} ${name}` };
    const head = await ask(key, cache, artifact).catch((error: unknown) => ({ unknown: sentenceOf(error) }));
    if ("unknown" in head) known.delete(key);
    return head;
  };
  return async (namespace, artifact) => {
    const head = await look(namespace, artifact);
    settings.countHead(resultOf(head));
    return head;
  };
}

function resultOf(head: Head): HeadResult {
  if ("digest" in head) return "there";
  if ("missing" in head) return "missing";
  return "unknown" in head ? "unknown" : "refused";
}

async function accessOf(
  { client, operatorKey, clusterDomain, signal }: AskHeadSettings,
  cache: StoredOrasCache,
): Promise<RegistryAccess | undefined> {
  const pod = await firstPod(client, cache, signal);
  return pod && registryAccess(pod, cache, { operatorKey, clusterDomain }, client);
}
