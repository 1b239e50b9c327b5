import { type ClientRequest, type IncomingMessage, request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import type { Connection } from "./agent.ts";
import { createClock } from "./clock.ts";
import { KubeError, type StatusBody } from "./errors.ts";

type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** One request to the API server. */
interface KubeRequest {
  readonly method?: Method;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
}

/** What everything else here needs of the API server. */
export interface KubeClient {
  /**
   * Sends a request and reads the JSON of the answer.
   *
   * @throws KubeError when the API server answers with an error
   */
  readonly request: <T>(request: KubeRequest) => Promise<T>;
  /** Sends a GET and returns the answer as it comes, for watches. */
  readonly stream: (request: KubeRequest) => Promise<IncomingMessage>;
  /** The time by which to decide: the API server's, in milliseconds since 1970. */
  readonly now: () => number;
  readonly close: () => void;
}

/** Called for every answer, for metrics; a status of 0 means none. */
export type Observer = (method: Method, status: number) => void;

const defaultTimeoutMs = 15_000;

/**
 * A client that reuses its connections.
 *
 * @param connection - server and user
 * @param observe - called for every answer
 */
export function createClient(connection: Connection, observe: Observer = () => {}): KubeClient {
  const clock = createClock();
  const send = async (request: KubeRequest, signal: AbortSignal): Promise<IncomingMessage> => {
    const method = request.method ?? "GET";
    try {
      const response = await exchange(connection, request, signal);
      observe(method, response.statusCode ?? 0);
      if ((response.statusCode ?? 500) >= 300) throw await errorOf(request, response);
      // A proxy or a load balancer before the API server answers with errors alone, by its own clock.
      clock.hear(response.headers.date);
      return response;
    } catch (error) {
      if (error instanceof KubeError) throw error;
      observe(method, 0);
      // Node says only that the request was aborted; the signal says why.
      throw signal.aborted ? signal.reason : error;
    }
  };
  return {
    request: async <T>(request: KubeRequest): Promise<T> => {
      const timeout = AbortSignal.timeout(Math.ceil(request.timeoutMs ?? defaultTimeoutMs));
      const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
      const response = await withPatience(() => send(request, signal), signal);
      return JSON.parse(await text(response)) as T;
    },
    stream: (request) => send(request, request.signal ?? new AbortController().signal),
    now: clock.now,
    close: connection.close,
  };
}

/** The API server asks for patience with 429, which it sends before it has done anything. */
async function withPatience<T>(send: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send();
    } catch (error) {
      if (!(error instanceof KubeError) || error.status !== 429 || attempt >= 3) throw error;
      await delay((error.body.details?.retryAfterSeconds ?? 1) * 1000, undefined, { signal });
    }
  }
}

async function exchange(
  connection: Connection,
  request: KubeRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const options = await connection.options();
  const body = request.body === undefined ? undefined : Buffer.from(JSON.stringify(request.body));
  const url = new URL(connection.server.pathname.replace(/\/$/, "") + request.path, connection.server);
  for (const [key, value] of Object.entries(request.query ?? {})) {
    if (value !== undefined) url.searchParams.set(key, String(value));
  }
  const method = request.method ?? "GET";
  const open = url.protocol === "http:" ? plainRequest : tlsRequest;
  const all = {
    ...options,
    method,
    signal,
    headers: {
      accept: "application/json",
      "user-agent": "oras-operator",
      ...options.headers,
      ...(body
        ? { "content-type": request.contentType ?? "application/json", "content-length": body.length }
        : {}),
    },
  };
  const attempt = () => {
    const sent = open(url, all);
    return { sent, answer: answerTo(sent, body) };
  };
  const { sent, answer } = attempt();
  try {
    return await answer;
  } catch (error) {
    // The server closed a kept connection just as it was used again; nothing was done with the request.
    const closed = sent.reusedSocket && (error as NodeJS.ErrnoException).code === "ECONNRESET";
    if (!closed || signal.aborted || method === "POST") throw error;
    return await attempt().answer;
  }
}

function answerTo(sent: ClientRequest, body: Buffer | undefined): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once("response", resolve);
    sent.on("error", reject);
    sent.end(body);
  });
}

async function errorOf(request: KubeRequest, response: IncomingMessage): Promise<KubeError> {
  const content = await text(response);
  const status = response.statusCode ?? 0;
  let body: StatusBody;
  try {
    body = JSON.parse(content) as StatusBody;
  } catch {
    body = { message: content.slice(0, 200) };
  }
  return new KubeError(`${request.method ?? "GET"} ${request.path}`, status, body);
}
