import type { Verdict } from "./conditions.ts";
import type { StoredOrasCache } from "./types.ts";

/** What the keeper of a registry says of the Secret with other users. */
export interface Users {
  /** Lines that are left out, or that should be others; the first few. */
  readonly problems: readonly string[];
  readonly more: number;
  /** Whether one is left out. */
  readonly leavesOut: boolean;
}

const mostProblems = 5;
const longestText = 200;

/**
 * What is to be believed of a keeper's report.
 *
 * @param report - JSON
 * @returns undefined where it says nothing of users
 */
export function usersOf(report: unknown): Users | undefined {
  const { usersProblems, usersFailure, usersMore } = (report ?? {}) as Readonly<Record<string, unknown>>;
  if (!Array.isArray(usersProblems)) return undefined;
  const told = usersProblems.map(inWords);
  const leftOut = usersProblems.some((one) => (one as { leftOut?: unknown } | null)?.leftOut === true);
  const all = typeof usersFailure === "string" && usersFailure !== "" ? [usersFailure, ...told] : told;
  const problems = all.slice(0, mostProblems).map((text) => text.slice(0, longestText));
  const leavesOut = leftOut || all.length > told.length;
  const untold = Number.isSafeInteger(usersMore) && Number(usersMore) > 0 ? Number(usersMore) : 0;
  return { problems, more: all.length - problems.length + untold, leavesOut };
}

/** A Secret as a whole has no line. */
function inWords(found: unknown): string {
  const { line, problem } = (found ?? {}) as { line?: unknown; problem?: unknown };
  return typeof line === "number" && line > 0 ? `line ${line}: ${problem}` : String(problem);
}

/**
 * What is wrong with the Secret with other users. It keeps nobody from using the registry whose line is right.
 *
 * @param cache - as stored
 * @param users - as the keeper says
 */
export function usersVerdict({ spec }: StoredOrasCache, users: Users | undefined): Verdict | undefined {
  const secret = spec.auth?.usersSecretRef?.name;
  if (secret === undefined || users === undefined || users.problems.length === 0) return undefined;
  const { problems, more, leavesOut } = users;
  const message = `Secret ${secret}: ${problems.join("; ")}${more > 0 ? `; and ${more} more` : ""}.`;
  return { status: "True", reason: leavesOut ? "UsersLeftOut" : "UsersSlow", message };
}
