import { type ClientRequest, request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";
import type { ConnectionOptions } from "node:tls";

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
 * What a connection to a registry or its keeper is made with. As for Go, which steps are written in, an intermediate CA is
 * enough: of a chain without its root, cert-manager puts that into ca.crt.
 *
 * @param trust - whom to trust
 */
export function tlsOptionsOf({ ca, servername }: Trust): ConnectionOptions {
  return { ca: typeof ca === "string" ? ca : [...ca], servername, allowPartialTrustChain: true };
}

/**
 * A request to a registry of the operator's, or its keeper. Each has a connection of its own.
 *
 * @param peer - whom
 * @param path - with the query; whatever it is, the request goes to the peer
 * @param options - of the request
 */
export function requestTo(
  { host, trust }: Peer,
  path: string,
  options: Pick<RequestOptions, "method" | "headers" | "signal">,
): ClientRequest {
  const url = new URL(`${trust === undefined ? "http" : "https"}://${host}`);
  // Not resolved against the host: a path that begins with two slashes would name another one.
  const all = { ...options, agent: false, path } as const;
  if (trust === undefined) return plainRequest(url, all);
  return tlsRequest(url, { ...all, ...tlsOptionsOf(trust) });
}
