import { askOwn } from "./own.ts";
import type { Peer } from "./peer.ts";

const longestMs = 5_000;

/**
 * Whether a registry of the operator's lets a user in.
 *
 * @param peer - the registry; it is shown the password
 * @param authorization - as a header has it
 * @param signal - ends the wait
 */
export async function letsIn(peer: Peer, authorization: string, signal: AbortSignal): Promise<boolean> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  try {
    return (
      (await askOwn({ method: "GET", peer, path: "/v2/", authorization, signal: within })).status === 200
    );
  } catch {
    // It is restarted, or a policy of the network is between; it is asked again.
    return false;
  }
}
