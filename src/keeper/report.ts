import type { KeeperFault } from "../cache/keeper-fault.ts";
import { type Served, servedOf } from "../cache/served.ts";
import { type Usage, usageOf } from "../cache/usage.ts";
import { type Users, usersOf } from "../cache/users.ts";
import type { Peer } from "../registry/peer.ts";
import { type AskPhase, askKeeper, keeperAt, NoConnectionError } from "./ask.ts";

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

/** What a keeper says, or why it says nothing. */
export type ReportAnswer =
  | { readonly report: KeeperReport; readonly fault?: undefined }
  | { readonly report?: undefined; readonly fault: KeeperFault };

/**
 * Asks a keeper how full its registry is, and about its certificate.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param memo - the repository of what is remembered of steps, which is no artifact; an earlier keeper counts it
 * @param signal - ends the wait
 * @returns a fault where it did not answer, or not as a keeper does
 */
export async function askReport(
  peer: Peer,
  token: string,
  memo: string,
  signal: AbortSignal,
): Promise<ReportAnswer> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  let phase: AskPhase = "connect";
  const onPhase = (next: AskPhase) => {
    phase = next;
  };
  const path = `/report?repositories=false&memo=${encodeURIComponent(memo)}`;
  const request = { method: "GET", path, mostBytes, signal: within } as const;
  try {
    const { status, body } = await askKeeper(keeperAt(peer, token), { ...request, onPhase });
    if (status === 200)
      return { report: { usage: usageOf(body), served: servedOf(body), users: usersOf(body) } };
    const kind = status === 401 ? "unauthorized" : "answer";
    return { fault: { kind, detail: `it answers with status ${status}` } };
  } catch (error) {
    return { fault: faultOf(error, phase) };
  }
}

/**
 * What an error of askKeeper says about the way to a keeper.
 *
 * @param error - whatever was thrown
 * @param phase - how far the request had come
 */
function faultOf(error: unknown, phase: AskPhase): KeeperFault {
  const detail = error instanceof Error ? error.message : String(error);
  if (phase === "answer") return { kind: "answer", detail };
  if (phase === "handshake") return { kind: "tls", detail };
  // The kernel gives up a connection, too.
  const isDropped =
    error instanceof NoConnectionError || (error as NodeJS.ErrnoException).code === "ETIMEDOUT";
  return { kind: isDropped ? "timeout" : "refused", detail };
}
