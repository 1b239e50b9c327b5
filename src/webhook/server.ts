import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { names } from "../../schema/names.ts";
import type { ServingPair } from "../certificates/source.ts";
import { type Body, createBodyReader } from "./bodies.ts";
import { boundedServer, close, listen } from "./listener.ts";
import { type Answered, createResponder, longestReview, type ResponderSettings } from "./respond.ts";
import { uidIn, writeReview } from "./review.ts";

/** How the webhook is served. */
export interface AdmissionSettings extends ResponderSettings {
  readonly pair: ServingPair;
  readonly port: number;
  readonly metrics: ResponderSettings["metrics"] & ServerObserver;
}

/** Told of requests, for metrics. */
export interface ServerObserver {
  /** One was answered, with this HTTP status. */
  readonly observeReview: (path: string, code: number, seconds: number) => void;
  /** Connections were closed, because there are too many. */
  readonly connectionDropped: () => void;
}

/** The running webhook. */
export interface AdmissionServer {
  readonly port: number;
  /** Serves new connections with another certificate; those that are open go on. */
  readonly usePair: (pair: ServingPair) => void;
  /**
   * Ends it without failing a review: for a while every answer asks the API server to come by another
   * connection, which leads to another replica; then no connection is taken, and what is running is finished.
   */
  readonly drain: (graceMs: number) => Promise<void>;
}

/**
 * API servers keep idle connections for 90 seconds. They must be the ones that close: a request that meets a
 * closing connection would fail, and with it the creation of a Pod.
 */
const keepAliveTimeout = 120_000;
const longestDrainMs = 15_000;
/** Each takes some 50 KiB. An API server has one for each review that it waits for. */
const mostConnections = 512;
/** All bodies that are coming: some ten of the longest, and thousands of those that are usual. */
const mostBodyBytes = 32 * 2 ** 20;
const text = "text/plain; charset=utf-8";
const refusals = {
  "too long": {
    code: 413,
    message: `${names.operatorName} takes objects of 3 MiB of JSON, and changes of 6 MiB with both objects; this is larger`,
  },
  "no room": { code: 503, message: `${names.operatorName} is receiving too much at once; try again` },
} as const;

/**
 * Serves admission reviews over HTTPS.
 *
 * @param settings - see there
 * @returns when it listens
 */
export async function serveAdmission(settings: AdmissionSettings): Promise<AdmissionServer> {
  const { log, metrics, pair } = settings;
  const respond = createResponder(settings);
  const readBody = createBodyReader({ longest: longestReview, together: mostBodyBytes });
  let draining = false;

  const send = (response: ServerResponse, { code, type, answer }: Answered, more: object = {}) => {
    const connection = draining ? { connection: "close" } : {};
    const length = Buffer.byteLength(answer);
    response
      .writeHead(code, { "content-type": type, "content-length": length, ...connection, ...more })
      .end(answer);
  };
  const review = (request: IncomingMessage, response: ServerResponse) => {
    const begun = performance.now();
    const finish = (answered: Answered, isLast = false) => {
      send(response, answered, isLast ? { connection: "close" } : {});
      metrics.observeReview(names.webhookPath, answered.code, (performance.now() - begun) / 1000);
    };
    readBody(request, (body) => {
      if ("refused" in body) {
        log.warn({ remoteAddress: request.socket.remoteAddress, reason: body.refused }, "request refused");
        return finish(refuse(body), body.refused === "no room");
      }
      const answered = respond(body);
      // Nearly always it is there at once, and a promise would cost as much as all the rest.
      if (answered instanceof Promise) void answered.then((found) => finish(found));
      else finish(answered);
    });
  };
  const server = createServer({ ...pair, ...boundedServer, keepAliveTimeout, minVersion: "TLSv1.2" });
  server.on("request", (request, response) => {
    if (request.url?.split("?")[0] !== names.webhookPath) {
      send(response, { code: 404, type: text, answer: "not found" });
    } else if (request.method !== "POST") {
      send(response, { code: 405, type: text, answer: "POST only" }, { allow: "POST" });
    } else review(request, response);
  });

  const port = await listen(server, settings.port, mostConnections, metrics.connectionDropped);
  log.info({ port, path: names.webhookPath }, "Serving webhook");
  return {
    port,
    usePair: (next) => server.setSecureContext({ ...next, minVersion: "TLSv1.2" }),
    drain: async (graceMs) => {
      draining = true;
      await delay(graceMs);
      await close(server, longestDrainMs);
    },
  };
}

/** The API server passes the words of a review on to the author, and of an HTTP error its number alone. */
function refuse({ refused, head }: Exclude<Body, Buffer>): Answered {
  const { code, message } = refusals[refused];
  const uid = uidIn(head);
  if (uid === undefined) return { code, type: text, answer: message };
  const answer = writeReview(uid, { kind: "denied", code, message, warnings: [] });
  return { code: 200, type: "application/json", answer };
}
