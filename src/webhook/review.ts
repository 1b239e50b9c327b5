import type { AdmissionRequest, Verdict } from "../injection/admission-types.ts";

/** An admission.k8s.io/v1 AdmissionReview that asks. */
interface Review {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: AdmissionRequest;
}

/** The body is not an AdmissionReview of the version that is served. */
export class NotAReviewError extends Error {
  override readonly name = "NotAReviewError";
}

const apiVersion = "admission.k8s.io/v1";
const kind = "AdmissionReview";
/** All warnings together; the API server cuts what is longer. */
const longestWarnings = 4096;

/**
 * Reads a request of the API server.
 *
 * @param body - JSON
 * @throws NotAReviewError when it is something else
 */
export function readReview(body: string): AdmissionRequest {
  let review: Partial<Review> | null;
  try {
    review = JSON.parse(body) as Partial<Review> | null;
  } catch (error) {
    throw new NotAReviewError(`not JSON: ${(error as Error).message}`);
  }
  if (review?.apiVersion !== apiVersion || review.kind !== kind || !review.request?.uid) {
    throw new NotAReviewError(
      `expected an ${kind} of ${apiVersion} with a request, found ${review?.kind} of ${review?.apiVersion}`,
    );
  }
  return review.request;
}

/**
 * The answer to the API server.
 *
 * @param uid - of the request
 * @param verdict - what was decided
 * @returns JSON
 */
export function writeReview(uid: string, verdict: Verdict): string {
  const warnings = verdict.warnings.length > 0 ? { warnings: withinLimit(verdict.warnings) } : {};
  const response =
    verdict.kind === "denied"
      ? {
          uid,
          allowed: false,
          status: { code: verdict.code, reason: reasonOf(verdict.code), message: verdict.message },
          ...warnings,
        }
      : { uid, allowed: true, ...patchOf(verdict.patch), ...warnings };
  return JSON.stringify({ apiVersion, kind, response });
}

function patchOf(patch: readonly object[] | undefined): object {
  if (patch === undefined || patch.length === 0) return {};
  return { patchType: "JSONPatch", patch: Buffer.from(JSON.stringify(patch)).toString("base64") };
}

function reasonOf(code: number): string {
  return { 400: "BadRequest", 403: "Forbidden", 422: "Invalid" }[code] ?? "InternalError";
}

/** As many warnings as the API server passes on whole. */
function withinLimit(warnings: readonly string[]): string[] {
  let left = longestWarnings;
  return warnings.filter((warning) => {
    left -= warning.length;
    return left >= 0;
  });
}
