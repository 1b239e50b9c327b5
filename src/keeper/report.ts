import { type Served, servedOf } from "../cache/served.ts";
import { type Usage, usageOf } from "../cache/usage.ts";
import { type Users, usersOf } from "../cache/users.ts";
import type { Peer } from "../registry/peer.ts";
import { askKeeper, keeperAt } from "./ask.ts";

/** The keeper looks at every file, and answers within a minute or not at all. */
const longestMs = 60_000;
/** Without its repositories a report is short. */
const mostBytes = 64 * 1024;

/** What a keeper says. */
export interface KeeperReport {
  /** How full the volume is; undefined where it looks after none. */
  readonly usage: Usage | undefined;
  /** Undefined where the registry serves no TLS. */
  readonly served: Served | undefined;
  /** Undefined where it looks after no users. */
  readonly users: Users | undefined;
}

/**
 * Asks a keeper how full its registry is, and about its certificate.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param signal - ends the wait
 * @returns undefined where it did not answer, or not as a keeper does
 */
export async function askReport(
  peer: Peer,
  token: string,
  signal: AbortSignal,
): Promise<KeeperReport | undefined> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  const request = { method: "GET", path: "/report?repositories=false", mostBytes, signal: within } as const;
  try {
    const { status, body } = await askKeeper(keeperAt(peer, token), request);
    return status === 200
      ? { usage: usageOf(body), served: servedOf(body), users: usersOf(body) }
      : undefined;
  } catch {
    // It is restarted, or a policy of the network is between; it is asked again.
    return undefined;
  }
}
