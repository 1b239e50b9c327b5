import { createServer } from "node:net";

/** Below those that the kernel gives to outgoing connections (32768 and up; NodePorts begin at 30000). */
const first = 10_000;
const perProcess = 100;
const parts = 200;
let taken = 0;

/**
 * Ports of loopback that nothing listens on. Between the look and the start of the program that gets one, seconds may pass: each
 * process of tests has ports that others do not look at, and gives each once before it begins anew.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = first + (process.pid % parts) * perProcess + (taken++ % perProcess);
    if (await isFree(port)) ports.add(port);
  }
  return [...ports];
}

function isFree(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const server = createServer();
  server.once("error", () => resolve(false));
  server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  return promise;
}

/** One of {@link freePorts}. */
export async function freePort(): Promise<number> {
  const [port = 0] = await freePorts(1);
  return port;
}
