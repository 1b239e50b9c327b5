import { splitPem } from "./pem.ts";
import type { Trouble } from "./trouble.ts";

/** What the keeper of a registry says of its certificate. */
export interface Served {
  /** Why the author's Secret cannot be used, in words that go on after its name. */
  readonly problem?: string | undefined;
  /** The CAs in the author's Secret, PEM. */
  readonly authors: string;
}

const longestText = 500;
/** Of one Secret, and of those that it had before. */
const mostCas = 8;

/**
 * What is to be believed of a keeper's report.
 *
 * @param report - JSON
 * @returns undefined where it says nothing of a certificate
 */
export function servedOf(report: unknown): Served | undefined {
  const { certificate } = (report ?? {}) as { certificate?: unknown };
  if (typeof certificate !== "object" || certificate === null) return undefined;
  const { problem, ca } = certificate as { problem?: unknown; ca?: unknown };
  return {
    problem: typeof problem === "string" && problem !== "" ? problem.slice(0, longestText) : undefined,
    authors: typeof ca === "string" ? joined(splitPem(ca)) : "",
  };
}

/**
 * The CAs by which a registry is trusted that shows the author's certificate. One that is no longer in the Secret is kept:
 * the registry may not have been started again since, and steps see the change later than it.
 *
 * @param served - as the keeper says; undefined where it was not asked yet
 * @param before - PEM, as published
 * @returns PEM, the newest first
 */
export function authorsFrom(served: Served | undefined, before: string): string {
  return joined([...new Set([served?.authors ?? "", before].flatMap(splitPem))]);
}

function joined(cas: readonly string[]): string {
  return cas
    .slice(0, mostCas)
    .map((pem) => `${pem}\n`)
    .join("");
}

/**
 * What a report says is wrong with a certificate.
 *
 * @param served - as the keeper says
 * @param secret - of the author
 */
export function servedTrouble(served: Served | undefined, secret: string | undefined): Trouble | undefined {
  if (served?.problem === undefined) return undefined;
  return {
    reason: "CertificateUnusable",
    message: `Secret ${secret} ${served.problem}. The registry goes on with the certificate that it had before.`,
  };
}
