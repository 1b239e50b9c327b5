import type { ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { afterEach, expect, test, vi } from "vitest";
import { names } from "../../../schema/names.ts";
import { renew, toSecret } from "../../../src/certificates/renew.ts";
import { certificateFromSecret, webhookHosts } from "../../../src/certificates/secret.ts";
import { type ScriptedServer, startScriptedServer } from "../../support/api-server.ts";

const day = 86_400_000;
const present = Date.parse("2026-11-26T12:00:00Z");
let server: ScriptedServer | undefined;
let ended = new AbortController();
afterEach(() => {
  ended.abort();
  ended = new AbortController();
  server?.close();
  vi.useRealTimers();
});

/** An API server with a clock of its own, and the Secret that another replica wrote. */
async function startServer(data: Record<string, string>, written: unknown[]) {
  const secret = {
    metadata: { name: names.webhookSecret, namespace: "system", uid: "1", resourceVersion: "1" },
    data,
  };
  const say = (response: ServerResponse, body: unknown) =>
    response.writeHead(200, { date: new Date(present).toUTCString() }).write(JSON.stringify(body));
  server = await startScriptedServer(async (url, response, request) => {
    if (request.method !== "GET") {
      written.push(await json(request));
      say(response, written.at(-1));
      response.end();
    } else if (url.searchParams.has("watch")) response.writeHead(200).flushHeaders();
    else {
      say(response, { metadata: { resourceVersion: "1" }, items: [secret] });
      response.end();
    }
  });
  return server.client;
}

test.each([
  ["months ahead", 70],
  ["years ahead", 5000],
  ["days behind", -3],
])("a replica whose clock is %s keeps a certificate that the API server takes", async (_, days) => {
  const hosts = webhookHosts("system");
  const data = toSecret(await renew("everything", undefined, hosts, new Date(present)));
  vi.useFakeTimers({ toFake: ["Date"], now: present + days * day });
  const written: unknown[] = [];
  const issued: string[] = [];
  const client = await startServer(data, written);
  const source = certificateFromSecret({
    client,
    namespace: "system",
    onChange: () => {},
    onCaBundle: () => {},
    onIssued: (action) => issued.push(action),
    onTrouble: () => {},
    signal: ended.signal,
  });
  expect((await source.first).cert).toBe(Buffer.from(data["tls.crt"] ?? "", "base64").toString());
  // What it has begun when its signal ends it, it finishes.
  await new Promise((resolve) => setImmediate(resolve));
  ended.abort();
  await source.stopped;
  expect({ issued, written }).toEqual({ issued: [], written: [] });
});
