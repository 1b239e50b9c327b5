import { names } from "../../schema/names.ts";
import { hostOf, type Registry } from "../annotations/reference.ts";
import type { CacheName } from "./access.ts";
import { cacheHost } from "./address.ts";
import type { OrasCache } from "./types.ts";

/** From where a host is looked at: a name without a namespace is of this one. */
export interface Viewpoint {
  readonly namespace: string;
  /** For example `cluster.local`; undefined where it is not known, and any counts. */
  readonly clusterDomain: string | undefined;
}

/** Which OrasCaches there are. */
export type CachesIn = (namespace: string) => Iterable<Pick<OrasCache, "spec"> & CacheMetadata>;
interface CacheMetadata {
  readonly metadata?: { readonly name?: string | undefined } | undefined;
}

/** A cache that a host may be. */
export interface MaybeCache extends CacheName {
  /** Whether it is the name of a Pod of its StatefulSet, as nothing else has. */
  readonly isPod: boolean;
  /** Whether it is, with `svc` in it, the name of a Service that a cache with several Pods has. */
  readonly isShared: boolean;
}

/**
 * The caches whose registry a host may be, by its name alone: see hostsOf, which has the same names. Others may have Services of such
 * names, so that it counts whether there is an OrasCache.
 *
 * @param host - with its port, in lower or upper case
 * @param from - see there
 * @returns the likeliest first
 */
export function maybeCaches(host: string, { namespace, clusterDomain }: Viewpoint): MaybeCache[] {
  const port = `:${names.registryPort}`;
  if (!host.endsWith(port) || host.startsWith("[")) return [];
  const labels = host.slice(0, -port.length).toLowerCase().split(".");
  const [first = "", second = ""] = labels;
  const at = (name: string, parts: number, is: Partial<MaybeCache> = {}): MaybeCache[] => {
    const owner = namespaceIn(labels.slice(parts), namespace, clusterDomain?.toLowerCase());
    if (name === "" || owner === undefined) return [];
    return [{ name, namespace: owner, isPod: false, isShared: false, ...is }];
  };
  const ofPod = first.startsWith(`${second}-`) && /^(0|[1-9][0-9]*)$/.test(first.slice(second.length + 1));
  const suffix = names.registryServiceSuffix;
  const isShared = labels[2] === "svc";
  return [
    ...(ofPod ? at(second, 2, { isPod: true }) : []),
    ...at(first, 1),
    ...(first.endsWith(suffix) ? at(first.slice(0, -suffix.length), 1, { isShared }) : []),
  ];
}

/** The namespace that the end of a Service's name is of: `NS`, `NS.svc`, `NS.svc.DOMAIN`, or nothing. */
function namespaceIn(
  [namespace, svc, ...domain]: readonly string[],
  own: string,
  clusterDomain: string | undefined,
): string | undefined {
  if (namespace === undefined) return own;
  if (svc === undefined) return namespace;
  const isDomain = domain.length === 0 || clusterDomain === undefined || domain.join(".") === clusterDomain;
  return svc === "svc" && isDomain ? namespace : undefined;
}

/**
 * The cache in whose registry everything is that a reference with this host names: it decides whether two references name the same.
 * A nodeAddress is of the caches of the namespace alone: any may write that of another one's.
 *
 * @param registry - of the reference, as it is written
 * @param from - see there
 * @param cachesIn - which there are
 * @returns undefined where it is another registry, or it is not known which of several caches it is
 */
export function cacheAt(registry: Registry, from: Viewpoint, cachesIn: CachesIn): CacheName | undefined {
  const runs = ({ spec }: Pick<OrasCache, "spec">) => spec?.deploy !== false;
  const isThere = ({ name, namespace }: CacheName) =>
    [...cachesIn(namespace)].some((cache) => cache.metadata?.name === name && runs(cache));
  const host = hostOf(registry);
  const named = maybeCaches(host, from).find(isThere);
  if (named) return { name: named.name, namespace: named.namespace };
  const { plainHttp } = registry;
  const [known, ...others] = [...cachesIn(from.namespace)].filter(
    (cache) =>
      runs(cache) &&
      cache.spec?.nodeAddress !== undefined &&
      hostOf({ host: cache.spec.nodeAddress, plainHttp }) === host,
  );
  const name = known?.metadata?.name;
  return name === undefined || others.length > 0 ? undefined : { name, namespace: from.namespace };
}

/**
 * Names each host of a cache's registry in one way alone, as cacheConnection does. A cache may come after what names it: the name of
 * its Pod is enough.
 *
 * @param from - see there
 * @param cachesIn - which there are
 * @returns (registry, as a reference has it) => its host; that of another registry as hostOf has it
 */
export function hostNames(
  from: Viewpoint & { readonly clusterDomain: string },
  cachesIn: CachesIn,
): (registry: Registry) => string {
  return placesFrom(from, cachesIn).nameOf;
}

/** A cache whose registry a host is. */
export interface NamedCache extends CacheName {
  /** Undefined where the cache is not there yet, or not known. */
  readonly spec: OrasCache["spec"];
}

/** The cache whose registry a host is, also before it is there: the name of its Pod is enough. See cacheAt. */
function cacheNamed(registry: Registry, from: Viewpoint, cachesIn: CachesIn): NamedCache | undefined {
  const found =
    cacheAt(registry, from, cachesIn) ?? maybeCaches(hostOf(registry), from).find(({ isPod }) => isPod);
  if (found === undefined) return undefined;
  const { name, namespace } = found;
  const cache = [...cachesIn(namespace)].find(({ metadata }) => metadata?.name === name);
  return { name, namespace, spec: cache?.spec };
}

/** What registries are, looked at from a namespace, however they are written. */
export interface Places {
  /** See hostNames. */
  readonly nameOf: (registry: Registry) => string;
  /** The cache whose registry it is; of one that is not there yet the name of its Pod is enough. */
  readonly cacheOf: (registry: Registry) => NamedCache | undefined;
  /** The same where it may be one of another cluster, or of a cache with several Pods that is not known. */
  readonly maybeCacheOf: (registry: Registry) => NamedCache | undefined;
  /** The cache whose Pod it names without a port: its registry answers at one that no scheme has. */
  readonly withoutPort: (registry: Registry) => CacheName | undefined;
}

/**
 * Tells of registries which are those of OrasCaches: each place that asks for it asks here, or cacheAt. It is for one look: what it
 * has found of a host once stays.
 *
 * @param from - see there
 * @param cachesIn - which there are
 */
export function placesFrom(from: Viewpoint & { readonly clusterDomain: string }, cachesIn: CachesIn): Places {
  const known = new Map<string, NamedCache | undefined>();
  // A step names few hosts, and each of them several times.
  const cacheOf = (registry: Registry) => {
    const key = `${registry.plainHttp} ${registry.host}`;
    if (!known.has(key)) known.set(key, cacheNamed(registry, from, cachesIn));
    return known.get(key);
  };
  const anywhere = { ...from, clusterDomain: undefined };
  return {
    nameOf: (registry) => {
      const found = cacheOf(registry);
      return found === undefined ? hostOf(registry) : cacheHost(found, found.spec, from.clusterDomain);
    },
    cacheOf,
    maybeCacheOf: (registry) => {
      const maybe = maybeCaches(hostOf(registry), anywhere).find(({ isPod, isShared }) => isPod || isShared);
      return cacheOf(registry) ?? (maybe && { ...maybe, spec: undefined });
    },
    withoutPort: ({ host }) =>
      /:[0-9]+$/.test(host)
        ? undefined
        : maybeCaches(`${host}:${names.registryPort}`, from).find(({ isPod }) => isPod),
  };
}
