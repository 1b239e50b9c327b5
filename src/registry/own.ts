import { text } from "node:stream/consumers";
import { type Peer, requestTo } from "./peer.ts";

/** A request to the registry of an OrasCache, at the address of its Pod. */
export interface OwnRequest {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly peer: Peer;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly authorization: string | undefined;
  readonly signal: AbortSignal;
}

/** What it answered. */
interface OwnAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: string;
}

const longestMs = 30_000;
/** Manifests of the operator's own are short; errors, too. */
const mostBytes = 64 * 1024;

/**
 * Asks a registry of the operator's, within the cluster.
 *
 * @throws when there is no answer, or one that is too long
 */
export async function askOwn(asked: OwnRequest): Promise<OwnAnswer> {
  const { method, peer, path, headers, body, authorization, signal } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<OwnAnswer>();
  const sent = requestTo(peer, path, {
    method,
    signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs)]),
    headers: {
      ...headers,
      "user-agent": "oras-operator",
      ...(authorization === undefined ? {} : { authorization }),
      ...(method === "POST" || method === "PUT" ? { "content-length": Buffer.byteLength(body ?? "") } : {}),
    },
  });
  sent.on("response", (response) => {
    let length = 0;
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > mostBytes)
        response.destroy(new Error(`the registry answers with more than ${mostBytes} bytes`));
    });
    const { statusCode = 0, headers: answered } = response;
    text(response).then(
      (said) => resolve({ status: statusCode, location: answered.location, body: said }),
      reject,
    );
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
