import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createClient, type KubeClient, type Observer } from "../../src/kube/client.ts";

/** An HTTP server that answers as a test says, for what a real API server does too rarely. */
export interface ScriptedServer {
  readonly client: KubeClient;
  readonly requests: URL[];
  readonly close: () => void;
}

/**
 * Starts it on loopback.
 *
 * @param answer - called for each request, in order
 * @param observe - for the client's metrics
 */
export async function startScriptedServer(
  answer: (url: URL, response: ServerResponse, request: IncomingMessage) => void,
  observe?: Observer,
): Promise<ScriptedServer> {
  const requests: URL[] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    requests.push(url);
    answer(url, response, request);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  const connection = {
    server: new URL(`http://127.0.0.1:${port}/prefix/`),
    options: async () => ({}),
    close: () => {},
  };
  return {
    client: createClient(connection, observe),
    requests,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
