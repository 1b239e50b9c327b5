import type { IncomingMessage } from "node:http";
import { StringDecoder } from "node:string_decoder";
import { type Peer, requestTo } from "../registry/peer.ts";

/** What a keeper is asked for: see agent/internal/keeper/server. */
export interface KeeperRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** With its query. */
  readonly path: string;
  /** Sent as JSON. */
  readonly body?: unknown;
  /** How long an answer may be, in bytes. */
  readonly mostBytes: number;
  /** Ends the wait. */
  readonly signal: AbortSignal;
}

/** What a keeper answered. */
export interface KeeperAnswer {
  readonly status: number;
  /** What its JSON holds; undefined where it sent none. Whoever may make Pods can write a keeper of their own. */
  readonly body: unknown;
}

const connectWithinMs = 5_000;

/**
 * Asks the keeper of a registry. It serves TLS where the registry does.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param request - see there
 * @throws when there is no answer, or one that is too long
 */
export async function askKeeper(peer: Peer, token: string, request: KeeperRequest): Promise<KeeperAnswer> {
  const response = await answerOf(peer, token, request);
  const chunks: Buffer[] = [];
  for await (const chunk of bounded(response, request.mostBytes)) chunks.push(chunk);
  return { status: response.statusCode ?? 0, body: jsonOf(Buffer.concat(chunks)) };
}

/**
 * Asks for an answer that is too long to be held: its lines, as they come, if its status is 200, else the answer.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param request - see there
 * @throws when there is no answer, or one that is too long; the latter while lines are read
 */
export async function askKeeperForLines(
  peer: Peer,
  token: string,
  request: KeeperRequest,
): Promise<AsyncIterable<string> | KeeperAnswer> {
  const response = await answerOf(peer, token, request);
  const content = bounded(response, request.mostBytes);
  if (response.statusCode === 200) return lines(content);
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return { status: response.statusCode ?? 0, body: jsonOf(Buffer.concat(chunks)) };
}

function answerOf(peer: Peer, token: string, request: KeeperRequest): Promise<IncomingMessage> {
  const { method, path, body, signal } = request;
  const content = body === undefined ? undefined : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const headers = {
    authorization: `Bearer ${token}`,
    "user-agent": "oras-operator",
    ...(content === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(content) }),
  };
  const sent = requestTo(peer, path, { method, headers, signal });
  sent.on("response", resolve);
  sent.on("error", reject);
  // What drops packets, such as a NetworkPolicy, is not waited for as long as an answer.
  const connects = setTimeout(() => sent.destroy(new Error("no connection")), connectWithinMs);
  sent.on("socket", (socket) => socket.on("connect", () => clearTimeout(connects)));
  sent.on("close", () => clearTimeout(connects));
  sent.end(content);
  return promise;
}

async function* bounded(response: IncomingMessage, mostBytes: number): AsyncGenerator<Buffer> {
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > mostBytes) throw new Error(`the keeper answers with more than ${mostBytes} bytes`);
    yield chunk;
  }
}

async function* lines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new StringDecoder();
  // A line that comes in many pieces is put together once, when it is whole.
  let begun: string[] = [];
  for await (const chunk of chunks) {
    const [first = "", ...more] = decoder.write(chunk).split("\n");
    begun.push(first);
    for (const next of more) {
      yield begun.join("");
      begun = [next];
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
