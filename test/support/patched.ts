import { applyPatch } from "rfc6902";
import type { AdmissionRequest, Answers, Installation } from "../../src/injection/admission-types.ts";
import { admit, createRequest } from "./pods.ts";

/**
 * The object as the API server stores it after its review.
 *
 * @throws when it is denied, or the patch does not fit
 */
export function reviewed<T extends object>(
  request: AdmissionRequest & { readonly object: T },
  around: Answers & Partial<Installation> = {},
): T {
  const verdict = admit(request, around);
  if (verdict.kind === "denied") throw new Error(verdict.message);
  // What the API server reads shares no parts, as objects of a test may.
  const copy = JSON.parse(JSON.stringify(request.object)) as T;
  const failed = applyPatch(copy, structuredClone([...(verdict.patch ?? [])])).filter(
    (error) => error !== null,
  );
  if (failed.length > 0) throw failed[0];
  return copy;
}

/** An object as it is stored after its creation. */
export function created<T extends object>(object: T, around: Answers & Partial<Installation> = {}): T {
  return reviewed({ ...createRequest(object), object }, around);
}

/** What is stored after an object was submitted as a change of another. */
export function updated<T extends object>(stored: object, submitted: T): T {
  return reviewed({ ...createRequest(submitted), operation: "UPDATE", object: submitted, oldObject: stored });
}
