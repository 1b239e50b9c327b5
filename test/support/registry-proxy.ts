import { createServer, request } from "node:http";

/** Whether an answer is kept back, and until when; asked when the registry has answered. */
export type HoldAnswer = (method: string, path: string) => Promise<void> | undefined;

/**
 * Stands before a registry.
 *
 * @param address - where it listens
 * @param port - the same
 * @param url - of the registry
 * @param hold - see there
 * @returns ends it
 */
export async function startRegistryProxy(
  address: string,
  port: number,
  url: string,
  hold: HoldAnswer,
): Promise<() => void> {
  const server = createServer((asked, answer) => {
    const { method = "", url: path = "", headers } = asked;
    // Its uploads go on at the address that the client knows.
    const onward = request(new URL(path, url), { method, headers }, (got) => {
      const pass = () => {
        answer.writeHead(got.statusCode ?? 500, got.headers);
        got.pipe(answer);
      };
      const held = hold(method, path);
      if (held) void held.then(pass);
      else pass();
    });
    // Who asks may be gone.
    for (const one of [onward, answer, asked]) one.on("error", () => answer.destroy());
    asked.pipe(onward);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(port, address, resolve);
  await promise;
  return () => {
    server.close();
    server.closeAllConnections();
  };
}
