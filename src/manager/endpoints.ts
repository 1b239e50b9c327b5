import { createServer, type RequestListener } from "node:http";
import type { Registry } from "prom-client";
import { boundedServer, close, listen } from "../webhook/listener.ts";

/** A small HTTP server. */
export interface Endpoint {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** Kubelets and Prometheus need a handful. */
const mostConnections = 64;

/**
 * Serves `/healthz`, which answers while the process does, and `/readyz`, which says what it waits for.
 *
 * @param port - 0 for any
 * @param waitsFor - what this replica waits for before it can answer reviews; empty when it can
 */
export function serveHealth(port: number, waitsFor: () => readonly string[]): Promise<Endpoint> {
  return serve(port, (request, response) => {
    const path = request.url?.split("?")[0];
    if (path === "/healthz") response.end("ok");
    else if (path === "/readyz") {
      const missing = waitsFor();
      response.statusCode = missing.length === 0 ? 200 : 503;
      response.end(missing.length === 0 ? "ok" : `waiting for: ${missing.join(", ")}`);
    } else response.writeHead(404).end();
  });
}

/**
 * Serves `/metrics` for Prometheus.
 *
 * @param port - 0 for any
 * @param registry - with the metrics
 */
export function serveMetrics(port: number, registry: Registry): Promise<Endpoint> {
  return serve(port, (request, response) => {
    if (request.url?.split("?")[0] !== "/metrics") {
      response.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => response.writeHead(200, { "content-type": registry.contentType }).end(text),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
}

/**
 * Waits until all endpoints are served.
 *
 * @param endpoints - as they are started
 * @returns them
 * @throws what the first throws that cannot be served; the others are closed then, as the process would not end while they listen
 */
export async function allServed(endpoints: readonly Promise<Endpoint>[]): Promise<Endpoint[]> {
  try {
    return await Promise.all(endpoints);
  } catch (error) {
    const started = await Promise.allSettled(endpoints);
    await Promise.all(started.map((one) => (one.status === "fulfilled" ? one.value.close() : undefined)));
    throw error;
  }
}

async function serve(port: number, listener: RequestListener): Promise<Endpoint> {
  const server = createServer(boundedServer, listener);
  return {
    port: await listen(server, port, mostConnections),
    close: () => close(server, 0),
  };
}
