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
export function askKeeper(peer: Peer, token: string, request: KeeperRequest): Promise<KeeperAnswer> {
  const { method, path, body, mostBytes, signal } = request;
  const content = body === undefined ? undefined : JSON.stringify(body);
  const { promise, resolve, reject } = Promise.withResolvers<KeeperAnswer>();
  const headers = {
    authorization: `Bearer ${token}`,
    "user-agent": "oras-operator",
    ...(content === undefined
      ? {}
      : { "content-type": "application/json", "content-length": Buffer.byteLength(content) }),
  };
  const sent = requestTo(peer, path, { method, headers, signal });
  sent.on("response", (response) => {
    const chunks: Buffer[] = [];
    let length = 0;
    response.on("data", (chunk: Buffer) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > mostBytes)
        response.destroy(new Error(`the keeper answers with more than ${mostBytes} bytes`));
    });
    response.on("error", reject);
    response.on("end", () =>
      resolve({ status: response.statusCode ?? 0, body: jsonOf(Buffer.concat(chunks)) }),
    );
  });
  sent.on("error", reject);
  // What drops packets, such as a NetworkPolicy, is not waited for as long as an answer.
  const connects = setTimeout(() => sent.destroy(new Error("no connection")), connectWithinMs);
  sent.on("socket", (socket) => socket.on("connect", () => clearTimeout(connects)));
  sent.on("close", () => clearTimeout(connects));
  sent.end(content);
  return promise;
}

function jsonOf(text: Buffer): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}
