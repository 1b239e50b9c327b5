/** What tests use of it beside src/cli/remote/ws.d.ts. */
declare module "ws" {
  import type { IncomingMessage } from "node:http";
  import type { Duplex } from "node:stream";

  export class WebSocketServer {
    readonly clients: ReadonlySet<WebSocket>;
    constructor(options: { noServer: true });
    handleUpgrade(
      request: IncomingMessage,
      socket: Duplex,
      head: Buffer,
      done: (socket: WebSocket) => void,
    ): void;
    close(): void;
  }
}
