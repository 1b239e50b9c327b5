import type { ClientRequest, IncomingMessage, RequestOptions } from "node:http";
import { StringDecoder } from "node:string_decoder";
import { TLSSocket } from "node:tls";
import { type Peer, requestTo } from "../registry/peer.ts";

/** A keeper, and who asks it. */
export interface Keeper {
  /** Begins a request for a path, with its query. */
  readonly open: (
    path: string,
    options: Pick<RequestOptions, "method" | "headers" | "signal">,
  ) => ClientRequest;
  /** The header; undefined where it wants none. */
  readonly authorization: string | undefined;
}

/**
 * A keeper as the operator asks it. It serves TLS where the registry does.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 */
export function keeperAt(peer: Peer, token: string): Keeper {
  return { open: (path, options) => requestTo(peer, path, options), authorization: `Bearer ${token}` };
}

/** How far a request has come: what is still to be done first. */
export type AskPhase = "connect" | "handshake" | "answer";

/** What a keeper is asked for: see agent/internal/keeper/server. */
export interface KeeperRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** With its query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long an answer may be, in bytes. */
  readonly mostBytes: number;
  /** How long one of its lines may be, in characters; without it, as long as the answer. */
  readonly longestLine?: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
  /** How long it may say nothing; without it, until the signal ends the wait. */
  readonly silentMs?: number;
  /** Told how far the request has come. */
  readonly onPhase?: (phase: Exclude<AskPhase, "connect">) => void;
}

/** What a keeper answered. */
export interface KeeperAnswer {
  readonly status: number;
  /** What its JSON holds; undefined where it sent none. Whoever may make Pods can write a keeper of their own. */
  readonly body: unknown;
}

const connectWithinMs = 5_000;

/** Nothing has answered a connection, as where packets are dropped. */
export class NoConnectionError extends Error {
  override readonly name = "NoConnectionError";
}

/**
 * Asks the keeper of a registry.
 *
 * @param keeper - which, and who asks
 * @param request - see there
 * @throws when there is no answer, or one that is too long
 */
export async function askKeeper(keeper: Keeper, request: KeeperRequest): Promise<KeeperAnswer> {
  const answer = await answerOf(keeper, request);
  return wholeOf(answer);
}

/**
 * Asks for an answer that is too long to be held: its lines, as they come, and its header `Date`, if its status is 200, else
 * the answer.
 *
 * @param keeper - which, and who asks
 * @param request - see there
 * @throws when there is no answer, or one that is too long; the latter while lines are read
 */
export async function askKeeperForLines(
  keeper: Keeper,
  request: KeeperRequest,
): Promise<{ readonly lines: AsyncIterable<string>; readonly date: string | undefined } | KeeperAnswer> {
  const answer = await answerOf(keeper, request);
  if (answer.status !== 200) return wholeOf(answer);
  return { lines: linesOf(answer.content, request.longestLine), date: answer.date };
}

/** An answer whose content is still to be read. */
interface Begun {
  readonly status: number;
  /** Its header `Date`. */
  readonly date: string | undefined;
  readonly content: AsyncIterable<Buffer>;
}

async function wholeOf({ status, content }: Begun): Promise<KeeperAnswer> {
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return { status, body: jsonOf(Buffer.concat(chunks)) };
}

async function answerOf({ open, authorization }: Keeper, request: KeeperRequest): Promise<Begun> {
  const { method, path, body, mostBytes, signal, silentMs, onPhase } = request;
  const content = body === undefined ? undefined : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    ...(authorization === undefined ? {} : { authorization }),
    "user-agent": "oras-operator",
    ...(content === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(content) }),
  };
  const sent = open(path, { method, headers, signal });
  sent.on("response", resolve);
  sent.on("error", reject);
  // What drops packets, such as a NetworkPolicy, is not waited for as long as an answer.
  const dropped = () => new NoConnectionError(`no connection within ${connectWithinMs / 1000} seconds`);
  const connects = setTimeout(() => sent.destroy(dropped()), connectWithinMs);
  sent.on("socket", (socket) => {
    const connected = () => {
      clearTimeout(connects);
      onPhase?.(socket instanceof TLSSocket ? "handshake" : "answer");
    };
    if (socket.connecting) socket.on("connect", connected);
    else connected();
    socket.on("secureConnect", () => onPhase?.("answer"));
  });
  // A request that is destroyed after the answer has begun says no more than that.
  let at: { readonly destroy: (error: Error) => unknown } = sent;
  const quiet = () => at.destroy(new Error(`it says nothing for ${(silentMs ?? 0) / 1000} seconds`));
  const silence = silentMs === undefined ? undefined : setTimeout(quiet, silentMs);
  sent.on("close", () => {
    clearTimeout(connects);
    clearTimeout(silence);
  });
  sent.end(content);
  const response = await promise;
  at = response;
  const heard = () => void silence?.refresh();
  return {
    status: response.statusCode ?? 0,
    date: response.headers.date,
    content: bounded(response, mostBytes, heard),
  };
}

async function* bounded(
  response: IncomingMessage,
  mostBytes: number,
  heard: () => void,
): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    heard();
    length += chunk.length;
    if (length > mostBytes) throw new Error(`the keeper answers with more than ${mostBytes} bytes`);
    yield chunk;
  }
}

async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  longest = Number.POSITIVE_INFINITY,
): AsyncGenerator<string> {
  const decoder = new StringDecoder();
  // A line that comes in many pieces is put together once, when it is whole.
  let begun: string[] = [];
  let length = 0;
  const add = (piece: string) => {
    begun.push(piece);
    length += piece.length;
    if (length > longest) throw new Error(`a line of the keeper's has more than ${longest} characters`);
  };
  for await (const chunk of chunks) {
    const [first = "", ...more] = decoder.write(chunk).split("\n");
    add(first);
    for (const next of more) {
      yield begun.join("");
      [begun, length] = [[], 0];
      add(next);
    }
  }
  const last = begun.join("") + decoder.end();
  if (last !== "") yield last;
}

function jsonOf(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
