import { request as plainRequest, type RequestOptions } from "node:http";
import { request as tlsRequest } from "node:https";

/**
 * The status that a GET is answered with. Nothing else of the answer is read or believed, so any certificate will do: Pods
 * may trust a CA that the operator does not know.
 *
 * @param url - what is asked for
 * @param options - of the request; its signal ends the wait
 * @throws when there is no answer
 */
export function statusOf(
  url: URL,
  options: Pick<RequestOptions, "headers" | "lookup"> & { readonly signal: AbortSignal },
): Promise<number> {
  const headers = { ...options.headers, "user-agent": "oras-operator" };
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const all = { ...options, headers, agent: false } as const;
  const sent =
    url.protocol === "http:"
      ? plainRequest(url, all)
      : tlsRequest(url, { ...all, rejectUnauthorized: false });
  sent.on("response", (response) => {
    resolve(response.statusCode ?? 0);
    response.destroy();
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}
