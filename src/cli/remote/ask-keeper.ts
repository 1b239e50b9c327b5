import { Agent, request } from "node:http";
import type { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import { names } from "../../../schema/names.ts";
import { hasKeeper } from "../../cache/storage.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import type { Inventory } from "../../retention/facts.ts";
import { manifestReader } from "../../retention/read.ts";
import { basic } from "../oci/authorize.ts";
import { loginOf, registryPodOf } from "./open.ts";
import type { Session } from "./session.ts";
import { openTunnel } from "./tunnel.ts";

/** The keeper reads every manifest. */
const longestMs = 300_000;
/** A hundred thousand manifests have less. */
const mostBytes = 128 * 2 ** 20;

/**
 * Every manifest of a cache, with the times at which its tags were pushed and pulled, which no API of a registry tells. The keeper
 * beside the registry is asked, in the same way and with the same password.
 *
 * @param session - of the person, in the namespace of the cache
 * @param cache - which
 * @throws where there is no keeper, or it does not tell
 */
export async function inventoryOf(session: Session, cache: OrasCache): Promise<Inventory> {
  if (!hasKeeper(cache as StoredOrasCache)) throw new Error("there is no keeper beside the registry");
  const login = await loginOf(session, cache);
  const agent = new OneTunnel(() =>
    openTunnel(session.connection, {
      namespace: session.namespace,
      pod: registryPodOf(cache),
      port: names.keeperPort,
    }),
  );
  const headers = login === undefined ? {} : { authorization: basic(login) };
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request({ agent, headers, path: "/manifests", signal: AbortSignal.timeout(longestMs) });
  sent.on("error", reject).on("response", (response) => {
    const { statusCode } = response;
    let length = 0;
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > mostBytes)
        response.destroy(new Error(`the keeper answers with more than ${mostBytes} bytes`));
    });
    if (statusCode === 200) text(response).then(resolve, reject);
    else reject(new Error(`the keeper answers with ${statusCode}`));
  });
  sent.end();
  try {
    const reader = manifestReader();
    for (const line of (await promise).split("\n").filter(Boolean)) reader.line(line);
    return reader.end();
  } finally {
    agent.destroy();
  }
}

class OneTunnel extends Agent {
  readonly #connect: () => Promise<Duplex>;

  constructor(connect: () => Promise<Duplex>) {
    super();
    this.#connect = connect;
  }

  override createConnection(_: unknown, done?: (error: Error | null, stream: Duplex) => void): undefined {
    this.#connect().then(
      (stream) => done?.(null, stream),
      (error: Error) => done?.(error, undefined as unknown as Duplex),
    );
  }
}
