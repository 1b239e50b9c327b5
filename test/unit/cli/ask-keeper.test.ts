import { createServer as createPlain, type ServerResponse } from "node:http";
import { createServer as createTls } from "node:https";
import type { AddressInfo, Server } from "node:net";
import { connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import type WebSocket from "ws";
import { WebSocketServer } from "ws";
import { issueCa, issueServer, type KeyPair } from "../../../src/certificates/issue.ts";
import { exits } from "../../../src/cli/exits.ts";
import { inventoryOf, roomOf } from "../../../src/cli/remote/ask-keeper.ts";
import { assertTakes } from "../../../src/cli/remote/fullness.ts";
import type { OpenRegistry } from "../../../src/cli/remote/open.ts";
import type { Session } from "../../../src/cli/remote/session.ts";
import { storedCache } from "../../support/cache.ts";

const host = "oras-0.oras.runs.svc.cluster.local";
const ca = await issueCa("keeper", 1, new Date());
const line = JSON.stringify({ repository: "a/b", digest: "sha256:1", pushed: "", tags: [], blobs: [] });
const answer = `{"manifests":[${line}\n],"problem":""}`;

type Finished = typeof onTestFinished;

async function listening(server: Server, finished: Finished = onTestFinished): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  finished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** A person's session at an API server that forwards each port of a Pod to one of this machine; without one it forbids that. */
async function sessionTo(port: number | undefined, finished?: Finished): Promise<Session> {
  const server = createPlain();
  const sockets = new WebSocketServer({ noServer: true });
  server.on("upgrade", (incoming, socket, head) => {
    if (port === undefined) socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\n{}");
    else sockets.handleUpgrade(incoming, socket, head, (forwarded) => forward(forwarded, port));
  });
  const url = new URL(`http://127.0.0.1:${await listening(server, finished)}`);
  return {
    client: { request: async () => ({ data: { "ca.crt": ca.certificate } }) },
    connection: { server: url, options: async () => ({}), close: () => {} },
    namespace: "runs",
    kubectlOptions: "",
    close: () => {},
  } as unknown as Session;
}

function forward(forwarded: WebSocket, port: number): void {
  const pod = connect(port, "127.0.0.1");
  const says = (bytes: Buffer) => forwarded.send(Buffer.concat([Buffer.of(0), bytes]), () => {});
  says(Buffer.of(0, 0));
  pod.on("data", says).on("error", () => forwarded.close());
  forwarded.on("message", (message: Buffer) => pod.write(message.subarray(1)));
  forwarded.on("close", () => pod.destroy());
}

async function keeper(served: KeyPair | undefined): Promise<Session> {
  const options = served === undefined ? undefined : { cert: served.certificate, key: served.key };
  const server = options === undefined ? createPlain() : createTls(options);
  server.on("request", (_, response) => response.end(answer));
  return sessionTo(await listening(server));
}

const cacheAt = (scheme: string) => ({
  ...storedCache(),
  status: { conditions: [], url: `${scheme}://${host}:5000` },
});

it("the keeper of a registry without TLS is asked in plain HTTP", async () => {
  const { manifests } = await inventoryOf(await keeper(undefined), cacheAt("http"));
  expect(manifests).toHaveLength(1);
});

it("the keeper of a registry that serves TLS is asked by TLS, and must be who it says", async () => {
  const served = await issueServer(ca, [host], 1, new Date());
  const { manifests } = await inventoryOf(await keeper(served), cacheAt("https"));
  expect(manifests).toHaveLength(1);
  const another = await issueServer(ca, ["other.runs.svc"], 1, new Date());
  await expect(inventoryOf(await keeper(another), cacheAt("https"))).rejects.toThrow(host);
});

it("a keeper that does not serve TLS where it should is not waited for", async () => {
  await expect(inventoryOf(await keeper(undefined), cacheAt("https"))).rejects.toThrow();
});

it("whoever may not forward ports reads which right is missing", async () => {
  const denied = inventoryOf(await sessionTo(undefined), cacheAt("http"));
  await expect(denied).rejects.toMatchObject({
    exitCode: exits.denied,
    message: expect.stringContaining("pods/portforward"),
  });
});

describe.concurrent("a keeper that takes a request and says nothing", () => {
  it("is not waited for", async ({ onTestFinished: finished }) => {
    const session = await hanging(() => {}, finished);
    await expect(inventoryOf(session, cacheAt("http"))).rejects.toThrow("it says nothing for 5 seconds");
  });

  it("is not waited for in the middle of an answer", async ({ onTestFinished: finished }) => {
    const session = await hanging((response) => response.write('{"manifests":['), finished);
    await expect(inventoryOf(session, cacheAt("http"))).rejects.toThrow("it says nothing for 5 seconds");
  });

  it("is known by status within seconds", async ({ onTestFinished: finished }) => {
    const session = await hanging(() => {}, finished);
    await expect(roomOf(session, cacheAt("http"))).rejects.toThrow("it says nothing for 3 seconds");
  });

  it("is known where its port does not take connections", async ({ onTestFinished: finished }) => {
    const session = await sessionTo(1, finished);
    await expect(roomOf(session, cacheAt("http"))).rejects.toThrow();
  });
});

function hanging(begin: (response: ServerResponse) => void, finished: Finished): Promise<Session> {
  const server = createPlain((_, response) => begin(response));
  return listening(server, finished).then((port) => sessionTo(port, finished));
}

describe.concurrent("what is pushed to a cache", () => {
  const mi = 2 ** 20;
  const limited = { storage: { emptyDir: { sizeLimit: "20Mi" } } };
  const openWith = async (
    room: object | undefined,
    { spec = limited, metadata = {}, storage }: { spec?: object; metadata?: object; storage?: object } = {},
    finished?: Finished,
  ): Promise<OpenRegistry> => {
    const server = createPlain((_, response) => response.end(JSON.stringify(room)));
    const session = await sessionTo(room === undefined ? 1 : await listening(server, finished), finished);
    const cache = storedCache();
    return {
      of: {
        session,
        cache: {
          metadata: { ...cache.metadata, ...metadata },
          spec: { ...cache.spec, ...spec },
          status: { conditions: [], url: `http://${host}:5000`, storage },
        },
      },
    } as unknown as OpenRegistry;
  };
  const space = (used: number) => ({
    capacity: 20 * mi,
    used: used * mi,
    free: (20 - used) * mi,
    refuseAt: 95,
  });

  it("has room", async ({ onTestFinished: finished }) => {
    const open = await openWith(space(1), {}, finished);
    expect(await assertTakes(open, 2 * mi)).toEqual([]);
    const [warning, ...others] = await assertTakes(open, 16 * mi);
    expect(warning).toContain("will be 85 % full; from 95 % on");
    expect(others).toEqual([]);
  });

  it("is refused where it would bring the volume to refuseAt", async ({ onTestFinished: finished }) => {
    const open = await openWith(space(1), {}, finished);
    await expect(assertTakes(open, 23 * mi)).rejects.toMatchObject({
      exitCode: exits.failed,
      message: expect.stringMatching(/5 % full .*23Mi more would make that 120 %.*Nothing was pushed.* rm/),
    });
  });

  it("is refused where the volume is full already", async ({ onTestFinished: finished }) => {
    const open = await openWith(space(19.5), {}, finished);
    await expect(assertTakes(open, 0)).rejects.toThrow("from 95 % on nothing is put");
  });

  it("is refused by the status where the keeper says nothing", async ({ onTestFinished: finished }) => {
    const storage = { kind: "emptyDir", capacity: "20Mi", fullPercent: 97 };
    await expect(assertTakes(await openWith(undefined, { storage }, finished), 0)).rejects.toThrow(
      "97 % full",
    );
    const [first, second] = await assertTakes(await openWith({ free: "much" }, {}, finished), 1);
    expect(first).toContain("Whether there is room is not known");
    expect(second).toBeUndefined();
  });

  it("is refused while the cache is being deleted", async ({ onTestFinished: finished }) => {
    const metadata = { deletionTimestamp: "2026-01-02T03:04:05Z" };
    await expect(assertTakes(await openWith(space(1), { metadata }, finished), 0)).rejects.toThrow(
      "is being deleted",
    );
  });

  it("is not measured in S3, or in a registry that is no cache's", async ({ onTestFinished: finished }) => {
    const spec = { storage: { s3: { bucket: "b", region: "r" } } };
    expect(await assertTakes(await openWith(undefined, { spec }, finished), 2 ** 50)).toEqual([]);
    expect(await assertTakes({} as OpenRegistry, 2 ** 50)).toEqual([]);
  });
});
