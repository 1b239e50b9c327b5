import type { Peer } from "../registry/peer.ts";
import { askKeeper, keeperAt } from "./ask.ts";

/** How far a keeper is with emptying a folder. */
export interface EmptyReport {
  readonly isDone: boolean;
  /** Whether it is at it. */
  readonly isBusy: boolean;
  /** Objects. */
  readonly deleted: number;
  readonly failure: string | undefined;
}

const longestMs = 30_000;
const mostBytes = 64 * 1024;
const longestText = 500;

/**
 * Asks a keeper to empty the folder of its registry, unless it has done so or is at it.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param signal - ends the wait
 * @throws where it does not answer as a keeper does
 */
export async function askEmpty(peer: Peer, token: string, signal: AbortSignal): Promise<EmptyReport> {
  const ask = (method: "GET" | "POST") => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
    return askKeeper(keeperAt(peer, token), { method, path: "/empty", mostBytes, signal: within });
  };
  const { status, body } = await ask("GET");
  if (status !== 200) throw new Error(`the keeper answers with ${status}`);
  const report = reportOf(body);
  if (report.isDone || report.isBusy) return report;
  const begun = await ask("POST");
  // 409: a sweep runs; it is asked again.
  if (begun.status !== 202 && begun.status !== 409)
    throw new Error(`the keeper answers with ${begun.status} when it is to empty the folder`);
  return report;
}

function reportOf(body: unknown): EmptyReport {
  const { done, emptying, deleted, failure } = (body ?? {}) as Readonly<Record<string, unknown>>;
  return {
    isDone: done === true,
    isBusy: emptying === true,
    deleted: Number.isSafeInteger(deleted) ? (deleted as number) : 0,
    failure: typeof failure === "string" && failure !== "" ? failure.slice(0, longestText) : undefined,
  };
}
