import { existsSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, request } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { fakePod, startRegistry, type TestRegistry, toolsTree } from "../support/sidecar.ts";

let tools: Awaited<ReturnType<typeof toolsTree>>;
let registry: TestRegistry;

beforeAll(async () => {
  tools = await toolsTree();
  registry = await startRegistry();
}, 900_000);
afterAll(() => registry.stop());

/** What a registry does wrong: a status, or what it makes of a blob; nothing where it does right. */
type Fault = (asked: IncomingMessage) => number | ((content: Buffer) => Buffer | "cut") | undefined;

/** Starts a registry that is right but for a fault. */
async function faulty(fault: Fault): Promise<{ url: string; close: () => void }> {
  const server = createServer((asked, answer) => {
    const wrong = fault(asked);
    if (typeof wrong === "number") {
      asked.resume();
      answer.writeHead(wrong, { "content-type": "application/json" });
      answer.end(`{"errors":[{"code":"MADE_UP","message":"made up"}]}`);
      return;
    }
    const { method, headers } = asked;
    const right = request(`${registry.url}${asked.url}`, { method, headers }, async (given) => {
      answer.writeHead(given.statusCode ?? 500, given.headers);
      if (wrong === undefined) {
        given.pipe(answer);
        return;
      }
      const content = wrong(Buffer.concat(await given.toArray()));
      if (content === "cut") answer.socket?.destroy();
      else answer.end(content);
    });
    right.on("error", () => answer.destroy()); // the client has gone
    asked.pipe(right);
  });
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  };
}

const isBlob = ({ method, url }: IncomingMessage) => method === "GET" && url?.includes("/blobs/");
const isManifest = ({ method, url }: IncomingMessage) => method === "PUT" && url?.includes("/manifests/");

/** Runs a step that pushes one small file. */
async function push(url: string, name: string) {
  const ref = `${url}/faults/${name}:1`;
  const pod = fakePod(tools);
  const init = await pod.init("--output", ref, "--message-path", pod.message);
  if (init.code !== 0) return { pod, init };
  const message = `${pod.message}-push`;
  const pusher = pod.pusher(
    "--output",
    ref,
    "--restart-policy",
    "Never",
    "--timeout",
    "1",
    "--message-path",
    message,
  );
  const program = ["sh", "-c", `echo ${name} > x`];
  const launcher = await pod.launcher(["--output", "true", "--output-path", "x"], program).ended;
  return { pod, init, launcher, pusher: await pusher.ended, said: readFileSync(message, "utf8") };
}

describe.concurrent("a registry that", () => {
  it("denies uploads is found out before the program runs", async () => {
    const { url, close } = await faulty(({ method }) => (method === "POST" ? 403 : undefined));
    const { init } = await push(url, "denies-uploads");
    close();
    expect(init.code).toBe(exitCodes.denied.code);
  });

  it.each([
    ["denies the manifest", (asked: IncomingMessage) => (isManifest(asked) ? 403 : undefined), "status 403"],
    ["denies the blob", ({ method }: IncomingMessage) => (method === "PUT" ? 401 : undefined), "status 401"],
    // oras tries again beneath its own trace, so what it heard is not known before it gives up.
    [
      "fails",
      (asked: IncomingMessage) => (isManifest(asked) ? 500 : undefined),
      "did not take it within 1 s",
    ],
  ])("%s fails the pusher alone, and nothing is tagged", async (what, fault, reason) => {
    const { url, close } = await faulty(fault);
    const name = what.replaceAll(" ", "-");
    const { launcher, pusher, said } = await push(url, name);
    close();
    expect(launcher).toMatchObject({ code: 0 });
    expect(pusher).toMatchObject({ code: exitCodes.pushFailed.code });
    expect(said).toContain(reason);
    const input = `${registry.url}/faults/${name}:1`;
    const { code } = await fakePod(tools).init("--input", input, "--message-path", "/dev/null");
    expect(code).toBe(exitCodes.inputNotFound.code);
  });

  it.each([
    ["changes a blob", (content: Buffer) => Buffer.from(content.toReversed()), "mismatched digest"],
    ["breaks off", () => "cut" as const, "EOF"],
  ])("%s fails the pull, and no program runs", async (what, make, reason) => {
    const name = what.replaceAll(" ", "-");
    expect((await push(registry.url, name)).pusher).toMatchObject({ code: 0 });
    const { url, close } = await faulty((asked) => (isBlob(asked) ? make : undefined));
    const pod = fakePod(tools);
    const input = `${url}/faults/${name}:1`;
    const { code } = await pod.init("--input", input, "--timeout", "1", "--message-path", pod.message);
    close();
    expect(code).toBe(exitCodes.registryUnavailable.code);
    expect(readFileSync(pod.message, "utf8")).toContain(reason);
    expect(existsSync(join(pod.share, "0/inputs/0/digest"))).toBe(false);
  });

  it("is busy for a while delays the pull", async () => {
    expect((await push(registry.url, "busy")).pusher).toMatchObject({ code: 0 });
    let left = 7;
    const { url, close } = await faulty(() => (left-- > 0 ? 503 : undefined));
    const { code, stderr } = await fakePod(tools).init("--input", `${url}/faults/busy:1`);
    close();
    expect(code, stderr).toBe(0);
    expect(stderr).not.toContain("Terminated");
    expect(stderr).toContain("status 503");
  });
});
