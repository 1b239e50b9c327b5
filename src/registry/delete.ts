import { askOwn, type OwnRequest } from "./own.ts";

/** What of a registry in the cluster is to be deleted. */
export interface Deleted extends Pick<OwnRequest, "peer" | "authorization" | "signal"> {
  readonly repository: string;
  /** A tag, or a digest: with it go all of its tags. */
  readonly reference: string;
}

/**
 * Deletes a manifest or a tag of a registry. One that is not there is no error.
 *
 * @param deleted - which
 * @throws where the registry does not do it
 * @see https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md, "Content Management"
 */
export async function deleteManifest({ repository, reference, ...registry }: Deleted): Promise<void> {
  const path = `/v2/${[...repository.split("/"), "manifests", reference].map(encodeURIComponent).join("/")}`;
  const { status } = await askOwn({ ...registry, method: "DELETE", path });
  if (status !== 202 && status !== 404)
    throw new Error(`the registry answers with ${status} when ${repository}, ${reference} is to be deleted`);
}
