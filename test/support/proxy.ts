import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy on loopback whose connections can be made to fail as networks do. */
export interface TcpProxy {
  readonly port: number;
  /** Connections taken so far. */
  readonly taken: () => number;
  /** The connections that are open carry nothing any more, and never end: half-open. New ones work. */
  readonly freeze: () => void;
  /** Every connection, also new ones, is dropped at once until `restore`. */
  readonly cut: () => void;
  readonly restore: () => void;
  readonly close: () => void;
}

/** Starts a proxy. */
export async function startProxy(target: {
  readonly hostname: string;
  readonly port: string;
}): Promise<TcpProxy> {
  const open = new Set<[Socket, Socket]>();
  let isCut = false;
  let taken = 0;
  const server = createServer((client) => {
    if (isCut) {
      client.destroy();
      return;
    }
    taken++;
    const upstream = connect(Number(target.port), target.hostname);
    const pair: [Socket, Socket] = [client, upstream];
    open.add(pair);
    client.pipe(upstream).pipe(client);
    for (const socket of pair) {
      socket.on("error", () => {});
      socket.on("close", () => {
        if (!open.delete(pair)) return;
        for (const other of pair) other.destroy();
      });
    }
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  const frozen = new Set<Socket>();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    taken: () => taken,
    freeze: () => {
      for (const [client, upstream] of open) {
        client.unpipe(upstream);
        upstream.unpipe(client);
        client.pause();
        upstream.pause();
        frozen.add(client).add(upstream);
      }
      open.clear();
    },
    cut: () => {
      isCut = true;
      for (const [client] of open) client.destroy();
    },
    restore: () => {
      isCut = false;
    },
    close: () => {
      server.close();
      for (const [client, upstream] of open) frozen.add(client).add(upstream);
      for (const socket of frozen) socket.destroy();
    },
  };
}
