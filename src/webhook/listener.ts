import type { IncomingMessage, Server } from "node:http";
import type { Server as TlsServer } from "node:https";
import type { Socket } from "node:net";

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
 * @param mostConnections - beyond that, another one is closed for each that comes
 * @param onDropped - called for a connection that was closed for that
 * @returns the port
 */
export async function listen(
  server: Server | TlsServer,
  port: number,
  mostConnections: number,
  onDropped: () => void = () => {},
): Promise<number> {
  limitConnections(server, mostConnections, onDropped);
  await bind(server, port, "::").catch((error: NodeJS.ErrnoException) => {
    // A kernel without IPv6.
    if (error.code !== "EAFNOSUPPORT") throw error;
    return bind(server, port, "0.0.0.0");
  });
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : port;
}

/**
 * Makes room for new connections: the one that has been sending its request for the longest goes, else those that are
 * idle. Refusing the new one would let a client that opens many connections keep API servers out.
 */
function limitConnections(server: Server | TlsServer, most: number, onDropped: () => void): void {
  let open = 0;
  /** Connections whose request has not come whole, the oldest first. TLS wraps a socket in another: both have its peer. */
  const unfinished = new Map<string, Socket>();
  const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`;
  server.on("connection", (socket: Socket) => {
    const peer = peerOf(socket);
    open++;
    socket.once("close", () => {
      open--;
      unfinished.delete(peer);
    });
    if (open > most) {
      const [oldest] = unfinished;
      if (oldest === undefined) server.closeIdleConnections();
      else {
        unfinished.delete(oldest[0]);
        oldest[1].destroy();
      }
      onDropped();
    }
    unfinished.set(peer, socket);
  });
  server.on("request", (request: IncomingMessage) => {
    const peer = peerOf(request.socket);
    if (!unfinished.has(peer)) unfinished.set(peer, request.socket);
    request.once("end", () => unfinished.delete(peer));
  });
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
