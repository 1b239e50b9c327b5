import { once } from "node:events";
import { connect } from "node:net";
import { onTestFinished } from "vitest";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";
import { until } from "./wait.ts";

/** Listens, and takes no connection. */
const program = `
require("node:net").createServer().listen({ host: "127.0.0.1", port: Number(process.argv[1]), backlog: 1 }, () => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});
`;

/**
 * An address where packets of connections are dropped, as a NetworkPolicy does: the kernel drops them where as many
 * connections wait as the backlog and one more.
 *
 * @returns host and port
 */
export async function fullListener(): Promise<string> {
  const port = await freePort();
  const { child } = start([process.execPath, "-e", program, String(port)]);
  onTestFinished(() => void child.kill());
  const fill = async () => {
    const socket = connect(port, "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    const ended = new AbortController();
    try {
      await Promise.race([
        once(socket, "connect", { signal: ended.signal }),
        once(socket, "error", { signal: ended.signal }),
      ]);
      return !socket.destroyed && !socket.connecting;
    } catch {
      return false;
    } finally {
      ended.abort();
    }
  };
  await until(fill, "the listener");
  await until(fill, "its queue to be full");
  return `127.0.0.1:${port}`;
}
