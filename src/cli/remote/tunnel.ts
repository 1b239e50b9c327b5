import { Duplex } from "node:stream";
import { text } from "node:stream/consumers";
import WebSocket from "ws";
import type { Connection } from "../../kube/agent.ts";
import { KubeError, type StatusBody } from "../../kube/errors.ts";
import { pathOf, resources } from "../../kube/resources.ts";

/** Of Kubernetes: each message begins with the number of a channel. */
const protocol = "v4.channel.k8s.io";
const dataChannel = 0;
const errorChannel = 1;
/** The first message of each channel repeats the port, in two bytes. */
const portBytes = 2;
/** Of the API server, which connects to the kubelet. */
const openWithinMs = 10_000;
/** Smaller than what any server takes as one message. */
const longestMessage = 2 ** 16;

/** A port of a Pod. */
export interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/**
 * Connects to a port of a Pod by way of the API server, as `kubectl port-forward` does, without a port on this machine,
 * which other people on it could use.
 *
 * @param connection - to the API server
 * @param to - the port
 * @throws KubeError when the API server refuses
 * @see https://kubernetes.io/docs/reference/using-api/api-concepts, kubelet: pkg/cri/streaming/portforward/websocket.go
 */
export async function openTunnel(connection: Connection, { namespace, pod, port }: PodPort): Promise<Duplex> {
  const { server } = connection;
  const path = `${pathOf(resources.pods, { namespace, name: pod })}/portforward`;
  const url = new URL(server.pathname.replace(/\/$/, "") + path, server);
  url.protocol = server.protocol === "http:" ? "ws:" : "wss:";
  url.searchParams.set("ports", String(port));
  const options = await connection.options();
  const socket = new WebSocket(url, [protocol], {
    ...options,
    perMessageDeflate: false,
    handshakeTimeout: openWithinMs,
  });
  const { promise, resolve, reject } = Promise.withResolvers<Duplex>();
  socket.on("unexpected-response", (_, response) => {
    text(response)
      .then((body) => reject(refusal(`GET ${path}`, response.statusCode ?? 0, body)), reject)
      .finally(() => socket.terminate());
  });
  socket.on("error", reject);
  socket.on("open", () => {
    socket.off("error", reject);
    resolve(new Tunnel(socket));
  });
  return promise;
}

function refusal(request: string, status: number, body: string): KubeError {
  let parsed: StatusBody;
  try {
    parsed = JSON.parse(body) as StatusBody;
  } catch {
    parsed = { message: body.slice(0, 200) };
  }
  return new KubeError(request, status, parsed);
}

/** The kubelet could not connect, or not any more: the container is being started, for instance. */
function brokenBy(words: string): Error {
  return Object.assign(new Error("the Pod does not accept connections", { cause: words.trim() }), {
    code: "ECONNRESET",
  });
}

/** The bytes of a forwarded port, in both directions, with what keeps either side from being overrun. */
class Tunnel extends Duplex {
  readonly #socket: WebSocket;
  readonly #begun = new Set<number>();

  constructor(socket: WebSocket) {
    super();
    this.#socket = socket;
    socket.on("message", (message) => this.#take(message));
    socket.on("error", (error) => this.#breakBy(error));
    socket.on("close", () => {
      this.push(null);
      // Nobody reads the rest of what is written now.
      this.end();
    });
  }

  #take(message: Buffer): void {
    const channel = message[0] ?? dataChannel;
    const skip = this.#begun.has(channel) ? 1 : 1 + portBytes;
    this.#begun.add(channel);
    const content = message.subarray(skip);
    if (content.length === 0) return;
    if (channel === errorChannel) this.#breakBy(brokenBy(content.toString()));
    else if (!this.push(content)) this.#socket.pause();
  }

  /**
   * The message may come with the answer that opens the tunnel. Who is given this stream listens to it some microtasks later,
   * and an error that nobody listens to ends the process.
   */
  #breakBy(error: Error): void {
    setImmediate(() => this.destroy(error));
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Buffer, _: BufferEncoding, done: (error?: Error | null) => void): void {
    const sendFrom = (offset: number): void => {
      if (offset >= chunk.length) {
        done();
        return;
      }
      const part = chunk.subarray(offset, offset + longestMessage);
      this.#socket.send(Buffer.concat([Buffer.of(dataChannel), part]), (error) => {
        // Of a socket that is being closed the package has words, and no code.
        if (error) done("code" in error ? error : brokenBy(error.message));
        else sendFrom(offset + longestMessage);
      });
    };
    sendFrom(0);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.close();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#socket.terminate();
    done(error);
  }

  // What Node's HTTP client calls of a socket: there is nothing to set.
  setKeepAlive(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setTimeout(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
}
