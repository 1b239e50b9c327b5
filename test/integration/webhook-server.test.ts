import { once } from "node:events";
import { Agent, request } from "node:https";
import { text } from "node:stream/consumers";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../schema/names.ts";
import { renew } from "../../src/certificates/renew.ts";
import { type AdmissionServer, serveAdmission } from "../../src/webhook/server.ts";
import { keyed } from "../support/builders.ts";
import { createRequest, installation } from "../support/pods.ts";

let server: AdmissionServer;
let dropped = 0;

beforeAll(async () => {
  const { certificate, key } = await renew("everything", undefined, ["localhost"], new Date());
  server = await serveAdmission({
    installation,
    sources: { cache: () => undefined, limitRanges: () => [] },
    pair: { cert: certificate, key },
    port: 0,
    log: pino({ enabled: false }),
    metrics: { observeReview: () => {}, countVerdict: () => {}, connectionDropped: () => dropped++ },
  });
});
afterAll(() => server.drain(0));

const mebibyte = 2 ** 20;

/** A connection, on which a test says what it likes. */
async function raw(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connectTls({ port: server.port, host: "127.0.0.1", rejectUnauthorized: false, ...options });
  socket.on("error", () => {});
  await once(socket, "secureConnect");
  return socket;
}

/** The status line of what is answered next. */
async function status(socket: TLSSocket): Promise<string> {
  const [answer] = (await once(socket, "data")) as [Buffer];
  return answer.toString().split("\r\n")[0] ?? "";
}

const head = (more: string) => `POST ${names.webhookPath} HTTP/1.1\r\nhost: x\r\n${more}\r\n\r\n`;

interface Answered {
  readonly code: number;
  readonly body: string;
}

function send(
  body: string | undefined,
  { path = names.webhookPath as string, method = "POST", agent = undefined as Agent | undefined } = {},
): Promise<Answered> {
  const { promise, resolve, reject } = Promise.withResolvers<Answered>();
  const to = { port: server.port, host: "127.0.0.1", path, method, rejectUnauthorized: false };
  const sent = request({ ...to, ...(agent && { agent }) }, (response) => {
    text(response).then((content) => resolve({ code: response.statusCode ?? 0, body: content }), reject);
  });
  sent.on("error", reject);
  sent.end(body);
  return promise;
}

const annotations = keyed({ "output-uri": "a/b:c" });
const pod = (filling = 0) => ({
  kind: "Pod",
  metadata: { annotations },
  spec: { containers: [{ name: "c", image: "i", command: ["x"], args: ["y".repeat(filling)] }] },
});
const review = (object: { kind?: string }, more: object = {}) =>
  JSON.stringify({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { ...createRequest(object), ...more },
  });
const verdict = ({ body }: Answered) =>
  (JSON.parse(body) as { response: { allowed: boolean; status?: { code: number; message: string } } })
    .response;

describe("sec-09: bodies", () => {
  test("objects of 3 MiB are taken, and changes of 6 MiB; what is larger is refused in words", async () => {
    const large = pod(3 * mebibyte);
    expect(verdict(await send(review(large))).allowed).toBe(true);
    expect(verdict(await send(review(pod(), { operation: "UPDATE", oldObject: pod() }))).allowed).toBe(true);
    expect(verdict(await send(review(large, { operation: "UPDATE", oldObject: large }))).allowed).toBe(true);

    expect(verdict(await send(review(pod(4 * mebibyte)))).status).toMatchObject({
      code: 413,
      message: expect.stringContaining("3 MiB"),
    });
    for (const size of [7, 9, 20]) {
      const { code, body } = await send(review(pod(size * mebibyte)));
      expect([code, body]).toEqual([413, expect.stringContaining("3 MiB")]);
    }
  });

  test("60 that never end are held to 32 MiB: the oldest are given up, and reviews are answered meanwhile", async () => {
    const answers: string[] = [];
    const sockets = await Promise.all(
      Array.from({ length: 60 }, async () => {
        const socket = await raw();
        socket.once("data", (answer: Buffer) => answers.push(answer.toString().split("\r\n")[0] ?? ""));
        socket.write(head(`content-length: ${7 * mebibyte}`));
        socket.write(Buffer.alloc(6 * mebibyte, 0x20));
        return socket;
      }),
    );
    // 32 MiB have room for five.
    await expect.poll(() => answers.length).toBeGreaterThanOrEqual(55);
    // On a busy machine some run out of time before.
    expect(answers).toContain("HTTP/1.1 503 Service Unavailable");
    for (const answer of answers) expect(answer).toMatch(/ (503|408) /);
    expect(verdict(await send(review(pod()))).allowed).toBe(true);
    for (const socket of sockets) socket.destroy();
  });

  test("many small pieces count for what they take", async () => {
    const socket = await raw();
    const answer = status(socket);
    socket.setNoDelay(true);
    socket.write(head("transfer-encoding: chunked"));
    // Each chunk of one byte is a piece: 70,000 of them take more than 32 MiB.
    const chunks = "1\r\nx\r\n".repeat(1_000);
    for (let i = 0; i < 70 && !socket.destroyed; i++) socket.write(chunks);
    expect(await answer).toBe("HTTP/1.1 503 Service Unavailable");
    socket.destroy();
  });

  test("one that does not come, or not in time, ends with its connection", async () => {
    const [silent, slow, headless] = await Promise.all([raw(), raw(), raw()]);
    silent.write(head("content-length: 10"));
    slow.write(head("content-length: 1000"));
    headless.write("POST /");
    const dripping = setInterval(() => slow.write("x"), 500);
    const ended = [silent, slow, headless].map(async (socket) => {
      const said = await status(socket);
      if (!socket.closed) await once(socket, "close");
      return said;
    });
    expect(await Promise.all(ended)).toEqual(Array(3).fill("HTTP/1.1 408 Request Timeout"));
    clearInterval(dripping);
  }, 30_000);

  test("what is broken off is forgotten", async () => {
    for (let i = 0; i < 40; i++) {
      const socket = await raw();
      socket.write(head(`content-length: ${3 * mebibyte}`));
      await new Promise((resolve) => socket.write(Buffer.alloc(mebibyte), resolve));
      socket.destroy();
    }
    // Were the 40 MiB still counted, there would be no room for this one.
    expect(verdict(await send(review(pod(3 * mebibyte)))).allowed).toBe(true);
  });
});

