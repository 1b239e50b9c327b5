import { addressesOf, type Reach, RefusedHostError } from "./addresses.ts";
import { always } from "./http.ts";
import { statusOf } from "./status.ts";

/** Whether a registry answers; undefined where it must not be asked. */
export interface Reachability {
  readonly answers: boolean | undefined;
  /** A sentence for who looks at the OrasCache: it tells nothing of what answered otherwise. */
  readonly message: string;
  /** For the operator's log. */
  readonly detail?: string;
}

const longestMs = 5_000;

/**
 * Asks a registry whether it is one: `GET /v2/` is answered with 200, or 401 where it wants a login. Nothing is shown
 * to it, and only its status is looked at.
 *
 * @param url - `https://host` or `http://host:port`
 * @param reach - which hosts may be asked
 * @param signal - ends the wait
 */
export async function askRegistry(url: string, reach: Reach, signal: AbortSignal): Promise<Reachability> {
  const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
  try {
    const asked = new URL("/v2/", url);
    const lookup = always(await addressesOf(asked, reach, within));
    const status = await statusOf(asked, { lookup, signal: within });
    if (status === 200 || status === 401) return { answers: true, message: `${url} answers.` };
    return unreachable(url, `status ${status}`);
  } catch (error) {
    if (error instanceof RefusedHostError) {
      const message = `Whether it answers is not checked: its address is not public.`;
      return { answers: undefined, message, detail: error.message };
    }
    return unreachable(url, error instanceof Error ? error.message : String(error));
  }
}

function unreachable(url: string, detail: string): Reachability {
  const message =
    `${url} does not answer the operator as an OCI registry does (GET /v2/, asked again every few minutes). ` +
    "Check spec.registry; steps that use it wait until it answers.";
  return { answers: false, message, detail };
}
