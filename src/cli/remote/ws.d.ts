/** What is used of the package ws, which has no types of its own. */
declare module "ws" {
  import type { EventEmitter } from "node:events";
  import type { IncomingMessage } from "node:http";
  import type { RequestOptions } from "node:https";

  export default class WebSocket extends EventEmitter<{
    open: [];
    close: [code: number, reason: Buffer];
    error: [error: Error];
    message: [data: Buffer, isBinary: boolean];
    "unexpected-response": [request: unknown, response: IncomingMessage];
  }> {
    constructor(
      url: URL,
      protocols: readonly string[],
      options: RequestOptions & { perMessageDeflate: false; handshakeTimeout?: number },
    );
    pause(): void;
    resume(): void;
    send(data: Buffer, done: (error?: Error) => void): void;
    close(): void;
    terminate(): void;
  }
}
