import type { Peer } from "../registry/peer.ts";
import type { DatedInventory, Deletion } from "../retention/facts.ts";
import { manifestReader, passOf, type SweepPass } from "../retention/read.ts";
import { askKeeper, askKeeperForLines, type KeeperAnswer, keeperAt } from "./ask.ts";

/** What retention asks of a keeper. Every function throws where it does not answer as a keeper does. */
export interface RetentionKeeper {
  /**
   * Makes something of all manifests of its registry and what it knows of their use; no longer than it takes are they held in
   * memory.
   */
  readonly withInventory: <T>(make: (inventory: DatedInventory) => Promise<T>) => Promise<T>;
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
/** More of them are held for one registry at a time. */
const fewManifests = 10_000;

const none: DatedInventory = { manifests: [], pullsSince: undefined, time: undefined };

/** Runs work while no other of its kind runs. */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * The keeper of a registry.
 *
 * @param peer - the keeper
 * @param token - of the operator, for this keeper
 * @param signal - ends every wait
 * @param inTurn - for the work with a registry that has many manifests
 */
export function retentionKeeper(
  peer: Peer,
  token: string,
  signal: AbortSignal,
  inTurn: InTurn,
): RetentionKeeper {
  const keeper = keeperAt(peer, token);
  const ask = async (method: "GET" | "POST" | "PUT", path: string, body?: object): Promise<KeeperAnswer> => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(shortMs)]);
    return askKeeper(keeper, { method, path, body, mostBytes: shortBytes, signal: within });
  };
  /** All manifests; undefined where there are more. */
  const read = async (most: number): Promise<DatedInventory | undefined> => {
    const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
    const request = { method: "GET", path: "/manifests", mostBytes, signal: within } as const;
    const answer = await askKeeperForLines(keeper, request);
    if ("status" in answer) throw refusal(answer);
    // It takes a while to read, and the clock goes on.
    const ahead = Date.parse(answer.date ?? "") - performance.now();
    const reader = manifestReader();
    for await (const line of answer.lines) {
      reader.line(line);
      if (reader.count() > most) return undefined;
    }
    const time = Number.isNaN(ahead) ? undefined : Math.floor(ahead + performance.now());
    return { ...reader.end(), time };
  };
  return {
    withInventory: async (make) => {
      const few = await read(fewManifests);
      if (few) return make(few);
      // Asked again: who waits for a turn would hold what it has read.
      return inTurn(async () => make((await read(Number.POSITIVE_INFINITY)) ?? none));
    },
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
  throw refusal({ status, body });
}

function refusal({ status, body }: KeeperAnswer): Error {
  const said = (body as { error?: unknown } | undefined)?.error;
  return new Error(
    `the keeper answers with ${status}${typeof said === "string" ? `: ${said.slice(0, 300)}` : ""}`,
  );
}
