import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import { visible } from "../annotations/problems.ts";
import type { AdmissionRequest, Installation, Verdict } from "../injection/admission-types.ts";
import { decide } from "../injection/decide.ts";
import { prepare } from "../injection/prepare.ts";
import { sentenceOf } from "../kube/errors.ts";
import { createAnswerer, type Sources } from "./answers.ts";
import { NotAReviewError, readReview, writeReview } from "./review.ts";

/** How reviews are answered. */
export interface ResponderSettings {
  readonly installation: Installation;
  readonly sources: Sources;
  readonly log: Logger;
  readonly metrics: VerdictObserver;
}

/** Told of verdicts, for metrics. */
export interface VerdictObserver {
  readonly countVerdict: (kind: string, operation: string, outcome: string) => void;
}

/** An HTTP answer. */
export interface Answered {
  readonly code: number;
  readonly type: string;
  readonly answer: string;
}

/** Answers the body of a request, at once unless a registry has to be asked. */
export type Responder = (body: Buffer) => Answered | Promise<Answered>;

/** The API server takes objects of 3 MiB; of an update it sends two. The rest is for what is around them. */
const envelope = 2 ** 20;
const longest = { created: 3 * 2 ** 20 + envelope, updated: 6 * 2 ** 20 + envelope };
/** Bytes of the longest body that can be a review. */
export const longestReview = longest.updated;
/** What is logged of a name: a client of the webhook may send one of any length. */
const longestName = 300;

/**
 * Makes what answers the bodies of requests. It never throws: whatever a body holds, there is an answer in words.
 *
 * @param settings - see there
 */
export function createResponder(settings: ResponderSettings): Responder {
  const { installation, log, metrics } = settings;
  const answer = createAnswerer(settings.sources);

  /** Counts and logs a verdict. */
  const told = (request: AdmissionRequest, verdict: Verdict): Verdict => {
    const { kind } = request.kind;
    metrics.countVerdict(kind, request.operation, verdict.kind === "denied" ? "denied" : verdict.outcome);
    if (verdict.kind === "denied") log.info({ ...subjectOf(request), reason: verdict.message }, "denied");
    else if (verdict.debug) log.info({ ...subjectOf(request), settings: verdict.debug }, verdict.outcome);
    else if (verdict.outcome !== "untouched") log.info(subjectOf(request), verdict.outcome);
    return verdict;
  };
  /** An error of the operator is answered too: the author sees it, instead of a webhook that broke off. */
  const failed = (request: AdmissionRequest, error: unknown): Verdict => {
    const { kind } = request.kind;
    metrics.countVerdict(kind, request.operation, "failed");
    log.error({ ...subjectOf(request), err: error }, "review failed");
    const message = `${names.operatorName} failed on this ${kind}: ${sentenceOf(error)}`;
    return { kind: "denied", message, code: 500, warnings: [] };
  };
  const judge = (request: AdmissionRequest, bytes: number): Verdict | Promise<Verdict> => {
    try {
      if (request.operation !== "UPDATE" && bytes > longest.created) return told(request, tooLarge(request));
      const prepared = prepare(request, installation);
      if (prepared.settled) return told(request, prepared.settled);
      const answers = answer(prepared.questions, bytes);
      if (!(answers instanceof Promise)) return told(request, decide(prepared, answers));
      return answers
        .then((found) => told(request, decide(prepared, found)))
        .catch((error: unknown) => failed(request, error));
    } catch (error) {
      return failed(request, error);
    }
  };

  return (body) => {
    let request: AdmissionRequest;
    try {
      request = readReview(body.toString());
    } catch (error) {
      const words = error instanceof NotAReviewError ? error.message : "the body cannot be read";
      return { code: 400, type: "text/plain; charset=utf-8", answer: words };
    }
    const review = (verdict: Verdict): Answered => ({
      code: 200,
      type: "application/json",
      answer: writeReview(request.uid, verdict),
    });
    const verdict = judge(request, body.length);
    return verdict instanceof Promise ? verdict.then(review) : review(verdict);
  };
}

function tooLarge({ kind: { kind } }: AdmissionRequest): Verdict {
  const message = `${names.operatorName} takes objects of 3 MiB of JSON; this ${kind} is larger`;
  return { kind: "denied", code: 413, message, warnings: [] };
}

function subjectOf(request: AdmissionRequest): object {
  return {
    requestId: visible(request.uid),
    kind: request.kind.kind,
    operation: request.operation,
    namespace: request.namespace,
    name: nameOf(request),
    ...(request.dryRun && { dryRun: true }),
  };
}

/** Pods of controllers have no name yet. */
function nameOf(request: AdmissionRequest): string | undefined {
  const metadata = (request.object as { metadata?: { name?: unknown; generateName?: unknown } } | null)
    ?.metadata;
  const name = request.name || metadata?.name || metadata?.generateName;
  return typeof name === "string" ? visible(name.slice(0, longestName)) : undefined;
}
