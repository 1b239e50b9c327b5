/** The grammar of artifact references and registries is in the schema; here they are taken apart and put together. */

/** An artifact: `repository/name:tag` or `repository/name@sha256:…`, after `oci://host/` if it names its registry. */
export interface ArtifactReference {
  /** Host (with port) that it names itself. */
  readonly host?: string;
  readonly repository: string;
  /** `:tag` or `@sha256:…`, with its separator. */
  readonly version: string;
}

/** A registry: its host (with port), and whether it is spoken to in plain HTTP. */
export interface Registry {
  readonly host: string;
  readonly plainHttp: boolean;
  /** What all repositories in it begin with, without slashes around: `acme` of `ghcr.io/acme`. */
  readonly prefix?: string;
}

/**
 * Takes an artifact reference apart. Of a tag and a digest the digest counts, as for every OCI client.
 *
 * @param value - matches the schema's format `artifact`
 * @returns repository and version
 * @see https://github.com/distribution/reference
 */
export function parseReference(value: string): ArtifactReference {
  const [host, path] = value.startsWith(scheme) ? cutAt(value.slice(scheme.length), "/") : ["", value];
  const at = path.indexOf("@");
  const named = at < 0 ? path : path.slice(0, at);
  const colon = named.lastIndexOf(":");
  return {
    ...(host === "" ? {} : { host }),
    repository: colon < 0 ? named : named.slice(0, colon),
    version: at < 0 ? named.slice(colon) : path.slice(at),
  };
}

const scheme = "oci://";

/** What stands before and after the first separator. */
export function cutAt(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

/**
 * Takes a registry apart: HTTPS unless it is written with `http://`.
 *
 * @param value - matches the schema's format `registry`
 * @returns host, scheme and prefix
 */
export function parseRegistry(value: string): Registry {
  const [host, path] = cutAt(value.replace(/^https?:\/\//, ""), "/");
  const prefix = path.endsWith("/") ? path.slice(0, -1) : path;
  return { host, plainHttp: value.startsWith("http://"), ...(prefix === "" ? {} : { prefix }) };
}

/**
 * The registry as an author may write it: what `parseRegistry` takes apart.
 *
 * @param registry - of any
 * @returns for example `http://localhost:5000/team`
 */
export function formatRegistry({ host, plainHttp, prefix }: Registry): string {
  return `${plainHttp ? "http" : "https"}://${host}${prefix === undefined ? "" : `/${prefix}`}`;
}

/**
 * The registry that a reference is in: the one that it names, over HTTPS, unless it is the step's own. A prefix is
 * that of the step's registry alone: a reference that names its host names the whole repository.
 *
 * @param registry - the step's
 */
export function registryOf(registry: Registry, { host }: ArtifactReference): Registry {
  if (host === undefined) return registry;
  const isOwn = hostOf({ host, plainHttp: registry.plainHttp }) === hostOf(registry);
  return { host, plainHttp: isOwn && registry.plainHttp };
}

/** The host of a registry as it is written in one way alone: in lower case, without the port that its scheme has anyway. */
export function hostOf({ host, plainHttp }: Registry): string {
  const port = plainHttp ? ":80" : ":443";
  const lower = host.toLowerCase();
  return lower.endsWith(port) ? lower.slice(0, -port.length) : lower;
}

/**
 * One text for an artifact, however its reference and its registry are written: what is to be the same is compared by it.
 *
 * @param registry - the step's; undefined where it is not known, which is another one then than each that a reference names
 * @param nameOf - names a host in one way alone: hostNames, where it is known which OrasCaches there are
 */
export function addressOf(
  registry: Registry | undefined,
  reference: ArtifactReference,
  nameOf: (registry: Registry) => string = hostOf,
): string {
  const { prefix, ...place } = registryOf(registry ?? { host: "", plainHttp: false }, reference);
  const repository = prefix === undefined ? reference.repository : `${prefix}/${reference.repository}`;
  const named = nameOf(place);
  // Without a port, both schemes would have the same text.
  const port = place.plainHttp && !/:[0-9]+$/.test(named) ? ":80" : "";
  return `${named}${port}/${repository}${reference.version}`;
}

/**
 * The reference as stock clients write it: without a scheme.
 *
 * @param registry - the step's
 * @returns for example `ghcr.io/acme/dinosaur/hello-world:output`
 */
export function formatPlainReference(registry: Registry, reference: ArtifactReference): string {
  const { host, prefix } = registryOf(registry, reference);
  const repository = prefix === undefined ? reference.repository : `${prefix}/${reference.repository}`;
  return `${host}/${repository}${reference.version}`;
}

/**
 * The reference as the containers in the Pod get it: its scheme says how to speak to the registry.
 *
 * @param registry - the step's
 * @returns for example `http://oras-0.oras.default.svc.cluster.local:5000/dinosaur/hello-world:output`
 */
export function formatReference(registry: Registry, reference: ArtifactReference): string {
  const { plainHttp } = registryOf(registry, reference);
  return `${plainHttp ? "http" : "https"}://${formatPlainReference(registry, reference)}`;
}

/** What an author may have meant by a reference that begins with a host. */
export interface HostInReference {
  /** The part that looks like a host. */
  readonly host: string;
  /** The reference if it is one. */
  readonly withScheme: string;
  /** The reference if it is a repository of the step's registry. */
  readonly asRepository: string;
}

/**
 * Finds a host at the start of a reference that has no scheme. Container tools would go there; in the step's registry
 * it would be a folder of that name.
 *
 * @param value - of an annotation, not checked yet
 * @returns undefined when its first part does not look like a host
 */
export function hostIn(value: string): HostInReference | undefined {
  const [host, path] = cutAt(value, "/");
  if (path === "" || value.includes("://")) return undefined;
  if (host !== "localhost" && !/[.:]/.test(host)) return undefined;
  const folder = host === "localhost" ? "local" : (host.match(/[a-z0-9]+/gi) ?? []).join("-").toLowerCase();
  return { host, withScheme: `${scheme}${value}`, asRepository: `${folder}/${path}` };
}