describe("connections", () => {
  test("sec-09: are 512 at most, and many that send nothing, or slowly, keep nobody out", async () => {
    const agent = new Agent({ keepAlive: true });
    const patient = new Agent({ keepAlive: true });
    await send("", { agent: patient });
    const silent = await Promise.all(Array.from({ length: 300 }, () => raw()));
    const slow = await Promise.all(
      Array.from({ length: 300 }, async () => {
        const socket = await raw();
        socket.write(head("content-length: 1000"));
        return socket;
      }),
    );
    // On a busy machine some run out of time before.
    expect(dropped).toBeGreaterThan(0);
    expect(verdict(await send(review(pod()), { agent })).allowed).toBe(true);
    // The oldest went, and not the connection that had sent a whole request.
    await expect.poll(() => silent.filter(({ closed }) => closed).length).toBeGreaterThanOrEqual(89);
    expect((await send("", { agent: patient })).code).toBe(400);
    for (const socket of [...silent, ...slow]) socket.destroy();
    for (const each of [agent, patient]) each.destroy();
  }, 30_000);

  test("that are idle go when there is nothing else", async () => {
    const before = dropped;
    const agents = Array.from({ length: 513 }, () => new Agent({ keepAlive: true }));
    const codes: number[] = [];
    for (const agent of agents) codes.push((await send("", { agent })).code);
    expect(new Set(codes)).toEqual(new Set([400]));
    expect(dropped).toBeGreaterThan(before);
    for (const agent of agents) agent.destroy();
  }, 30_000);

  test("old protocols are refused, also with another certificate", async () => {
    const { certificate, key } = await renew("everything", undefined, ["localhost"], new Date());
    for (const prepare of [() => {}, () => server.usePair({ cert: certificate, key })]) {
      prepare();
      const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL:@SECLEVEL=0" } as const;
      await expect(raw(old)).rejects.toThrow();
      expect((await raw({ maxVersion: "TLSv1.2" })).destroy().destroyed).toBe(true);
    }
  });
});

describe("what is no review", () => {
  test.each(["", "{", "null", "\0", '{"apiVersion":"v1","kind":"Pod"}', "[".repeat(100_000)])(
    "%j is refused with 400",
    async (body) => expect((await send(body)).code).toBe(400),
  );

  test("other paths and methods are not served", async () => {
    expect((await send("", { path: "/" })).code).toBe(404);
    expect((await send(undefined, { path: "/metrics", method: "GET" })).code).toBe(404);
    expect((await send(undefined, { method: "GET" })).code).toBe(405);
    expect((await send("", { path: `${names.webhookPath}?timeout=10s` })).code).toBe(400);
  });

  test("a request with two lengths is refused", async () => {
    const socket = await raw();
    socket.write(head("content-length: 5\r\ntransfer-encoding: chunked"));
    expect(await status(socket)).toBe("HTTP/1.1 400 Bad Request");
    socket.destroy();
  });
});
