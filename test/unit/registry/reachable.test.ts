import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { askRegistry } from "../../../src/registry/reachable.ts";

/** A server that answers `GET /v2/` with a status, or never. */
async function registry(status: number | undefined): Promise<string> {
  const server = createServer((request, response) => {
    if (status !== undefined) response.writeHead(request.url === "/v2/" ? status : 500).end("secret words");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const ask = (host: string, allowed = true, signal = new AbortController().signal) =>
  askRegistry(
    `http://${host}`,
    { allowedHosts: new Set(allowed ? [host] : []), clusterNetworks: () => [] },
    signal,
  );

describe("I5: a remote registry", () => {
  test.each([200, 401])("that answers with %i is one", async (status) => {
    expect(await ask(await registry(status))).toMatchObject({ answers: true });
  });

  test.each([404, 302, 500])("that answers with %i is none; what it says is not told", async (status) => {
    const { answers, message, detail } = await ask(await registry(status));
    expect(answers).toBe(false);
    expect(message).not.toMatch(/secret|\b404\b|\b302\b|\b500\b/);
    expect(detail).toBe(`status ${status}`);
  });

  test("whose port is closed, or that never answers, is reported in the same words", async () => {
    const silent = await registry(undefined);
    const { message: ofSilent } = await ask(silent, true, AbortSignal.timeout(50));
    const { message: ofClosed, answers } = await ask("127.0.0.1:1");
    expect(answers).toBe(false);
    expect(ofSilent.replace(silent, "X")).toBe(ofClosed.replace("127.0.0.1:1", "X"));
  });

  test("at an address that is not public is not asked, unless the installation allows it", async () => {
    const host = await registry(200);
    expect(await ask(host, false)).toMatchObject({ answers: undefined });
  });
});
