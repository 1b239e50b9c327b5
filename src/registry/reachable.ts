import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { addressesOf, type Reach, RefusedHostError } from "./addresses.ts";
import { always } from "./http.ts";

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
    const status = await statusOf(new URL("/v2/", url), reach, within);
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

async function statusOf(url: URL, reach: Reach, signal: AbortSignal): Promise<number> {
  const lookup = always(await addressesOf(url, reach, signal));
  const headers = { "user-agent": "oras-operator" };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const sent =
    url.protocol === "http:"
      ? plainRequest(url, { signal, lookup, headers, agent: false })
      : // Pods may trust a CA that the operator does not know. Nothing is sent and nothing believed but the status.
        tlsRequest(url, { signal, lookup, headers, agent: false, rejectUnauthorized: false });
  sent.on("response", (response) => {
    resolve(response.statusCode ?? 0);
    response.destroy();
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}
