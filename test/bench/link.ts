import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { temporaryFolder } from "../support/folders.ts";
import { freePorts } from "../support/ports.ts";
import { start } from "../support/processes.ts";

/** A link to a registry that carries 1 Gbit/s, with 20 ms from a question to its answer. */
export interface Link {
  /** Address of the registry at the other end. */
  readonly registry: string;
  /** Makes a program that runs at this end. */
  readonly at: (program: string) => string;
  /** Bytes that the connections to the registry have carried since the last call: to it, and from it. */
  readonly carried: () => { up: number; down: number };
  /** Seconds of a plain copy over the link: to the other end, or from there. */
  readonly copy: (bytes: number, direction: "up" | "down") => Promise<number>;
  readonly close: () => Promise<void>;
}

const namespace = "oras-operator-bench";
const rate = "1gbit";
const oneWay = 10;

/**
 * Makes the link: the loopback device of a network namespace has the rate (the kernel's tbf), a process there the
 * latency (this kernel has no netem), and Unix sockets lead out of the namespace.
 *
 * @param host - where the registry listens
 */
export async function slowLink(host: string): Promise<Link> {
  const folder = temporaryFolder("link");
  const [registry = 0, copies = 0] = await freePorts(2);
  const inside = ["ip", "netns", "exec", namespace];
  const run = (...argv: string[]) =>
    execFileSync(argv[0] ?? "", argv.slice(1), { stdio: ["ignore", "ignore", "inherit"] });
  run("ip", "netns", "add", namespace);
  run(...inside, "ip", "link", "set", "lo", "up");
  run(
    ...inside,
    "tc",
    "qdisc",
    "add",
    "dev",
    "lo",
    "root",
    "tbf",
    "rate",
    rate,
    "burst",
    "256kb",
    "limit",
    "4mb",
  );

  let [up, down] = [0, 0];
  const [target = "", port = ""] = host.split(":");
  const relay = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: target, port: Number(port), allowHalfOpen: true });
    near.on("data", (piece) => {
      up += piece.length;
    });
    far.on("data", (piece) => {
      down += piece.length;
    });
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
    near.pipe(far);
    far.pipe(near);
  });
  let copied: (socket: Socket) => unknown = () => {};
  const far = createServer({ allowHalfOpen: true }, (socket) => copied(socket));
  await Promise.all([
    listen(relay, join(folder, String(registry))),
    listen(far, join(folder, String(copies))),
  ]);
  const delay = start([
    ...inside,
    process.execPath,
    join(import.meta.dirname, "delay.ts"),
    folder,
    String(oneWay),
    String(registry),
    String(copies),
  ]);
  await delay.said("listening");

  return {
    registry: `127.0.0.1:${registry}`,
    at: (program) => {
      const path = join(folder, "there");
      writeFileSync(path, `#!/bin/sh\nexec ${inside.join(" ")} ${program} "$@"\n`);
      chmodSync(path, 0o755);
      return path;
    },
    carried: () => {
      const seen = { up, down };
      [up, down] = [0, 0];
      return seen;
    },
    copy: async (bytes, direction) => {
      const begun = performance.now();
      const socket = `/dev/tcp/127.0.0.1/${copies}`;
      if (direction === "up") {
        const arrived = new Promise<void>((resolve) => {
          let left = bytes;
          copied = (from) =>
            from.on("data", (piece) => {
              left -= piece.length;
              if (left <= 0) resolve();
            });
        });
        await start([...inside, "bash", "-c", `head -c ${bytes} /dev/zero >${socket}`]).ended;
        await arrived;
      } else {
        copied = (to) => Readable.from(zeros(bytes)).pipe(to);
        await start([...inside, "bash", "-c", `cat <${socket} >/dev/null`]).ended;
      }
      return (performance.now() - begun) / 1000;
    },
    close: async () => {
      delay.child.kill("SIGTERM");
      await delay.ended;
      relay.close();
      far.close();
      run("ip", "netns", "delete", namespace);
    },
  };
}

function* zeros(bytes: number): Generator<Buffer> {
  const piece = Buffer.alloc(2 ** 18);
  for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left);
}

async function listen(server: Server, path: string): Promise<void> {
  server.listen(path);
  await once(server, "listening");
}
