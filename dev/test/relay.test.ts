import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { expect, it, onTestFinished } from "vitest";
import { withRelay } from "../cluster/relay.ts";

/** What answers: each connection by what `answer` does with it. */
async function serve(answer: (socket: Socket) => void): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

const here = (port: number) => ({ host: "127.0.0.1", port, enter: (argv: readonly string[]) => argv });
const ask = (port: number, allowHalfOpen = false) => connect({ port, host: "127.0.0.1", allowHalfOpen });
const relays = async () => (await readdir(tmpdir())).filter((name) => name.startsWith("relay-"));

it("answers as what it stands for, also after the asker has said all, and leaves nothing", async () => {
  const target = await serve(
    (socket) => void text(socket).then((said) => socket.end(`heard ${said.length}`)),
  );
  const before = await relays();
  const said = "x".repeat(1_000_000);
  const heard = await withRelay(here(target), (port) =>
    Promise.all(Array.from({ length: 10 }, () => text(ask(port, true).end(said)))),
  );
  expect(heard).toEqual(Array(10).fill(`heard ${said.length}`));
  expect(await relays()).toEqual(before);
});

it("tells the asker of a connection that breaks, and goes on", async () => {
  let broken = 0;
  const target = await serve((socket) => {
    if (broken++ === 0) socket.resetAndDestroy();
    else socket.end("again");
  });
  await withRelay(here(target), async (port) => {
    await once(ask(port).resume(), "close");
    expect(await text(ask(port))).toBe("again");
  });
});

it("ends connections whose target does not answer", async () => {
  await withRelay(here(1), async (port) => {
    await once(ask(port).resume(), "close");
  });
});

it("says that a network cannot be entered", async () => {
  const enter = () => ["false"];
  await expect(withRelay({ host: "127.0.0.1", port: 1, enter }, async () => {})).rejects.toThrow(
    "cannot be entered",
  );
});
