import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { ClusterError } from "./progress.ts";

/** Where something answers, in a network that this process is not in. */
interface Target {
  readonly host: string;
  readonly port: number;
  /** Makes a command one that runs in that network. */
  readonly enter: (argv: readonly string[]) => readonly string[];
}

/**
 * Answers at a port of this machine what answers in another network, for as long as something runs. The way there is a socket
 * in a folder: those belong to no network.
 *
 * @param target - what answers
 * @param use - is given the port
 */
export async function withRelay<T>(target: Target, use: (port: number) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "relay-"));
  const socket = join(folder, "socket");
  const script = join(import.meta.dirname, "inside.ts");
  const [program = "", ...args] = target.enter([
    process.execPath,
    script,
    socket,
    target.host,
    `${target.port}`,
  ]);
  // In a group of its own: Ctrl-C is for what somebody runs. It ends with its standard input.
  const inside = spawn(program, args, { stdio: ["pipe", "pipe", "inherit"], detached: true });
  const server = createServer({ allowHalfOpen: true }, (from) =>
    pass(from, connect({ path: socket, allowHalfOpen: true })),
  );
  try {
    await firstLine(inside.stdout);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return await use((server.address() as AddressInfo).port);
  } finally {
    server.close();
    inside.stdin.end();
    await rm(folder, { recursive: true });
  }
}

/** Each of the two hears what the other one says, until both have ended. */
export function pass(one: Socket, other: Socket): void {
  one.pipe(other).pipe(one);
  // Whoever goes takes the other one along, which says the same to its client.
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroy());
  }
}

async function firstLine(output: NodeJS.ReadableStream): Promise<void> {
  for await (const _ of createInterface({ input: output })) return;
  throw new ClusterError("the network of the cluster cannot be entered; see above");
}
