import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { json, buffer as readAll } from "node:stream/consumers";
import { names } from "../../../schema/names.ts";
import { manifestTypes } from "../../registry/manifest-types.ts";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import type { Scope } from "./authorize.ts";
import { DigestError, isPassing, RegistryError } from "./errors.ts";
import { createSender, type Endpoint } from "./http.ts";
import { readBlob } from "./read-blob.ts";
import { withRetries } from "./retry.ts";
import type { BlobSource, RawManifest, Registry, Told } from "./types.ts";

/** What registries take, by the distribution specification ("Pushing Manifests"). */
export const longestManifest = 4 * 2 ** 20;

/** Of digests, those that everybody can verify. */
export const digestPattern = /^sha256:[0-9a-f]{64}$/;

/**
 * A client of one registry.
 *
 * @param endpoint - where it is
 * @param firstWaitMs - before a request is repeated whose connection broke; tests wait for less
 */
export function createRegistry(endpoint: Endpoint, firstWaitMs?: number): Registry {
  const send = createSender(endpoint);
  const at = (path: string) => new URL(path, endpoint.base);
  const retries = {
    isPassing,
    ...(endpoint.closing && { signal: endpoint.closing }),
    ...(firstWaitMs === undefined ? {} : { firstWaitMs }),
  };
  const trying = <T>(run: () => Promise<T>) => withRetries(run, retries);

  const paged = async (path: string, scope: Scope, field: string): Promise<string[]> => {
    const found: string[] = [];
    for (let next: URL | undefined = at(path); next !== undefined; ) {
      const url: URL = next;
      const response = await trying(() => send({ method: "GET", url, scope }));
      const page = (await json(response)) as Record<string, string[] | null>;
      found.push(...(page[field] ?? []));
      next = nextPage(response, url);
    }
    return found;
  };

  const readManifest = async (
    repository: string,
    reference: string,
    agent: Readonly<Record<string, string>> = {},
  ): Promise<RawManifest> => {
    const url = at(`/v2/${repository}/manifests/${reference}`);
    const headers = { accept: manifestTypes, ...agent };
    const response = await send({ method: "GET", url, scope: pull(repository), headers });
    const bytes = await readAll(limited(response, longestManifest));
    const digest = digestOf(bytes);
    if (reference.includes(":") && digest !== reference) {
      throw new DigestError(`the manifest ${reference} has the digest ${digest}: the registry is broken`);
    }
    const [mediaType = ""] = (response.headers["content-type"] ?? "").split(";");
    return { mediaType: mediaType.trim(), digest, size: bytes.length, bytes };
  };

  const head = async (url: URL, scope: Scope): Promise<IncomingMessage | undefined> => {
    const headers = { accept: manifestTypes };
    try {
      const response = await trying(() => send({ method: "HEAD", url, scope, headers }));
      response.resume();
      return response;
    } catch (error) {
      if (error instanceof RegistryError && error.status === 404) return undefined;
      throw error;
    }
  };

  const upload = async (repository: string, blob: BlobSource, { onBytes }: Told): Promise<void> => {
    const scope = push(repository);
    const uploads = at(`/v2/${repository}/blobs/uploads/`);
    const started = await send({ method: "POST", url: uploads, scope });
    started.resume();
    if (started.headers.location === undefined) {
      const message = `The registry does not say where to upload to: it answers POST ${uploads.pathname} without the header Location.`;
      throw new CliError(message, exits.failed);
    }
    const url = sameHost(new URL(started.headers.location, uploads), uploads);
    url.searchParams.set("digest", blob.digest);
    const headers = { "content-type": "application/octet-stream", "content-length": String(blob.size) };
    const body = () => blob.open().on("data", (chunk: Buffer) => onBytes?.(chunk.length));
    (await send({ method: "PUT", url, scope, headers, body })).resume();
  };

  const hasBlob = async (repository: string, digest: string): Promise<boolean> =>
    (await head(at(`/v2/${repository}/blobs/${digest}`), pull(repository))) !== undefined;

  return {
    repositories: () => paged("/v2/_catalog?n=1000", "registry:catalog:*", "repositories"),
    tags: (repository) => paged(`/v2/${repository}/tags/list`, pull(repository), "tags"),
    manifest: (repository, reference) => trying(() => readManifest(repository, reference)),
    listedManifest: (repository, reference) =>
      trying(() => readManifest(repository, reference, { "user-agent": names.listingUserAgent })),
    resolve: async (repository, reference) => {
      const response = await head(at(`/v2/${repository}/manifests/${reference}`), pull(repository));
      if (response === undefined) return undefined;
      const digest = response.headers["docker-content-digest"];
      if (typeof digest === "string" && digestPattern.test(digest)) return digest;
      // Registries should say it, and need not; what else one says would be taken for a part of a path.
      return (await trying(() => readManifest(repository, reference))).digest;
    },
    readBlob: (repository, blob, told = {}) =>
      readBlob({ send, url: at(`/v2/${repository}/blobs/${blob.digest}`), repository, blob }, told, retries),
    hasBlob,
    pushBlob: async (repository, blob, told = {}) => {
      if (await hasBlob(repository, blob.digest)) {
        told.onBytes?.(blob.size);
        return;
      }
      await withRetries(() => upload(repository, blob, told), { ...retries, onRetry: told.onRetry });
    },
    pushManifest: async (repository, reference, { bytes, mediaType }) => {
      const url = at(`/v2/${repository}/manifests/${reference}`);
      const headers = { "content-type": mediaType };
      const put = { method: "PUT", url, scope: push(repository), headers, body: bytes } as const;
      (await trying(() => send(put))).resume();
    },
    deleteManifest: async (repository, reference) => {
      const url = at(`/v2/${repository}/manifests/${reference}`);
      (
        await trying(() => send({ method: "DELETE", url, scope: `repository:${repository}:delete` }))
      ).resume();
    },
  };
}

function pull(repository: string): Scope {
  return `repository:${repository}:pull`;
}

function push(repository: string): Scope {
  return `repository:${repository}:pull,push`;
}

/** The digest of bytes. */
export function digestOf(bytes: Buffer | string): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** @see https://www.rfc-editor.org/rfc/rfc8288 */
function nextPage({ headers }: IncomingMessage, url: URL): URL | undefined {
  const links = [headers.link ?? []]
    .flat()
    .join(",")
    .matchAll(/<([^<>]*)>((?:"[^"]*"|[^<"])*)/g);
  const next = [...links].find(([, , parameters = ""]) => isNext(parameters))?.[1];
  return next === undefined ? undefined : sameHost(new URL(next, url), url);
}

/** Whether a link's parameters, such as `; rel="next"`, call it the next page. */
function isNext(parameters: string): boolean {
  const found = parameters.matchAll(/;\s*([^\s=;,"]+)\s*=\s*(?:"([^"]*)"|([^\s;,"]*))/g);
  const rel = [...found].find(([, name = ""]) => name.toLowerCase() === "rel");
  return (rel?.[2] ?? rel?.[3] ?? "").toLowerCase().split(" ").includes("next");
}

/**
 * Where a registry sends us, by the scheme and port that it was reached by: behind a proxy that ends TLS, or a forwarded
 * port, it does not know them.
 */
function sameHost(location: URL, { hostname, protocol, port }: URL): URL {
  return location.hostname === hostname ? Object.assign(location, { protocol, port }) : location;
}

async function* limited(response: IncomingMessage, most: number): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > most) throw new DigestError(`a manifest has more than ${most} bytes`);
    yield chunk;
  }
}
