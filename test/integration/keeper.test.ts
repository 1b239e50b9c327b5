import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { type AddressInfo, createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { registryCas } from "../../src/certificates/registry-cas.ts";
import { askKeeper, keeperAt } from "../../src/keeper/ask.ts";
import { askReport } from "../../src/keeper/report.ts";
import type { Peer, Trust } from "../../src/registry/peer.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { fullListener } from "../support/full-listener.ts";
import { freePort } from "../support/ports.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const signal = new AbortController().signal;
const key = cacheKey("secret", { name: "oras", namespace: "default" });

const servername = "oras-0.oras.default.svc.cluster.local";

let agent: string;
beforeAll(async () => {
  agent = await agentProgram();
});

async function startKeeper(...options: string[]): Promise<Peer> {
  const [folder, data] = [temporaryFolder("key"), temporaryFolder("data")];
  writeFileSync(join(folder, "key"), key);
  const [port, metrics] = [await freePort(), await freePort()];
  start([
    ...[agent, "keep", `--key=${folder}`, `--data=${data}`, "--cache-uid=6b3f"],
    ...[`--listen=127.0.0.1:${port}`, `--metrics=127.0.0.1:${metrics}`],
    ...[`--message-path=${join(folder, "message")}`, ...options],
  ]);
  const trust = options.length > 0 ? { ca: await registryCas(key, new Date()), servername } : undefined;
  const peer = { host: `127.0.0.1:${port}`, trust };
  await until(
    async () => (await askReport(peer, keeperToken(key), names.memoRepository, signal)).report !== undefined,
    "the keeper",
  );
  return peer;
}

test("a keeper tells the operator how full its registry is, and nobody else", async () => {
  const peer = await startKeeper();
  const { usage } = (await askReport(peer, keeperToken(key), names.memoRepository, signal)).report ?? {};
  expect(usage).toMatchObject({ artifacts: 0, bytes: 0, volume: expect.any(String) });
  expect(usage?.notWritable).toBeUndefined();
  expect(await askReport(peer, keeperToken(`${key}x`), names.memoRepository, signal)).toEqual({
    fault: { kind: "unauthorized", detail: "it answers with status 401" },
  });
});

test("a keeper is trusted by the CA that the operator derives, under its names, and nobody else's is", async () => {
  const peer = await startKeeper(`--tls=${join(temporaryFolder("tls"), "tls.pem")}`, `--name=${servername}`);
  const ask = (trust: Partial<Trust>) =>
    askReport(
      { ...peer, trust: { ...(peer.trust as Trust), ...trust } },
      keeperToken(key),
      names.memoRepository,
      signal,
    );
  expect((await ask({})).report?.served).toEqual({ problem: undefined, authors: "" });
  expect((await ask({ servername: "localhost" })).report).toBeDefined();
  expect(await ask({ servername: "other" })).toMatchObject({
    fault: { kind: "tls", detail: expect.stringContaining("does not match") },
  });
  expect((await ask({ ca: await registryCas(`${key}x`, new Date()) })).fault?.kind).toBe("tls");
  // The bundle of a year before or after has the CA of now.
  for (const days of [-365, 365]) {
    const then = new Date(Date.now() + days * 24 * 3_600_000);
    expect((await ask({ ca: await registryCas(key, then) })).report).toBeDefined();
  }
  expect((await ask({ ca: await registryCas(key, new Date(0)) })).fault?.kind).toBe("tls");
});

test("why a keeper is not reached is told apart", async () => {
  const keeper = await startKeeper();
  const trust = { ca: await registryCas(key, new Date()), servername };
  const kindOf = async (peer: Peer) =>
    (await askReport(peer, keeperToken(key), names.memoRepository, signal)).fault?.kind;
  expect(await kindOf({ host: `127.0.0.1:${await freePort()}` })).toBe("refused");
  // It speaks no TLS.
  expect(await kindOf({ ...keeper, trust })).toBe("tls");
  const resets = createTcpServer((socket) => socket.once("data", () => socket.resetAndDestroy()));
  await once(resets.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => void resets.close());
  const host = `127.0.0.1:${(resets.address() as AddressInfo).port}`;
  expect(await kindOf({ host })).toBe("answer");
  expect(await kindOf({ host, trust })).toBe("tls");
  // A backlog that is full drops the first packet of a connection, as a NetworkPolicy does.
  const full = await fullListener();
  expect(await askReport({ host: full }, keeperToken(key), names.memoRepository, signal)).toEqual({
    fault: { kind: "timeout", detail: "no connection within 5 seconds" },
  });
});

test("a request has a body, and its answer another one", async () => {
  const peer = await startKeeper();
  const ask = (method: "PUT" | "POST", path: string, body: unknown) =>
    askKeeper(keeperAt(peer, keeperToken(key)), { method, path, body, mostBytes: 1024, signal });
  expect(await ask("PUT", "/users", ["oras-1"])).toMatchObject({
    status: 409,
    body: { error: expect.stringContaining("no users") },
  });
  expect((await ask("POST", "/sweep", { grace: 3600, dryRun: true })).status).toBe(202);
});

test("an answer without end, and one that is none, are not believed", async () => {
  const server = createServer((request, response) => {
    if (request.url === "/none") response.end("nonsense");
    else response.end(" ".repeat(100_000));
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const peer = { host: `127.0.0.1:${port}` };
  expect((await askReport(peer, "token", names.memoRepository, signal)).fault).toEqual({
    ...{ kind: "answer", detail: expect.stringContaining("more than 65536 bytes") },
  });
  const request = { method: "GET", path: "/none", mostBytes: 1024, signal } as const;
  expect(await askKeeper(keeperAt(peer, "token"), request)).toEqual({ status: 200, body: undefined });
  await expect(askKeeper(keeperAt(peer, "token"), { ...request, path: "/long" })).rejects.toThrow(
    "1024 bytes",
  );
  server.close();
});
