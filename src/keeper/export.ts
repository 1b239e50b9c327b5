import { type ExportAnswer, type ExportRequest, exportReportOf } from "../cache/export.ts";
import type { Peer } from "../registry/peer.ts";
import { askKeeper, keeperAt } from "./ask.ts";

const longestMs = 10_000;
const mostBytes = 64 * 1024;

/**
 * Asks a keeper to copy everything to another registry, or how far it is with that.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param asked - where to
 * @param signal - ends the wait
 * @returns undefined where it did not answer, or not as a keeper does
 */
export async function askExport(
  peer: Peer,
  token: string,
  asked: ExportRequest,
  signal: AbortSignal,
): Promise<ExportAnswer> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  const request = { method: "PUT", path: "/export", body: asked, mostBytes, signal: within } as const;
  try {
    const { status, body } = await askKeeper(keeperAt(peer, token), request);
    if (status === 404 || status === 405) return "cannot";
    return status === 200 ? exportReportOf(body, asked.to) : undefined;
  } catch {
    // It is restarted, or a policy of the network is between; it is asked again.
    return undefined;
  }
}
