import { createServer, type RequestListener } from "node:http";
import type { Registry } from "prom-client";
import { optionTable } from "../../schema/options.ts";
import { sentenceOf } from "../kube/errors.ts";
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

/** An option of the process that is a port. */
type PortOption = "webhookPort" | "metricsPort" | "healthPort";

/**
 * Waits until something is served at the port of an option.
 *
 * @param option - that has the port
 * @param port - its value
 * @param served - as it is started
 * @returns it
 * @throws where that cannot be, in a sentence with the option
 */
export async function servedAt<T>(option: PortOption, port: number, served: Promise<T>): Promise<T> {
  try {
    return await served;
  } catch (error) {
    throw new Error(whyNotServed(option, port, error), { cause: error });
  }
}

function whyNotServed(option: PortOption, port: number, error: unknown): string {
  const { name = option, env } = optionTable.find(({ key }) => key === option) ?? {};
  const place = `port ${port} of --${name}`;
  const another = `--${name}, or the variable ${env}`;
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE")
    return `Another program, or another option of this one, has taken ${place}. End that program, or give another port: ${another}.`;
  if (code === "EACCES")
    return `This process may not listen at ${place}: most systems keep those below 1024 for root. Give another port: ${another}.`;
  return `Nothing can be served at ${place}: ${sentenceOf(error)}. Give another port: ${another}.`;
}

async function serve(port: number, listener: RequestListener): Promise<Endpoint> {
  const server = createServer(boundedServer, listener);
  return {
    port: await listen(server, port, mostConnections),
    close: () => close(server, 0),
  };
}
