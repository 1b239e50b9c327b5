import { names } from "../../schema/names.ts";
import type { Result } from "../annotations/problems.ts";
import { parseRegistry, type Registry } from "../annotations/reference.ts";
import { annotations } from "../annotations/table.ts";
import { cacheHost } from "./address.ts";
import { redirectCa } from "./s3.ts";
import { usesTls } from "./tls.ts";
import type { OrasCache } from "./types.ts";

/** How a registry is reached: made from an OrasCache, or from a registry that a step names itself. */
export interface Connection extends Registry {
  /** Name of the OrasCache whose registry the operator runs in the cluster. */
  readonly cache?: string;
  /** Whether it serves TLS, or will once its Pod is replaced: its CA is looked for while the step runs. */
  readonly mayServeTls?: true;
  /** Whether it keeps its artifacts in S3, where no keeper is to be asked for room. */
  readonly isOnS3?: true;
  /** The Secret with the CA of the object storage to which it redirects. */
  readonly storageCa?: { readonly secret: string; readonly key: string };
}

/** Whether the operator runs the registry in the cluster. */
export function inCluster(connection: Connection): boolean {
  return connection.cache !== undefined;
}

/**
 * Whether the way to a registry is inside the cluster, so that a password may go there without TLS: the step's own cache,
 * or any host whose whole name is that of a Service. A shorter one may be found outside.
 *
 * @param connection - to the registry
 * @param clusterDomain - for example `cluster.local`
 */
export function staysInside(connection: Connection, clusterDomain: string): boolean {
  return (
    inCluster(connection) ||
    connection.host.toLowerCase().replace(/:\d+$/, "").endsWith(`.svc.${clusterDomain}`)
  );
}

/**
 * The connection to an OrasCache's registry.
 *
 * @param name - of the OrasCache
 * @param cache - as it is stored; undefined when it is not there yet, and then the operator is taken to run it
 * @param namespace - of the OrasCache
 * @param clusterDomain - for example `cluster.local`
 */
export function cacheConnection(
  name: string,
  cache: OrasCache | undefined,
  namespace: string,
  clusterDomain: string,
): Result<Connection> {
  if (cache?.spec?.deploy !== false) {
    const host = cacheHost({ name, namespace }, cache?.spec, clusterDomain);
    const onS3 = cache?.spec?.storage?.s3 ? { isOnS3: true as const } : {};
    const connection = { host, plainHttp: cache === undefined || !usesTls(cache), cache: name };
    const withTls = cache?.spec?.tls === undefined ? {} : { mayServeTls: true as const };
    const storageCa = redirectCa(cache?.spec);
    const redirects = storageCa === undefined ? {} : { storageCa };
    return { ok: true, value: { ...connection, ...onS3, ...withTls, ...redirects } };
  }
  if (cache.spec.registry !== undefined) {
    return { ok: true, value: parseRegistry(cache.spec.registry) };
  }
  return {
    ok: false,
    problems: [
      {
        code: "CacheWithoutRegistry",
        path: annotations["oras-cache"].key,
        message: `the ${names.kind} "${name}" runs no registry and names none; ${annotations.registry.key} may name one.`,
      },
    ],
  };
}
