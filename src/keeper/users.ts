import type { Peer } from "../registry/peer.ts";
import { askKeeper, keeperAt } from "./ask.ts";

const longestMs = 5_000;
const mostBytes = 64 * 1024;

/**
 * Tells a keeper which users of the operator's its registry is to know from now on.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param users - such as `oras-1`
 * @param signal - ends the wait
 * @returns whether they are written
 */
export async function tellUsers(
  peer: Peer,
  token: string,
  users: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  try {
    const request = { method: "PUT", path: "/users", body: users, mostBytes, signal: within } as const;
    return (await askKeeper(keeperAt(peer, token), request)).status === 200;
  } catch {
    // It is restarted, or a policy of the network is between; it is told again.
    return false;
  }
}
