import type { Server } from "node:http";
import type { Server as TlsServer } from "node:https";

/**
 * Bounds of every server of the process, against clients that are slow, silent or many. A connection that sends no whole
 * request in time is closed; the API server sends one at once, and waits for 10 s itself.
 */
export const boundedServer = {
  headersTimeout: 10_000,
  requestTimeout: 10_000,
  /** How often Node looks for connections that are over time. */
  connectionsCheckingInterval: 1_000,
  /** Of the TLS handshake. */
  handshakeTimeout: 10_000,
  maxHeaderSize: 16 * 1024,
} as const;

/**
 * Begins to listen, on IPv6 and IPv4 where the kernel has both.
 *
 * @param server - that does not listen yet
 * @param port - 0 for any
 * @param mostConnections - when there are as many, idle ones are closed and no other is taken
 * @param onDropped - told of a connection that was not taken
 * @returns the port
 */
export async function listen(
  server: Server | TlsServer,
  port: number,
  mostConnections: number,
  onDropped: () => void = () => {},
): Promise<number> {
  server.maxConnections = mostConnections;
  server.on("drop", () => {
    server.closeIdleConnections();
    onDropped();
  });
  await bind(server, port, "::").catch((error: NodeJS.ErrnoException) => {
    // A kernel without IPv6.
    if (error.code !== "EAFNOSUPPORT") throw error;
    return bind(server, port, "0.0.0.0");
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

function bind(server: Server | TlsServer, port: number, host: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  server.listen({ port, host }, () => {
    server.off("error", reject);
    resolve();
  });
  return promise;
}

/**
 * Takes no more connections and waits until those that are at work have ended.
 *
 * @param server - that listens
 * @param longestMs - after which they are cut
 */
export async function close(server: Server | TlsServer, longestMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeIdleConnections();
  const force = setTimeout(() => server.closeAllConnections(), longestMs);
  await promise;
  clearTimeout(force);
}
