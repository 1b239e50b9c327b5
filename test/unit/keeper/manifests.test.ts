import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { retentionKeeper } from "../../../src/keeper/retention.ts";

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

const manifestOf = (i: number) =>
  JSON.stringify({
    repository: "ä",
    digest: `sha256:${i}`,
    pushed: "2026-01-01T00:00:00Z",
    tags: [],
    blobs: [],
  });

/** A keeper with so many manifests, which sends its answer in pieces of so many bytes. */
async function keeperWith(count: number, { piece = 65_536, status = 200, end = `],"problem":""}\n` } = {}) {
  let asked = 0;
  const server = createServer((_, response) => {
    asked++;
    const all = Array.from({ length: count }, (_, i) => `${manifestOf(i)}\n`).join(",");
    const content = Buffer.from(`{"manifests":[${all}${end}`);
    response.writeHead(status);
    for (let at = 0; at < content.length; at += piece) response.write(content.subarray(at, at + piece));
    response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  stops.push(() => server.close().closeAllConnections());
  let turns = 0;
  const { port } = server.address() as AddressInfo;
  const peer = { host: `127.0.0.1:${port}` };
  const keeper = retentionKeeper(peer, "token", new AbortController().signal, (work) => {
    turns++;
    return work();
  });
  const read = () => keeper.withInventory(async ({ manifests }) => manifests.length);
  return { keeper, read, asked: () => asked, turns: () => turns };
}

describe("the manifests of a registry", () => {
  test("are read at once where they are few", async () => {
    const { read, asked, turns } = await keeperWith(10_000);
    expect(await read()).toBe(10_000);
    expect([asked(), turns()]).toEqual([1, 0]);
  });

  test("are read in turn, anew, where they are many", async () => {
    const { read, asked, turns } = await keeperWith(10_001);
    expect(await read()).toBe(10_001);
    expect([asked(), turns()]).toEqual([2, 1]);
  });

  test("may come in pieces that end anywhere", async () => {
    const { keeper } = await keeperWith(3, { piece: 1 });
    const repositories = await keeper.withInventory(async ({ manifests: all }) =>
      all.map(({ repository }) => repository),
    );
    expect(repositories).toEqual(["ä", "ä", "ä"]);
  });

  test.each([
    ["is cut off", { end: "" }, "cannot be read"],
    ["has a problem", { end: `],"problem":"input/output error"}` }, "input/output error"],
    ["is no list", { status: 500 }, "answers with 500"],
  ])("are not believed when the answer %s", async (_, over, words) => {
    const { read } = await keeperWith(2, over);
    await expect(read()).rejects.toThrow(words);
  });
});
