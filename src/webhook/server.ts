import type { Server } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { type FastifyInstance, fastify } from "fastify";
import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { ServingPair } from "../certificates/source.ts";
import type { AdmissionRequest, Installation, Verdict } from "../injection/admission-types.ts";
import { decide } from "../injection/decide.ts";
import { prepare } from "../injection/prepare.ts";
import { sentenceOf } from "../kube/errors.ts";
import { answer, type Sources } from "./answers.ts";
import { NotAReviewError, readReview, writeReview } from "./review.ts";

/** How reviews are answered. */
export interface AdmissionSettings {
  readonly installation: Installation;
  readonly sources: Sources;
  readonly pair: ServingPair;
  readonly port: number;
  readonly log: Logger;
  readonly metrics: ReviewObserver;
}

/** Told of reviews, for metrics. */
export interface ReviewObserver {
  /** One was answered, with this HTTP status. */
  readonly observeReview: (path: string, code: number, seconds: number) => void;
  readonly countVerdict: (kind: string, operation: string, outcome: string) => void;
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

/** Two objects of the greatest size that etcd takes, and the review around them. */
const bodyLimit = 8 * 1024 * 1024;
/**
 * API servers keep idle connections for 90 seconds. They must be the ones that close: a request that meets a
 * closing connection would fail, and with it the creation of a Pod.
 */
const keepAliveTimeout = 120_000;
const longestDrainMs = 15_000;

/**
 * Serves admission reviews over HTTPS.
 *
 * @param settings - see there
 * @returns when it listens
 */
export async function serveAdmission(settings: AdmissionSettings): Promise<AdmissionServer> {
  const { log, metrics } = settings;
  const app = fastify({
    https: { ...settings.pair, minVersion: "TLSv1.2" },
    bodyLimit,
    keepAliveTimeout,
    requestTimeout: 30_000,
    forceCloseConnections: "idle",
    return503OnClosing: false,
  }) as unknown as FastifyInstance<Server>;
  let draining = false;

  // The body is parsed here and nowhere else: Fastify's own parser would look for prototype poisoning first,
  // which nothing here can fall for, and a review has no schema to check.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "string" }, (_request, body, done) => done(null, body));
  app.post(names.webhookPath, (request, reply) => {
    const begun = performance.now();
    const send = ({ code, answer }: { code: number; answer: string }) => {
      if (draining) reply.header("connection", "close");
      reply.code(code).header("content-type", "application/json").send(answer);
      metrics.observeReview(names.webhookPath, code, (performance.now() - begun) / 1000);
    };
    const answer = answerTo(request.body as string, settings);
    // Nearly always it is there at once, and a promise would cost as much as all the rest.
    if (answer instanceof Promise) return answer.then(send).then(() => reply);
    send(answer);
    return reply;
  });

  await app.listen({ port: settings.port, host: "::" }).catch((error: NodeJS.ErrnoException) => {
    // A kernel without IPv6.
    if (error.code !== "EAFNOSUPPORT") throw error;
    return app.listen({ port: settings.port, host: "0.0.0.0" });
  });
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : settings.port;
  log.info({ port, path: names.webhookPath }, "the webhook answers");
  return {
    port,
    usePair: (pair) => app.server.setSecureContext(pair),
    drain: async (graceMs) => {
      draining = true;
      await delay(graceMs);
      const force = setTimeout(() => app.server.closeAllConnections(), longestDrainMs);
      await app.close();
      clearTimeout(force);
    },
  };
}

type Answered = { code: number; answer: string };

function answerTo(body: string, settings: AdmissionSettings): Answered | Promise<Answered> {
  let request: AdmissionRequest;
  try {
    request = readReview(body);
  } catch (error) {
    if (!(error instanceof NotAReviewError)) throw error;
    return { code: 400, answer: JSON.stringify({ error: error.message }) };
  }
  const told = (verdict: Verdict) => ({ code: 200, answer: writeReview(request.uid, verdict) });
  const verdict = judge(request, settings);
  return verdict instanceof Promise ? verdict.then(told) : told(verdict);
}

/** Nearly always the verdict is there at once, and a promise would cost as much as all the rest. */
function judge(request: AdmissionRequest, settings: AdmissionSettings): Verdict | Promise<Verdict> {
  try {
    const prepared = prepare(request, settings.installation);
    if (prepared.settled) return told(request, prepared.settled, settings);
    const answers = answer(prepared.questions, settings.sources);
    if (!(answers instanceof Promise)) return told(request, decide(prepared, answers), settings);
    return answers
      .then((found) => told(request, decide(prepared, found), settings))
      .catch((error: unknown) => failed(request, error, settings));
  } catch (error) {
    return failed(request, error, settings);
  }
}

/** Counts and logs a verdict. */
function told(request: AdmissionRequest, verdict: Verdict, { log, metrics }: AdmissionSettings): Verdict {
  const { kind } = request.kind;
  metrics.countVerdict(kind, request.operation, verdict.kind === "denied" ? "denied" : verdict.outcome);
  if (verdict.kind === "denied") log.info({ ...subjectOf(request), reason: verdict.message }, "denied");
  else if (verdict.debug) log.info({ ...subjectOf(request), settings: verdict.debug }, verdict.outcome);
  else if (verdict.outcome !== "untouched") log.info(subjectOf(request), verdict.outcome);
  return verdict;
}

/** An error of the operator is answered too: the author sees it, instead of a webhook that broke off. */
function failed(request: AdmissionRequest, error: unknown, { log, metrics }: AdmissionSettings): Verdict {
  const { kind } = request.kind;
  metrics.countVerdict(kind, request.operation, "failed");
  log.error({ ...subjectOf(request), err: error }, "a review failed");
  const message = `${names.operatorName} failed on this ${kind}: ${sentenceOf(error)}`;
  return { kind: "denied", message, code: 500, warnings: [] };
}

function subjectOf(request: AdmissionRequest): object {
  return {
    kind: request.kind.kind,
    operation: request.operation,
    namespace: request.namespace,
    name: nameOf(request),
    ...(request.dryRun && { dryRun: true }),
  };
}

/** Pods of controllers have no name yet. */
function nameOf(request: AdmissionRequest): string | undefined {
  const metadata = (request.object as { metadata?: { name?: string; generateName?: string } } | null)
    ?.metadata;
  return request.name || metadata?.name || metadata?.generateName;
}
