import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import type { CacheName } from "../cache/access.ts";
import { type Way, wayAfter } from "../cache/keeper-fault.ts";
import { memoRepositoryOf } from "../cache/memo-repository.ts";
import { identityOf } from "../cache/owner.ts";
import { hostOf, isReady, startOf } from "../cache/pods.ts";
import type { Trouble } from "../cache/trouble.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { Usage } from "../cache/usage.ts";
import { createSlots } from "../common/slots.ts";
import type { KeeperReport, ReportAnswer } from "../keeper/report.ts";
import { manualWatch, type Watch } from "../kube/controller.ts";
import { nameOf } from "../kube/objects.ts";
import type { Peer } from "../registry/peer.ts";
import { keeperAccess } from "./trust.ts";

/** Asks a keeper how its registry is. */
export type AskReport = (peer: Peer, token: string, memo: string) => Promise<ReportAnswer>;

/** Is told what a keeper has said; undefined once the cache is gone. */
export type ObserveUsage = (cache: CacheName, usage: Usage | undefined) => void;

/** What is known of a registry, and when to look again. */
export interface Report extends Partial<KeeperReport> {
  /** Whether the keeper is reached; undefined where there is none to ask. */
  readonly way?: Way | undefined;
  readonly againInMs?: number | undefined;
}

/** The reports of keepers. A keeper looks at all its files, so it is asked seldom, and few at a time. */
export interface Reports {
  /**
   * What the keeper of a cache has said. If it is time, it is asked meanwhile; the watch tells when it has answered.
   *
   * @param key - of the cache
   * @param cache - as stored
   * @param pods - its registry's
   */
  readonly of: (key: string, cache: StoredOrasCache, pods: readonly V1Pod[]) => Report;
  readonly forget: (key: string) => void;
  /** Tells of caches whose keeper has answered. */
  readonly watch: Watch;
}

const intervalMs = 300_000;
/** Where artifacts are copied to another registry, it is to be known soon that they are not. */
const mirrorIntervalMs = 60_000;
const retryMs = 60_000;
/** What a new registry holds is asked after a moment. */
const firstMs = 1_000;
const atATime = 8;
/** A keeper may take a minute to answer: each namespace gets one part of those that are asked at a time. */
const parts = 4;

/** What is remembered of the keeper of a cache. */
interface Memory {
  readonly start: string;
  dueAt: number;
  asks: boolean;
  said: Partial<KeeperReport>;
  way: Way;
}

function intervalOf({ spec }: StoredOrasCache): number {
  return spec.mirrorTo === undefined ? intervalMs : mirrorIntervalMs;
}

/**
 * Asks keepers.
 *
 * @param operatorKey - what their tokens are made from
 * @param ask - asks one
 * @param observe - for metrics
 * @param now - milliseconds since 1970
 */
export function createReports(
  operatorKey: string,
  ask: AskReport,
  observe: ObserveUsage,
  now: () => number,
): Reports {
  const memories = new Map<string, Memory>();
  const slots = createSlots(
    { most: atATime, mostWaiting: Number.POSITIVE_INFINITY, parts },
    () => new Error("too many keepers wait to be asked"),
  );
  const { watch, tell } = manualWatch();

  const begin = (key: string, memory: Memory, cache: StoredOrasCache, pod: V1Pod) => {
    memory.asks = true;
    void slots(nameOf(key).namespace, async () => {
      // One that was replaced meanwhile is not asked.
      if (memories.get(key) !== memory) return;
      const keeper = await keeperAccess(pod, identityOf(cache), operatorKey, now());
      const answer = keeper && (await ask(keeper.peer, keeper.token, memoRepositoryOf(cache.spec)));
      memory.asks = false;
      take(memory, answer);
      memory.dueAt = performance.now() + (answer?.report === undefined ? retryMs : spread(intervalOf(cache)));
      if (answer?.report?.usage !== undefined) observe(nameOf(key), answer.report.usage);
      tell(key);
    });
  };

  /** One that was asked by the leader before is not asked at once: all were. */
  const remembered = (key: string, start: string, isKnown: boolean): Memory => {
    const known = memories.get(key);
    if (known?.start === start) return known;
    const isFirst = known === undefined && isKnown;
    const memory = {
      start,
      dueAt: performance.now() + Math.random() * (isFirst ? intervalMs : firstMs),
      asks: false,
      said: {},
      way: { reach: undefined },
    };
    memories.set(key, memory);
    return memory;
  };

  return {
    of: (key, cache, pods) => {
      const pod = pods.find((each) => isReady(each) && runsKeeper(each));
      const host = pod && hostOf(pod);
      if (pod === undefined || host === undefined) return {};
      const start = startOf(pod, names.keeperContainer);
      const memory = remembered(key, start, cache.status?.storage?.used !== undefined);
      const { asks, dueAt } = memory;
      const known = { ...memory.said, way: memory.way };
      if (asks) return known;
      const againInMs = dueAt - performance.now();
      if (againInMs > 0) return { ...known, againInMs };
      begin(key, memory, cache, pod);
      return known;
    },
    forget: (key) => {
      memories.delete(key);
      observe(nameOf(key), undefined);
    },
    watch,
  };
}

/** Remembers what a keeper has said; an older one may not say how full it is. */
function take(memory: Memory, answer: ReportAnswer | undefined): void {
  if (answer === undefined) return;
  memory.way = wayAfter(memory.way, answer.fault);
  const { report } = answer;
  if (report !== undefined) memory.said = { ...report, usage: report.usage ?? memory.said.usage };
}

/** Those that were asked together are not asked together for ever. */
function spread(ms: number): number {
  return ms * (0.9 + Math.random() * 0.2);
}

/** A Pod of an earlier version has none. */
function runsKeeper({ spec }: V1Pod): boolean {
  return spec?.containers.some(({ name }) => name === names.keeperContainer) ?? false;
}

/**
 * What a report says is wrong.
 *
 * @param usage - as the keeper says
 */
export function reportedTrouble(usage: Usage | undefined): Trouble | undefined {
  if (usage?.notWritable === undefined) return undefined;
  return {
    reason: "VolumeNotWritable",
    message: `The registry cannot write to its volume: ${usage.notWritable}. Pulls work, pushes do not.`,
  };
}
