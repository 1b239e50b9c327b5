import { type Agent, type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { basic } from "../../common/basic.ts";
import { answerTo, type Login, type Scope } from "./authorize.ts";
import { RegistryError, SilentError } from "./errors.ts";

/** How to reach a registry. */
export interface Endpoint {
  /** Scheme and host. */
  readonly base: URL;
  /** The agent of its connections, for requests to its host and by scheme for those that it redirects to. */
  readonly agent: Agent;
  readonly agentFor: (url: URL) => Agent;
  readonly login: Login | undefined;
  /** How long it may say nothing to who reads; tests wait for less. */
  readonly silentMs?: number;
  /** Aborted when the registry is closed: nothing is tried again then. */
  readonly closing?: AbortSignal;
}

/** One request. */
export interface RegistryRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** A path of the registry, or where it sent us. */
  readonly url: URL;
  readonly scope: Scope;
  readonly headers?: Readonly<Record<string, string>>;
  /** Opened again for each try. */
  readonly body?: Buffer | (() => Readable);
}

/** Sends requests to one registry. */
export type Send = (request: RegistryRequest) => Promise<IncomingMessage>;

const mostRedirects = 5;
/** A registry on S3 takes seconds to list its repositories. What is written is hashed and copied before there is an answer. */
const mostSilentMs = 30_000;

/**
 * A sender that remembers what the registry wants as authorization. It shows a login to no other host.
 *
 * @param endpoint - the registry
 */
export function createSender({ base, agent, agentFor, login, silentMs = mostSilentMs }: Endpoint): Send {
  const known = new Map<Scope, string>();
  const isOwn = ({ host, protocol }: URL) => host === base.host && protocol === base.protocol;
  const once = async (
    request: RegistryRequest,
    authorization: string | undefined,
  ): Promise<IncomingMessage> => {
    const { url, headers = {} } = request;
    const all = authorization === undefined ? headers : { ...headers, authorization };
    return exchange(request, isOwn(url) ? agent : agentFor(url), all, silentMs);
  };
  const authorized = async (request: RegistryRequest): Promise<IncomingMessage> => {
    // A cache's registry wants name and password with each request, which saves the question.
    if (login && base.protocol === "http:" && !known.has(request.scope))
      known.set(request.scope, basic(login.username, login.password));
    const shown = isOwn(request.url) ? known.get(request.scope) : undefined;
    const response = await once(request, shown);
    const challenge = response.headers["www-authenticate"];
    // Another host's, after a redirect, is not the registry's: the login is not for whom that one names.
    if (response.statusCode !== 401 || challenge === undefined || !isOwn(request.url)) return response;
    const answer = await answerTo(challenge, request.scope, login);
    // With what this request has shown, not with what is known: requests that began together are all asked.
    if (answer === undefined || answer === shown) return response;
    response.resume();
    known.set(request.scope, answer);
    return once(request, answer);
  };
  return async (request) => {
    let at = request;
    for (let redirects = 0; ; redirects++) {
      const response = await authorized(at);
      const next = redirects < mostRedirects ? redirectOf(response, at.url) : undefined;
      if (next === undefined) return successOf(request, response);
      response.resume();
      at = { ...at, url: next };
    }
  };
}

function redirectOf({ statusCode = 0, headers }: IncomingMessage, url: URL): URL | undefined {
  const isRedirect = [301, 302, 307, 308].includes(statusCode) && headers.location !== undefined;
  return isRedirect ? new URL(headers.location ?? "", url) : undefined;
}

async function successOf(
  { method, url }: RegistryRequest,
  response: IncomingMessage,
): Promise<IncomingMessage> {
  const { statusCode = 0 } = response;
  if (statusCode < 400) return response;
  throw new RegistryError(
    `${method} ${url.pathname}`,
    statusCode,
    await text(response),
    response.headers["retry-after"],
  );
}

async function exchange(
  { method, url, body }: RegistryRequest,
  agent: Agent,
  headers: Readonly<Record<string, string>>,
  silentMs: number,
): Promise<IncomingMessage> {
  const open = url.protocol === "http:" ? plainRequest : tlsRequest;
  const length = Buffer.isBuffer(body) ? { "content-length": String(body.length) } : {};
  const none = body === undefined && method !== "GET" && method !== "HEAD" ? { "content-length": "0" } : {};
  const sent = open(url, {
    method,
    agent,
    headers: { "user-agent": "oras-operator", ...none, ...length, ...headers },
  });
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  sent.once("response", resolve);
  sent.on("error", reject);
  if (method === "GET" || method === "HEAD") {
    const error = new SilentError(`${method} ${url.pathname}: no answer within ${silentMs / 1000} seconds`);
    const silence = setTimeout(() => sent.destroy(error), silentMs);
    sent.on("close", () => clearTimeout(silence)).once("response", () => clearTimeout(silence));
  }
  if (typeof body === "function") {
    // Who answers before all is sent, as a registry does that refuses, need not read the rest.
    pipeline(body(), sent).catch(reject);
  } else sent.end(body);
  return promise;
}
