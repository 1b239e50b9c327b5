/** The grammar of artifact references and registries is in the schema; here they are taken apart. */

/** An artifact: `repository/name:tag` or `repository/name@sha256:…`, after `oci://host/` if it names its registry. */
export interface ArtifactReference {
  /** Host (with port) that it names itself. */
  readonly host?: string;
  readonly repository: string;
  /** `:tag` or `@sha256:…`, with its separator. */
  readonly version: string;
}

/** A registry: its host (with port) and whether it is spoken to in plain HTTP. */
export interface Registry {
  readonly host: string;
  readonly plainHttp: boolean;
}

/**
 * Takes an artifact reference apart.
 *
 * @param value - matches the schema's format `artifact`
 * @returns repository and version
 */
export function parseReference(value: string): ArtifactReference {
  const [, host, path = value] = /^oci:\/\/([^/]+)\/(.*)$/s.exec(value) ?? [];
  const at = path.indexOf("@");
  const cut = at >= 0 ? at : path.lastIndexOf(":");
  return { ...(host ? { host } : {}), repository: path.slice(0, cut), version: path.slice(cut) };
}

/**
 * Takes a registry apart: HTTPS unless it is written with `http://`.
 *
 * @param value - matches the schema's format `registry`
 * @returns host and scheme
 */
export function parseRegistry(value: string): Registry {
  const plainHttp = value.startsWith("http://");
  return { host: value.replace(/^https?:\/\//, "").replace(/\/$/, ""), plainHttp };
}

/**
 * The registry that a reference is in: the one that it names, over HTTPS, unless it is the step's own.
 *
 * @param registry - the step's
 */
export function registryOf(registry: Registry, { host }: ArtifactReference): Registry {
  return host === undefined || host === registry.host ? registry : { host, plainHttp: false };
}

/**
 * The reference as the containers in the Pod get it: its scheme says how to speak to the registry.
 *
 * @param registry - the step's
 * @returns for example `http://oras-0.oras.default.svc.cluster.local:5000/dinosaur/hello-world:output`
 */
export function formatReference(registry: Registry, reference: ArtifactReference): string {
  const { plainHttp, host } = registryOf(registry, reference);
  return `${plainHttp ? "http" : "https"}://${host}/${reference.repository}${reference.version}`;
}
