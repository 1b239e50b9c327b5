import { basic } from "../common/basic.ts";
import { statusOf } from "./status.ts";

/** Whether a registry refuses who has no password, or a wrong one; undefined where it did not answer. */
export type Enforced = boolean | undefined;

const longestMs = 5_000;

/**
 * Asks a registry without a password, and with a wrong one: both must be answered with 401. What the registry was set up
 * with proves nothing. Its environment may name a second scheme, and distribution then takes either.
 *
 * @param url - scheme, address and port; no secret is shown to it, so any certificate will do
 * @param user - one that it knows
 * @param signal - ends the wait
 * @see https://github.com/distribution/distribution, registry/handlers/app.go: the first key of a map is used
 */
export async function enforcesPasswords(url: string, user: string, signal: AbortSignal): Promise<Enforced> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  try {
    for (const headers of [{}, { authorization: basic(user, "wrong") }]) {
      if ((await statusOf(new URL("/v2/", url), { headers, signal: within })) !== 401) return false;
    }
    return true;
  } catch {
    // It is restarted, or a policy of the network is between; it is asked again.
    return undefined;
  }
}
