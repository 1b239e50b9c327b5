/** The grammar of artifact references and registries is in the schema; here they are taken apart. */

/** An artifact in a registry that is not named yet: `repository/name:tag` or `repository/name@sha256:…`. */
export interface ArtifactReference {
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
  const at = value.indexOf("@");
  const cut = at >= 0 ? at : value.lastIndexOf(":");
  return { repository: value.slice(0, cut), version: value.slice(cut) };
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
 * The reference as the containers in the Pod get it: its scheme says how to speak to the registry.
 *
 * @returns for example `http://oras-0.oras.default.svc.cluster.local:5000/dinosaur/hello-world:output`
 */
export function formatReference(registry: Registry, reference: ArtifactReference): string {
  return `${registry.plainHttp ? "http" : "https"}://${registry.host}/${reference.repository}${reference.version}`;
}
