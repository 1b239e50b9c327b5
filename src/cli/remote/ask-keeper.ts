import { request } from "node:http";
import { names } from "../../../schema/names.ts";
import { keepsArtifacts } from "../../cache/storage.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import { type Room, spaceOf } from "../../cache/usage.ts";
import { basic } from "../../common/basic.ts";
import { askKeeper, askKeeperForLines, type Keeper } from "../../keeper/ask.ts";
import type { Inventory } from "../../retention/facts.ts";
import { manifestReader } from "../../retention/read.ts";
import { connectTo, loginOf, tunnelAgent } from "./open.ts";
import type { Session } from "./session.ts";
import { trustOf } from "./trust.ts";

/** The keeper reads every manifest, and says each as soon as it has read it. */
const longestMs = 300_000;
/** A person waits for it. */
const silentMs = 5_000;
/** It looks at its volume alone. */
const roomMs = 4_000;
/** A hundred thousand manifests have less. */
const mostBytes = 128 * 2 ** 20;
const roomBytes = 64 * 1024;

/**
 * Every manifest of a cache, with the times at which its tags were pushed and pulled, which no API of a registry tells. The keeper
 * beside the registry is asked, in the same way and with the same password.
 *
 * @param session - of the person, in the namespace of the cache
 * @param cache - which
 * @throws where there is no keeper, or it does not tell
 */
export async function inventoryOf(session: Session, cache: OrasCache): Promise<Inventory> {
  if (!keepsArtifacts(cache as StoredOrasCache)) throw new Error("there is no keeper beside the registry");
  return withKeeper(session, cache, async (keeper) => {
    const signal = AbortSignal.timeout(longestMs);
    const asked = { method: "GET", path: "/manifests", mostBytes, silentMs, signal } as const;
    const answer = await askKeeperForLines(keeper, asked);
    if ("status" in answer) throw new Error(`the keeper answers with ${answer.status}`);
    const reader = manifestReader();
    for await (const line of answer.lines) if (line !== "") reader.line(line);
    return reader.end();
  });
}

/** How much room a volume has, and from how many percent on its keeper refuses steps. */
export interface KeeperRoom extends Room {
  readonly refuseAt?: number;
}

/**
 * Asks a keeper how much room its volume has.
 *
 * @param session - of the person, in the namespace of the cache
 * @param cache - one with a keeper
 * @throws CliError where the person lacks a right, or the Pod does not run; where it does not answer, another error
 */
export async function roomOf(session: Session, cache: OrasCache): Promise<KeeperRoom> {
  return withKeeper(session, cache, async (keeper) => {
    const signal = AbortSignal.timeout(roomMs);
    const asked = {
      method: "GET",
      path: "/room",
      mostBytes: roomBytes,
      silentMs: roomMs - 1_000,
      signal,
    } as const;
    const { status, body } = await askKeeper(keeper, asked);
    if (status !== 200) throw new Error(`it answers with ${status}`);
    const { refuseAt, ...room } = (body ?? {}) as Record<string, unknown>;
    const found = spaceOf(room);
    if (found === undefined) throw new Error("it answers something else");
    return typeof refuseAt === "number" ? { ...found, refuseAt } : found;
  });
}

async function withKeeper<T>(
  session: Session,
  cache: OrasCache,
  run: (keeper: Keeper) => Promise<T>,
): Promise<T> {
  const login = await loginOf(session, cache);
  const trust = await trustOf(session, cache);
  const agent = tunnelAgent(() => connectTo(session, cache, names.keeperPort), trust);
  const protocol = trust === undefined ? "http:" : "https:";
  try {
    return await run({
      open: (path, options) => request({ ...options, agent, protocol, path }),
      authorization: login && basic(login.username, login.password),
    });
  } finally {
    agent.destroy();
  }
}
