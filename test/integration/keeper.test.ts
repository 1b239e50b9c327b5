import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { askKeeper } from "../../src/keeper/ask.ts";
import { askUsage } from "../../src/keeper/report.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { freePort } from "../support/ports.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";

const signal = new AbortController().signal;
const key = cacheKey("secret", { name: "oras", namespace: "default" });

let agent: string;
beforeAll(async () => {
  agent = await agentProgram();
});

async function startKeeper(): Promise<string> {
  const [folder, data] = [temporaryFolder("key"), temporaryFolder("data")];
  writeFileSync(join(folder, "key"), key);
  const [port, metrics] = [await freePort(), await freePort()];
  start([
    ...[agent, "keep", `--key=${folder}`, `--data=${data}`, "--cache-uid=6b3f"],
    ...[`--listen=127.0.0.1:${port}`, `--metrics=127.0.0.1:${metrics}`],
    `--message-path=${join(folder, "message")}`,
  ]);
  const address = `127.0.0.1:${port}`;
  await until(async () => (await askUsage(address, keeperToken(key), signal)) !== undefined, "the keeper");
  return address;
}

test("a keeper tells the operator how full its registry is, and nobody else", async () => {
  const address = await startKeeper();
  const usage = await askUsage(address, keeperToken(key), signal);
  expect(usage).toMatchObject({ artifacts: 0, bytes: 0, volume: expect.any(String) });
  expect(usage?.notWritable).toBeUndefined();
  expect(await askUsage(address, keeperToken(`${key}x`), signal)).toBeUndefined();
});

test("a request has a body, and its answer another one", async () => {
  const address = await startKeeper();
  const ask = (method: "PUT" | "POST", path: string, body: unknown) =>
    askKeeper(address, keeperToken(key), { method, path, body, mostBytes: 1024, signal });
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
  const address = `127.0.0.1:${port}`;
  expect(await askUsage(address, "token", signal)).toBeUndefined();
  const request = { method: "GET", path: "/none", mostBytes: 1024, signal } as const;
  expect(await askKeeper(address, "token", request)).toEqual({ status: 200, body: undefined });
  await expect(askKeeper(address, "token", { ...request, path: "/long" })).rejects.toThrow("1024 bytes");
  server.close();
});
