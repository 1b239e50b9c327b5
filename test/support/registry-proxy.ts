import { createServer, type RequestListener, request } from "node:http";
import { createServer as createTlsServer } from "node:https";

/** What is kept back. */
interface Held {
  readonly released: Promise<void>;
  /** Told of the end: whether who asked was still there to get the answer. */
  readonly passed: (isAnswered: boolean) => void;
}

/** Whether a request is kept back before the registry has it, or its answer before who asks has it. */
export type Hold = (method: string, path: string, what: "request" | "answer") => Held | undefined;

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
  hold: Hold,
  pair?: { readonly cert: string; readonly key: string },
): Promise<() => void> {
  const pass: RequestListener = (asked, answer) => {
    const { method = "", url: path = "", headers } = asked;
    const unlessHeld = (what: "request" | "answer", goOn: () => void) => {
      const held = hold(method, path, what);
      if (held === undefined) return goOn();
      void held.released.then(() => {
        if (answer.destroyed) return held.passed(false);
        answer.once("close", () => held.passed(answer.writableFinished));
        goOn();
      });
    };
    // Who asks may be gone.
    for (const one of [answer, asked]) one.on("error", () => answer.destroy());
    unlessHeld("request", () => {
      // Its uploads go on at the address that the client knows.
      const onward = request(new URL(path, url), { method, headers }, (got) =>
        unlessHeld("answer", () => {
          answer.writeHead(got.statusCode ?? 500, got.headers);
          got.pipe(answer);
        }),
      );
      onward.on("error", () => answer.destroy());
      asked.pipe(onward);
    });
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
