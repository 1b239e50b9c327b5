import type { IncomingMessage } from "node:http";
import { manifestTypes } from "./manifest-types.ts";
import { type Peer, requestTo } from "./peer.ts";

/** What a registry says of a manifest. */
export type ManifestHead =
  | { readonly digest: string }
  | { readonly missing: true }
  | { readonly unknown: string }
  | { readonly refused: string };

const longestMs = 5_000;
/** distribution answers 404 for an artifact that is there, where `Accept` names no type of OCI's. */
export const manifestAccept = `${manifestTypes}, application/vnd.oci.artifact.manifest.v1+json`;
/** Pins have this form alone. */
export const digestForm = /^sha256:[a-f0-9]{64}$/;

/**
 * Asks a registry of the operator's for the digest of a manifest. It never throws.
 *
 * @param peer - the registry
 * @param repository - of the manifest
 * @param reference - a tag or a digest
 * @param authorization - as a header has it; undefined where it wants none
 * @param signal - ends the wait
 */
export async function manifestHead(
  peer: Peer,
  repository: string,
  reference: string,
  authorization: string | undefined,
  signal: AbortSignal,
): Promise<ManifestHead> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const sent = requestTo(peer, `/v2/${repository}/manifests/${reference}`, {
    method: "HEAD",
    signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs)]),
    headers: {
      accept: manifestAccept,
      "user-agent": "oras-operator",
      ...(authorization && { authorization }),
    },
  });
  sent.on("response", resolve);
  sent.on("error", reject);
  sent.end();
  try {
    const { statusCode = 0, headers } = await promise;
    const digest = headers["docker-content-digest"];
    if (statusCode === 404) return { missing: true };
    if (statusCode === 200 && typeof digest === "string" && digestForm.test(digest)) return { digest };
    return { unknown: `the registry answers with status ${statusCode}` };
  } catch (error) {
    return { unknown: `the registry does not answer: ${error instanceof Error ? error.message : error}` };
  } finally {
    sent.destroy();
  }
}
