import { type ClientRequest, request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";

/** Whom to trust where a registry or its keeper serves TLS. */
export interface Trust {
  /** CAs, PEM. */
  readonly ca: string | string[];
  /** The name that the certificate has to be for: it is asked by its address. */
  readonly servername: string;
}

/** A registry of the operator's, or its keeper. */
export interface Peer {
  /** Address and port. */
  readonly host: string;
  /** Undefined where it is spoken to without TLS. */
  readonly trust?: Trust | undefined;
}

/**
 * A request to a registry of the operator's, or its keeper. Each has a connection of its own.
 *
 * @param peer - whom
 * @param path - with the query
 * @param options - of the request
 */
export function requestTo(
  { host, trust }: Peer,
  path: string,
  options: Pick<RequestOptions, "method" | "headers" | "signal">,
): ClientRequest {
  const all = { ...options, agent: false } as const;
  if (trust === undefined) return plainRequest(new URL(path, `http://${host}`), all);
  return tlsRequest(new URL(path, `https://${host}`), { ...all, ...trust });
}
