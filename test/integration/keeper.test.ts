import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { registryCas } from "../../src/certificates/registry-cas.ts";
import { askKeeper, keeperAt } from "../../src/keeper/ask.ts";
import { askReport } from "../../src/keeper/report.ts";
import type { Peer, Trust } from "../../src/registry/peer.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
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
  await until(async () => (await askReport(peer, keeperToken(key), signal)) !== undefined, "the keeper");
  return peer;
}

test("a keeper tells the operator how full its registry is, and nobody else", async () => {
  const peer = await startKeeper();
  const { usage } = (await askReport(peer, keeperToken(key), signal)) ?? {};
  expect(usage).toMatchObject({ artifacts: 0, bytes: 0, volume: expect.any(String) });
  expect(usage?.notWritable).toBeUndefined();
  expect(await askReport(peer, keeperToken(`${key}x`), signal)).toBeUndefined();
});

test("a keeper is trusted by the CA that the operator derives, under its names, and nobody else's is", async () => {
  const peer = await startKeeper(`--tls=${join(temporaryFolder("tls"), "tls.pem")}`, `--name=${servername}`);
  const ask = (trust: Partial<Trust>) =>
    askReport({ ...peer, trust: { ...(peer.trust as Trust), ...trust } }, keeperToken(key), signal);
  expect((await ask({}))?.served).toEqual({ problem: undefined, authors: "" });
  expect(await ask({ servername: "localhost" })).toBeDefined();
  expect(await ask({ servername: "other" })).toBeUndefined();
  expect(await ask({ ca: await registryCas(`${key}x`, new Date()) })).toBeUndefined();
  // The bundle of a year before or after has the CA of now.
  for (const days of [-365, 365]) {
    const then = new Date(Date.now() + days * 24 * 3_600_000);
    expect(await ask({ ca: await registryCas(key, then) })).toBeDefined();
  }
  expect(await ask({ ca: await registryCas(key, new Date(0)) })).toBeUndefined();
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
  expect(await askReport(peer, "token", signal)).toBeUndefined();
  const request = { method: "GET", path: "/none", mostBytes: 1024, signal } as const;
  expect(await askKeeper(keeperAt(peer, "token"), request)).toEqual({ status: 200, body: undefined });
  await expect(askKeeper(keeperAt(peer, "token"), { ...request, path: "/long" })).rejects.toThrow(
    "1024 bytes",
  );
  server.close();
});
