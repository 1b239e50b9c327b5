import { request } from "node:http";

/** What of a registry in the cluster is to be deleted. */
export interface Deleted {
  /** Address and port. */
  readonly host: string;
  readonly repository: string;
  /** A tag, or a digest: with it go all of its tags. */
  readonly reference: string;
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

const longestMs = 30_000;

/**
 * Deletes a manifest or a tag of a registry. One that is not there is no error.
 *
 * @param deleted - which
 * @throws where the registry does not do it
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, "Content Management"
 */
export async function deleteManifest({
  host,
  repository,
  reference,
  authorization,
  signal,
}: Deleted): Promise<void> {
  const path = [...repository.split("/"), "manifests", reference].map(encodeURIComponent).join("/");
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent = request(new URL(`http://${host}/v2/${path}`), {
    method: "DELETE",
    agent: false,
    signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs)]),
    headers: { "user-agent": "oras-operator", ...(authorization === undefined ? {} : { authorization }) },
  });
  sent.on("response", (response) => {
    resolve(response.statusCode ?? 0);
    response.resume();
  });
  sent.on("error", reject);
  sent.end();
  const status = await promise;
  if (status !== 202 && status !== 404)
    throw new Error(`the registry answers with ${status} when ${repository}, ${reference} is to be deleted`);
}
