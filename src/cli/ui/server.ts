import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Details, Held, Message } from "../../page/protocol.ts";
import { CliError } from "../output.ts";
import type { Assets } from "./assets.ts";
import { type Address, type AssetName, type Decision, decide, entering, headers } from "./decide.ts";

/** What the page shows. */
export interface Source {
  /** What a page needs that knows nothing yet. */
  readonly all: () => readonly Message[];
  /** Adds somebody who is told what changes; what is returned takes them away. */
  readonly subscribe: (tell: (message: Message) => void) => () => void;
  readonly step: (id: string) => Promise<Details>;
  readonly artifact: (id: string) => Promise<Held>;
}

/** A page that is served. */
export interface Served {
  /** With the token. */
  readonly url: string;
  readonly close: () => Promise<void>;
}

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};
/** So often an open page hears something, also where nothing changes: whoever hears nothing is cut off. */
const beatMs = 15_000;

/**
 * Serves the page at a port of this machine that nobody knows.
 *
 * @param source - what is shown
 * @param assets - files of the page
 * @param token - that the browser has to show
 */
export async function servePage(source: Source, assets: Assets, token: string): Promise<Served> {
  const server = createServer((request, response) => {
    const { port } = server.address() as AddressInfo;
    void answer(request, response, { source, assets, address: { port, token } });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/?token=${token}`,
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Site {
  readonly source: Source;
  readonly assets: Assets;
  readonly address: Address;
}

async function answer(request: IncomingMessage, response: ServerResponse, site: Site): Promise<void> {
  const { method = "", url = "" } = request;
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  const decision = decide({ method, url, headers: request.headers }, site.address);
  if (decision.kind === "events") return stream(response, site.source);
  const { status, more, body } = await bodyFor(decision, site);
  response.writeHead(status, more).end(body);
}

interface Answer {
  readonly status: number;
  readonly more: Readonly<Record<string, string>>;
  readonly body: string;
}

async function bodyFor(
  decision: Exclude<Decision, { kind: "events" }>,
  { source, assets, address }: Site,
): Promise<Answer> {
  switch (decision.kind) {
    case "refuse": {
      const allow = decision.status === 405 ? { allow: "GET" } : {};
      return {
        status: decision.status,
        more: { "content-type": "text/plain; charset=utf-8", ...allow },
        body: `${decision.text}\n`,
      };
    }
    case "enter":
      return { status: 303, more: entering(address), body: "" };
    case "asset":
      return { status: 200, more: { "content-type": typeOf(decision.name) }, body: assets[decision.name] };
    case "step":
      return json(() => source.step(decision.id));
    case "artifact":
      return json(() => source.artifact(decision.id));
  }
}

function typeOf(name: AssetName): string {
  return types[name.slice(name.lastIndexOf(".") + 1)] ?? "";
}

async function json(read: () => Promise<unknown>): Promise<Answer> {
  const more = { "content-type": "application/json" };
  try {
    return { status: 200, more, body: JSON.stringify(await read()) };
  } catch (error) {
    // What is a mistake of the program is printed, too; the page stays.
    if (!(error instanceof CliError)) console.error(error);
    return { status: 502, more, body: JSON.stringify({ error: (error as Error).message }) };
  }
}

/** A browser that reads slower than things change is given everything again when it has caught up. */
function stream(response: ServerResponse, source: Source): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  let isBehind = false;
  const send = (message: Message) => {
    if (response.writableNeedDrain) isBehind = true;
    else response.write(eventOf(message));
  };
  const sendAll = () => {
    isBehind = false;
    for (const message of source.all()) response.write(eventOf(message));
  };
  response.on("drain", () => {
    if (isBehind) sendAll();
  });
  const leave = source.subscribe(send);
  const beat = setInterval(() => response.write(": beat\n\n"), beatMs);
  response.on("close", () => {
    clearInterval(beat);
    leave();
  });
  sendAll();
}

/**
 * A message as an event: one line, whatever names it has in it.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export function eventOf(message: Message): string {
  return `data: ${JSON.stringify(message)}\n\n`;
}
