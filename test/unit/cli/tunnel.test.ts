import { createHash } from "node:crypto";
import { request } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { isPassing } from "../../../src/cli/oci/errors.ts";
import { tunnelAgent } from "../../../src/cli/remote/open.ts";
import { openTunnel } from "../../../src/cli/remote/tunnel.ts";
import type { Connection } from "../../../src/kube/agent.ts";

const to = { namespace: "runs", pod: "oras-0", port: 5000 };
/** RFC 6455, section 1.3. */
const guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** A message of a server, as a frame. */
const frame = (channel: number, content: Buffer): Buffer =>
  Buffer.concat([Buffer.of(0x82, content.length + 1, channel), content]);

/** A server that says more in the same bytes as that the tunnel is open, as one on a busy machine does. */
async function serverThatSays(more: Buffer, then: (socket: Socket) => void): Promise<Connection> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (asked) => {
      const [, key = ""] = /sec-websocket-key: (\S+)/i.exec(asked.toString()) ?? [];
      const accept = createHash("sha1").update(`${key}${guid}`).digest("base64");
      const head = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
      const lines = [
        ...head,
        `Sec-WebSocket-Accept: ${accept}`,
        "Sec-WebSocket-Protocol: v4.channel.k8s.io",
        "",
        "",
      ];
      socket.write(Buffer.concat([Buffer.from(lines.join("\r\n")), more]));
      then(socket);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return {
    ...{ server: new URL(`http://127.0.0.1:${port}`), options: async () => ({}), close: () => {} },
  } as unknown as Connection;
}

/** What becomes of a request by way of a tunnel. */
const asked = (connection: Connection): Promise<string> =>
  new Promise((resolve) => {
    const agent = tunnelAgent(() => openTunnel(connection, to), undefined);
    onTestFinished(() => agent.destroy());
    request({ host: "localhost", agent }, (response) => resolve(`${response.statusCode}`))
      .on("error", (error: NodeJS.ErrnoException) => resolve(`${error.code}`))
      .end();
  });

const broken = frame(1, Buffer.from("\x88\x13connection refused"));

test.each<[string, Buffer, (socket: Socket) => void]>([
  ["that the Pod does not accept it", broken, () => {}],
  ["that, and ends", broken, (socket) => socket.end()],
  ["that it closes", Buffer.of(0x88, 0), (socket) => socket.end()],
  ["what is no frame", Buffer.of(0xff, 0xff), () => {}],
  ["nothing more, and goes", Buffer.alloc(0), (socket) => socket.destroy()],
])(
  "a server that says with the opening of a tunnel %s: the request ends with an error",
  async (_, more, then) => {
    expect(await asked(await serverThatSays(more, then))).not.toMatch(/^\d+$/);
  },
);

test("what is written while a server closes a tunnel has met a broken connection, which another try may mend", async () => {
  const tunnel = await openTunnel(await serverThatSays(Buffer.of(0x88, 0), () => {}), to);
  onTestFinished(() => void tunnel.destroy());
  let met: unknown;
  tunnel.once("error", (error) => {
    met = error;
  });
  while (met === undefined) {
    tunnel.write("x");
    await nextTurn();
  }
  expect(String((met as Error).cause)).toContain("CLOSING");
  expect(isPassing(met)).toBe(true);
});
