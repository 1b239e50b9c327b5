import { type Usage, usageOf } from "../cache/usage.ts";
import { askKeeper } from "./ask.ts";

/** The keeper looks at every file, and answers within a minute or not at all. */
const longestMs = 60_000;
/** Without its repositories a report is short. */
const mostBytes = 64 * 1024;

/**
 * Asks a keeper how full its registry is.
 *
 * @param address - host and port
 * @param token - of the operator, for this keeper
 * @param signal - ends the wait
 * @returns undefined where it did not answer, or not as a keeper does
 */
export async function askUsage(
  address: string,
  token: string,
  signal: AbortSignal,
): Promise<Usage | undefined> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  const request = { method: "GET", path: "/report?repositories=false", mostBytes, signal: within } as const;
  try {
    const { status, body } = await askKeeper(address, token, request);
    return status === 200 ? usageOf(body) : undefined;
  } catch {
    // It is restarted, or a policy of the network is between; it is asked again.
    return undefined;
  }
}
