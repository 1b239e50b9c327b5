import { createServer, type RequestListener, request } from "node:http";
import { createServer as createTlsServer } from "node:https";

/** Whether an answer is kept back, and until when; asked when the registry has answered. */
export type HoldAnswer = (method: string, path: string) => Promise<void> | undefined;

/**
 * Stands before a registry.
 *
 * @param address - where it listens
 * @param port - the same
 * @param url - of the registry
 * @param hold - see there
 * @param pair - certificate and key, for HTTPS
 * @returns ends it
 */
export async function startRegistryProxy(
  address: string,
  port: number,
  url: string,
  hold: HoldAnswer,
  pair?: { readonly cert: string; readonly key: string },
): Promise<() => void> {
  const pass: RequestListener = (asked, answer) => {
    const { method = "", url: path = "", headers } = asked;
    // Its uploads go on at the address that the client knows.
    const onward = request(new URL(path, url), { method, headers }, (got) => {
      const give = () => {
        answer.writeHead(got.statusCode ?? 500, got.headers);
        got.pipe(answer);
      };
      const held = hold(method, path);
      if (held) void held.then(give);
      else give();
    });
    // Who asks may be gone.
    for (const one of [onward, answer, asked]) one.on("error", () => answer.destroy());
    asked.pipe(onward);
  };
  const server = pair ? createTlsServer(pair, pass) : createServer(pass);
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(port, address, resolve);
  await promise;
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
