import { type ClientRequest, type IncomingMessage, request, type ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { buildModule } from "../../dev/cluster/binaries.ts";
import { startRegistry, type TestRegistry } from "./registry.ts";

/** Names distribution 2.8, which `make test-extra` gets from Debian. */
export const debianRegistry = process.env["ORAS_OPERATOR_DEBIAN_REGISTRY"];

/**
 * Independent implementations, and one that uses every freedom of the specification. The agent's tests have the same ones.
 */
export const registries = [
  "distribution 3",
  ...(debianRegistry === undefined ? [] : (["distribution 2.8"] as const)),
  "go-containerregistry",
  "ociregistry",
  "strict",
] as const;

/** Starts one of {@link registries}. Only the strict one asks for a login, which is somebody with the password secret. */
export async function startOneOf(name: (typeof registries)[number]): Promise<TestRegistry> {
  const environment = { REGISTRY_STORAGE_DELETE_ENABLED: "true", REGISTRY_HTTP_SECRET: "test" };
  if (name === "distribution 3") return startRegistry({ environment });
  if (name === "distribution 2.8")
    return startRegistry({ environment, program: [debianRegistry ?? "", "serve"] });
  return startRegistry({ program: [join(await buildModule("registries"), "registries"), name] });
}

/** A proxy that ends TLS before a registry. */
export interface Front {
  readonly host: string;
  /** Breaks the connection in the middle of so many of the next blobs. */
  readonly cut: (times: number) => void;
  readonly cuts: () => number;
  readonly stop: () => void;
}

/**
 * Starts a proxy that ends TLS.
 *
 * @param host - of the registry
 * @param pair - certificate and key
 * @param told - whether it tells the registry that its client speaks TLS, which not all do
 */
export async function startFront(
  host: string,
  pair: { readonly cert: string; readonly key: string },
  told: boolean,
): Promise<Front> {
  let left = 0;
  let cuts = 0;
  const answer = (asked: IncomingMessage, from: IncomingMessage, to: ServerResponse) => {
    to.writeHead(from.statusCode ?? 0, from.headers);
    const most = Number(from.headers["content-length"]) / 2;
    const isBlob = asked.method === "GET" && (from.statusCode ?? 0) < 300 && asked.url?.includes("sha256");
    if (!isBlob || left === 0 || Number.isNaN(most)) return void from.pipe(to);
    left--;
    cuts++;
    let sent = 0;
    from.on("data", (chunk: Buffer) => {
      if (sent < most) to.write(chunk.subarray(0, most - sent), () => sent >= most && to.destroy());
      sent += chunk.length;
    });
  };
  const server: Server = createServer(pair, (asked, to) => {
    const { hostname, port } = new URL(`http://${host}`);
    const headers = { ...asked.headers, ...(told ? { "x-forwarded-proto": "https" } : {}) };
    const { method, url: path } = asked;
    const sent: ClientRequest = request({ hostname, port, method, path, headers }, (from) =>
      answer(asked, from, to),
    );
    sent.on("error", () => to.destroy());
    asked.pipe(sent);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    host: `localhost:${(server.address() as AddressInfo).port}`,
    cut: (times) => {
      left = times;
    },
    cuts: () => cuts,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
