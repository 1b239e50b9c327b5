import { request } from "node:http";
import { text } from "node:stream/consumers";
import { names } from "../../../schema/names.ts";
import { hasKeeper } from "../../cache/storage.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import type { Inventory } from "../../retention/facts.ts";
import { manifestReader } from "../../retention/read.ts";
import { basic } from "../oci/authorize.ts";
import { connectTo, loginOf, tunnelAgent } from "./open.ts";
import type { Session } from "./session.ts";
import { trustOf } from "./trust.ts";

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
  const trust = await trustOf(session, cache);
  const agent = tunnelAgent(() => connectTo(session, cache, names.keeperPort), trust);
  const asked = {
    agent,
    protocol: trust === undefined ? "http:" : "https:",
    path: "/manifests",
    headers: login === undefined ? {} : { authorization: basic(login) },
    signal: AbortSignal.timeout(longestMs),
  };
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const sent = request(asked);
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
