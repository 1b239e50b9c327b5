import { type RequestOptions, request } from "node:https";

/** How to reach registries. */
export interface Registries {
  /** Authorities besides the well-known ones, PEM. */
  readonly ca?: string;
  readonly signal: AbortSignal;
}

/** What a registry answered. */
export interface Answer {
  /** Who gave it: another one than was asked, after a redirect. */
  readonly host: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Configurations of images have a few kilobytes. */
const longestBody = 4 * 2 ** 20;
const mostRedirects = 5;

/**
 * GET over HTTPS. Redirects are followed, but what authorizes at one host is not shown to another: blobs often lie in an
 * object store.
 *
 * @throws when there is no answer, or one that is too long
 */
export async function get(
  url: URL,
  headers: Record<string, string>,
  registries: Registries,
  redirects = mostRedirects,
): Promise<Answer> {
  const answer = await once(url, headers, registries);
  const location = answer.headers["location"];
  if (answer.status < 300 || answer.status >= 400 || typeof location !== "string") return answer;
  if (redirects === 0) throw new Error(`${url.host} redirects too often`);
  const next = new URL(location, url);
  if (next.protocol !== "https:") throw new Error(`${url.host} redirects to ${next.protocol}//`);
  const { authorization: _, ...others } = headers;
  return get(next, next.host === url.host ? headers : others, registries, redirects - 1);
}

function once(url: URL, headers: Record<string, string>, { ca, signal }: Registries): Promise<Answer> {
  const options: RequestOptions = { headers: { "user-agent": "oras-operator", ...headers }, signal };
  if (ca !== undefined) options.ca = ca;
  return new Promise((resolve, reject) => {
    const sent = request(url, options, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > longestBody) response.destroy(new Error(`${url.host} answers with too much`));
        chunks.push(chunk);
      });
      response.on("error", reject);
      response.on("end", () =>
        resolve({
          host: url.host,
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString("utf8"),
        }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}
