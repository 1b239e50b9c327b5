import type { IncomingHttpHeaders } from "node:http";
import { buffer } from "node:stream/consumers";
import { names } from "../../schema/names.ts";
import { type Peer, requestTo } from "./peer.ts";

/** A request to the registry of an OrasCache, at the address of its Pod. */
export interface OwnRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  readonly peer: Peer;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly authorization: string | undefined;
  /** How long an answer may be, in bytes; without it, 64 KiB. */
  readonly mostBytes?: number;
  readonly signal: AbortSignal;
}

/** What it answered. */
interface OwnAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A registry of the operator's. */
export type OwnRegistry = Pick<OwnRequest, "peer" | "authorization" | "signal">;

const longestMs = 30_000;
/** Manifests of the operator's own are short; errors, too. */
export const shortAnswer = 64 * 1024;

/** An answer is longer than is read: whoever may push can push what is too long. */
export class TooLongError extends Error {
  override readonly name = "TooLongError";
}

/**
 * Asks a registry of the operator's, within the cluster.
 *
 * @throws when there is no answer; a TooLongError when it is too long
 */
export async function askOwn(asked: OwnRequest): Promise<OwnAnswer> {
  const { method, peer, path, headers, body, authorization, mostBytes = shortAnswer, signal } = asked;
  const { promise, resolve, reject } = Promise.withResolvers<OwnAnswer>();
  const sent = requestTo(peer, path, {
    method,
    signal: AbortSignal.any([signal, AbortSignal.timeout(longestMs)]),
    headers: {
      "user-agent": names.operatorName,
      ...headers,
      ...(authorization === undefined ? {} : { authorization }),
      ...(method === "POST" || method === "PUT" ? { "content-length": Buffer.byteLength(body ?? "") } : {}),
    },
  });
  sent.on("response", (response) => {
    let length = 0;
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > mostBytes)
        response.destroy(new TooLongError(`the registry answers with more than ${mostBytes} bytes`));
    });
    const { statusCode = 0, headers: answered } = response;
    buffer(response).then((said) => resolve({ status: statusCode, headers: answered, body: said }), reject);
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}
