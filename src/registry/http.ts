import type { LookupAddress } from "node:dns";
import { request as plainRequest } from "node:http";
import { Agent, type RequestOptions, request } from "node:https";
import type { LookupFunction } from "node:net";
import { addressesOf, checkBehindProxy, type Reach } from "./addresses.ts";
import { LookupError } from "./outcome.ts";
import { type Proxies, proxyFor } from "./proxy.ts";

/** How to reach registries. */
export interface Registries {
  /** CAs instead of the well-known ones, PEM. */
  readonly ca?: string;
  readonly reach: Reach;
  readonly proxies: Proxies;
  /** Keep connections from one request to the next. */
  readonly agents: Agents;
  readonly signal: AbortSignal;
}

/** Agents for requests to the host itself, and by way of a proxy. */
export interface Agents {
  readonly direct: Agent;
  readonly by: (proxy: string) => Agent;
  /** Closes all connections. */
  readonly close: () => void;
}

/** Makes agents; the caller closes them. */
export function createAgents(): Agents {
  const direct = new Agent({ keepAlive: true });
  let proxied: Agent | undefined;
  return {
    direct,
    by: (proxy) => (proxied ??= new Agent({ keepAlive: true, proxyEnv: { HTTPS_PROXY: proxy } })),
    close: () => {
      direct.destroy();
      proxied?.destroy();
    },
  };
}

/** What a registry answered. */
export interface Answer {
  /** Who gave it: another one than was asked, after a redirect. */
  readonly host: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Manifests and configurations of images have a few kilobytes, with a long history some hundred. */
export const longestAnswer = 2 ** 20;
const mostRedirects = 5;

/**
 * GET over HTTPS. Redirects are followed and checked as the first request is, but what authorizes at one host is not
 * shown to another: blobs often lie in an object store.
 *
 * @param url - what is asked for
 * @param headers - of the request
 * @param registries - how to reach it
 * @throws when there is no answer; a LookupError when it is longer than {@link longestAnswer}
 */
export function get(url: URL, headers: Record<string, string>, registries: Registries): Promise<Answer> {
  return follow("GET", url, headers, registries, mostRedirects);
}

/** The same with HEAD, also over plain HTTP, which nothing is redirected to and no proxy is used for. */
export function head(url: URL, headers: Record<string, string>, registries: Registries): Promise<Answer> {
  return follow("HEAD", url, headers, registries, mostRedirects);
}

async function follow(
  method: "GET" | "HEAD",
  url: URL,
  headers: Record<string, string>,
  registries: Registries,
  redirects: number,
): Promise<Answer> {
  const answer = await once(method, url, headers, registries);
  const location = answer.headers["location"];
  if (answer.status < 300 || answer.status >= 400 || typeof location !== "string") return answer;
  if (redirects === 0) throw new Error(`${url.host} redirects more than ${mostRedirects} times`);
  const next = new URL(location, url);
  if (next.protocol !== "https:") throw new Error(`${url.host} redirects to ${next.protocol}//`);
  const { authorization: _, ...others } = headers;
  return follow(method, next, next.host === url.host ? headers : others, registries, redirects - 1);
}

async function once(
  method: "GET" | "HEAD",
  url: URL,
  headers: Record<string, string>,
  registries: Registries,
): Promise<Answer> {
  const { ca, signal } = registries;
  const options: RequestOptions = {
    ...(await routeTo(url, registries)),
    method,
    signal,
    headers: { "user-agent": "oras-operator", ...headers },
  };
  if (ca !== undefined) options.ca = ca;
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const open = url.protocol === "http:" ? plainRequest : request;
  const sent = open(url, options, (response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const tooLong = () => {
      sent.destroy();
      reject(new LookupError("tooLong", `${url.host} answers with more than ${longestAnswer} bytes`));
    };
    if (method === "GET" && Number(response.headers["content-length"] ?? 0) > longestAnswer) return tooLong();
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > longestAnswer) return tooLong();
      chunks.push(chunk);
    });
    response.on("error", reject);
    response.on("end", () =>
      resolve({
        host: url.host,
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks),
      }),
    );
  });
  sent.on("error", reject);
  sent.end();
  return promise;
}

/** By a proxy, where the installation has one, else to an address that was checked. */
async function routeTo(url: URL, { agents, reach, proxies, signal }: Registries): Promise<RequestOptions> {
  if (url.protocol === "http:")
    return { agent: false, lookup: always(await addressesOf(url, reach, signal)) };
  const proxy = proxyFor(url, proxies);
  if (proxy === undefined) {
    return { agent: agents.direct, lookup: always(await addressesOf(url, reach, signal)) };
  }
  await checkBehindProxy(url, reach, signal);
  return { agent: agents.by(proxy) };
}

/** Connects to addresses that were checked, whatever the name stands for by now. */
export function always(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all || first === undefined) callback(null, [...addresses]);
    else callback(null, first.address, first.family);
  };
}
