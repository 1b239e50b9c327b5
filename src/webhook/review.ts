import { visibleLines } from "../annotations/problems.ts";
import { describeWarning, type Warning } from "../annotations/warning.ts";
import type { AdmissionRequest, Verdict } from "../injection/admission-types.ts";

/** The body is not an AdmissionReview of the version that is served, or its request has a field of another type. */
export class NotAReviewError extends Error {
  override readonly name = "NotAReviewError";
}

const apiVersion = "admission.k8s.io/v1";
const kind = "AdmissionReview";
/** All warnings together; the API server cuts what is longer. */
const longestWarnings = 4096;
const operations = ["CREATE", "UPDATE", "DELETE", "CONNECT"];
/** Longer than any name of Kubernetes. */
const longestName = 253;
/** RFC 1123; the API server has looked for the namespace before it asks a webhook. */
const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/**
 * Reads a request of the API server. Whoever reaches the port may send one, so each field that is used is checked.
 *
 * @param body - JSON
 * @throws NotAReviewError with every field that is wrong
 */
export function readReview(body: string): AdmissionRequest {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch {
    throw new NotAReviewError("the body is not JSON");
  }
  if (!isObject(review) || review["apiVersion"] !== apiVersion || review["kind"] !== kind) {
    throw new NotAReviewError(`the body is no ${kind} of ${apiVersion}`);
  }
  const request = review["request"];
  if (!isObject(request)) throw new NotAReviewError(`the ${kind} has no request`);
  const problems = problemsOf(request);
  if (problems.length > 0) throw new NotAReviewError(`the ${kind}'s request: ${problems.join("; ")}`);
  return request as unknown as AdmissionRequest;
}

/** How Go writes a review: the uid is among its first fields. */
const reviewHead =
  /^\{"kind":"AdmissionReview","apiVersion":"admission\.k8s\.io\/v1","request":\{"uid":"([^"\\]{1,253})"/;

/**
 * The uid of a review of which only the beginning is there.
 *
 * @param head - of the body
 * @returns undefined when it does not begin as the API server's do
 */
export function uidIn(head: Buffer): string | undefined {
  return reviewHead.exec(head.toString())?.[1];
}

function problemsOf(request: Record<string, unknown>): string[] {
  const { uid, kind: type, operation, namespace, name, object, oldObject, userInfo } = request;
  const needsObject = operation === "CREATE" || operation === "UPDATE";
  const wrong: [boolean, string][] = [
    [typeof uid !== "string" || uid === "" || uid.length > longestName, "uid must be a string"],
    [
      !isObject(type) ||
        !["group", "version", "kind"].every((part) => isShort(type[part] ?? "")) ||
        !type["kind"],
      "kind must have group, version and kind",
    ],
    [!operations.includes(operation as string), `operation must be one of ${operations.join(", ")}`],
    [
      !isUnset(namespace) && !(typeof namespace === "string" && namespaceName.test(namespace)),
      "namespace must be the name of a namespace",
    ],
    [!isUnset(name) && typeof name !== "string", "name must be a string"],
    [!isNone(userInfo) && !isUser(userInfo), "userInfo.username must be a string"],
    [
      needsObject ? !isKubeObject(object) : !isNone(object) && !isObject(object),
      "object must be an object whose annotations and labels are strings",
    ],
    [
      operation === "UPDATE" ? !isKubeObject(oldObject) : !isNone(oldObject) && !isObject(oldObject),
      "oldObject must be an object whose annotations and labels are strings",
    ],
  ];
  return wrong.flatMap(([isWrong, problem]) => (isWrong ? [problem] : []));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isUser(value: unknown): boolean {
  return isObject(value) && (isUnset(value["username"]) || typeof value["username"] === "string");
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null;
}

/** Go leaves an empty string out, or writes it. */
function isUnset(value: unknown): boolean {
  return isNone(value) || value === "";
}

function isShort(value: unknown): boolean {
  return typeof value === "string" && value.length <= longestName;
}

/** Metadata's parts are what decides whether anything is done at all. */
function isKubeObject(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { metadata, spec } = value;
  return (isNone(metadata) || isMetadata(metadata)) && (isNone(spec) || isObject(spec));
}

function isMetadata(value: unknown): boolean {
  return isObject(value) && isStringMap(value["annotations"]) && isStringMap(value["labels"]);
}

function isStringMap(value: unknown): boolean {
  return isNone(value) || (isObject(value) && Object.values(value).every((text) => typeof text === "string"));
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
  if (verdict.kind === "denied") {
    const { code } = verdict;
    const status = { code, reason: reasonOf(code), message: visibleLines(verdict.message) };
    return JSON.stringify({ apiVersion, kind, response: { uid, allowed: false, status, ...warnings } });
  }
  const review = JSON.stringify({ apiVersion, kind, response: { uid, allowed: true, ...warnings } });
  const { patch } = verdict;
  if (patch === undefined || patch.length === 0) return review;
  // Written by hand: to look for characters to escape in so many that need none takes longer than all the rest.
  const base64 = Buffer.from(JSON.stringify(patch)).toString("base64");
  return `${review.slice(0, -2)},"patchType":"JSONPatch","patch":"${base64}"}}`;
}

function reasonOf(code: number): string {
  return (
    {
      400: "BadRequest",
      403: "Forbidden",
      413: "RequestEntityTooLarge",
      422: "Invalid",
      503: "ServiceUnavailable",
    }[code] ?? "InternalError"
  );
}

/** As many warnings as the API server passes on whole. */
function withinLimit(warnings: readonly Warning[]): string[] {
  let left = longestWarnings;
  return warnings.map(describeWarning).filter((warning) => {
    left -= warning.length;
    return left >= 0;
  });
}
