import { rootCertificates } from "node:tls";
import type { V1ConfigMap, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { basicOf, type CacheName, cacheKey, keeperToken, podAsksForPassword } from "../cache/access.ts";
import { casIn } from "../cache/ca-config-map.ts";
import { currentUser } from "../cache/logins.ts";
import { identityOf } from "../cache/owner.ts";
import { hostOf } from "../cache/pods.ts";
import { caConfigMapName, podServesTls, stepName } from "../cache/tls.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { registryCas } from "../certificates/registry-cas.ts";
import type { KubeClient } from "../kube/client.ts";
import { get, type KubeObject } from "../kube/objects.ts";
import { resources } from "../kube/resources.ts";
import type { Peer, Trust } from "../registry/peer.ts";

/** Where a keeper is asked, and by which token it knows the operator. */
interface KeeperAccess {
  readonly peer: Peer;
  readonly token: string;
}

/**
 * How to ask the keeper in a registry's Pod: it shows a certificate of the cache's own CA, whatever the registry shows.
 *
 * @param pod - of the registry
 * @param cache - its name
 * @param operatorKey - what the CA and the token are derived from
 * @param now - milliseconds since 1970
 * @returns undefined where the Pod has no address
 */
export async function keeperAccess(
  pod: V1Pod,
  cache: CacheName,
  operatorKey: string,
  now: number,
): Promise<KeeperAccess | undefined> {
  const host = hostOf(pod);
  if (host === undefined) return undefined;
  const key = cacheKey(operatorKey, cache);
  // The CA is the cache's alone: a name proves no more.
  const trust = podServesTls(pod.spec)
    ? { ca: await registryCas(key, new Date(now)), servername: "localhost" }
    : undefined;
  return { peer: { host: `${host}:${names.keeperPort}`, trust }, token: keeperToken(key) };
}

/**
 * Whom to trust as the registry in a Pod.
 *
 * @param pod - of the registry
 * @param cache - whose it is
 * @param installation - with what its CA is derived from
 * @param client - asked for the CAs of the author's Secret
 */
export async function registryTrust(
  pod: V1Pod,
  cache: StoredOrasCache,
  installation: { readonly operatorKey: string; readonly clusterDomain: string },
  client: KubeClient,
): Promise<Trust | undefined> {
  if (!podServesTls(pod.spec)) return undefined;
  const { operatorKey, clusterDomain } = installation;
  const { name, namespace } = identityOf(cache);
  const servername = stepName({ name, namespace }, cache.spec, clusterDomain);
  const own = await registryCas(cacheKey(operatorKey, { name, namespace }), new Date(client.now()));
  if (cache.spec.tls?.secretName === undefined) return { ca: own, servername };
  const published = await get<V1ConfigMap & KubeObject>(client, resources.configMaps, {
    namespace,
    name: caConfigMapName(name),
  });
  return { ca: [own, casIn(published ?? {}), ...rootCertificates], servername };
}

/** Where a registry is asked, and by which login. */
export interface RegistryAccess {
  readonly peer: Peer;
  /** As a header has it; undefined where it asks for none. */
  readonly authorization: string | undefined;
}

/**
 * How to ask the registry in a Pod.
 *
 * @param pod - of the registry
 * @param cache - whose it is
 * @param installation - with what CA and login are derived from
 * @param client - asked for the CAs of the author's Secret
 * @returns undefined where the Pod has no address
 */
export async function registryAccess(
  pod: V1Pod,
  cache: StoredOrasCache,
  installation: { readonly operatorKey: string; readonly clusterDomain: string },
  client: KubeClient,
): Promise<RegistryAccess | undefined> {
  const host = hostOf(pod);
  if (host === undefined) return undefined;
  const key = cacheKey(installation.operatorKey, identityOf(cache));
  return {
    peer: {
      host: `${host}:${names.registryPort}`,
      trust: await registryTrust(pod, cache, installation, client),
    },
    authorization: podAsksForPassword(pod.spec) ? basicOf(key, currentUser(cache)) : undefined,
  };
}
