import type { Peer } from "../registry/peer.ts";
import type { Deletion, Inventory } from "../retention/facts.ts";
import { passOf, readManifests, type SweepPass } from "../retention/read.ts";
import { askKeeper, type KeeperAnswer } from "./ask.ts";

/** What retention asks of a keeper. Every function throws where it does not answer as a keeper does. */
export interface RetentionKeeper {
  /** All manifests of its registry, and what it knows of their use. */
  readonly inventory: () => Promise<Inventory>;
  /** Whether nobody has pushed or pulled what is to be deleted, or pushed what needs it. */
  readonly isUnchanged: (deletion: Deletion) => Promise<boolean>;
  readonly putPlan: (plan: object) => Promise<void>;
  /** Begins a pass that frees blobs; false while another one runs. */
  readonly sweep: (graceMs: number) => Promise<boolean>;
  /** How the last pass ended; undefined while one runs. */
  readonly lastPass: () => Promise<SweepPass | "none" | undefined>;
}

/** The keeper reads every manifest. */
const longestMs = 300_000;
const shortMs = 30_000;
/** A hundred thousand manifests have less. */
const mostBytes = 128 * 1024 * 1024;
const shortBytes = 64 * 1024;

/**
 * The keeper of a registry.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param signal - ends every wait
 */
export function retentionKeeper(peer: Peer, token: string, signal: AbortSignal): RetentionKeeper {
  const ask = async (method: "GET" | "POST" | "PUT", path: string, body?: object): Promise<KeeperAnswer> => {
    const isLong = path === "/manifests";
    const within = AbortSignal.any([signal, AbortSignal.timeout(isLong ? longestMs : shortMs)]);
    const most = isLong ? mostBytes : shortBytes;
    return askKeeper(peer, token, { method, path, body, mostBytes: most, signal: within });
  };
  return {
    inventory: async () => readManifests((await asked(ask("GET", "/manifests"), 200)).body),
    isUnchanged: async ({ repository, digest, pushed, listed, pulled, indexes, tags, whole }) => {
      const body = { repository, digest, pulled, tags, ...(whole ? { pushed, listed, indexes } : {}) };
      const answer = await asked(ask("POST", "/unchanged", body), 200);
      return (answer.body as { unchanged?: unknown } | undefined)?.unchanged === true;
    },
    putPlan: async (plan) => void (await asked(ask("PUT", "/plan", plan), 204)),
    sweep: async (graceMs) => {
      const { status } = await asked(
        ask("POST", "/sweep", { grace: graceMs / 1000, dryRun: false }),
        202,
        409,
      );
      return status === 202;
    },
    lastPass: async () => passOf((await asked(ask("GET", "/sweep"), 200)).body),
  };
}

async function asked(answer: Promise<KeeperAnswer>, ...allowed: number[]): Promise<KeeperAnswer> {
  const { status, body } = await answer;
  if (allowed.includes(status)) return { status, body };
  const said = (body as { error?: unknown } | undefined)?.error;
  throw new Error(
    `the keeper answers with ${status}${typeof said === "string" ? `: ${said.slice(0, 300)}` : ""}`,
  );
}
