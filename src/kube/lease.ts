import { setTimeout as delay } from "node:timers/promises";
import type { KubeClient } from "./client.ts";
import { isStatus } from "./errors.ts";
import type { Leads } from "./fence.ts";
import { create, get, type KubeObject, replace } from "./objects.ts";
import { resources } from "./resources.ts";

interface Lease extends KubeObject {
  spec?: {
    holderIdentity?: string;
    leaseDurationSeconds?: number;
    acquireTime?: string;
    renewTime?: string;
    leaseTransitions?: number;
  };
}

/** Who wants to lead, by which Lease, and how fast. */
export interface ElectionSettings {
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique per process. */
  readonly identity: string;
  /**
   * Called when elected; its signal ends the leadership. Whoever writes asks before it whether this replica still leads: the
   * signal comes late to a process that was stopped. The Lease is given up when what it returns settles. `before` is when the
   * leader before was last there, by its clock; undefined where there was none.
   */
  readonly lead: (signal: AbortSignal, leads: Leads, before: Date | undefined) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  readonly signal: AbortSignal;
  /** How long others wait for a leader that does not renew the Lease. */
  readonly durationMs?: number;
  /** A leader that could not renew for this long stops: before others may begin. */
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
}

/** What one look at the Lease showed, and when by this machine's clock: others may differ. */
interface Observation {
  readonly record: string;
  readonly at: number;
}

/**
 * Takes part in the election of a leader until the signal ends it; then it gives the Lease up, so that the next
 * leader need not wait. A lost Lease ends the leadership, not the process.
 *
 * @param settings - see there
 */
export async function electLeader(settings: ElectionSettings): Promise<void> {
  const { signal, retryMs = 2_000, durationMs = 15_000, renewDeadlineMs = 10_000 } = settings;
  let seen: Observation | undefined;
  while (!signal.aborted) {
    try {
      const lease = await get<Lease>(settings.client, resources.leases, settings);
      const record = JSON.stringify(lease?.spec ?? null);
      if (seen?.record !== record) seen = { record, at: performance.now() };
      if (isFree(lease, settings, seen, durationMs)) {
        // Others count from when it is written, which may be long before the answer is here.
        const begun = performance.now();
        const held = await take(settings, lease, durationMs);
        await leadAndRenew(
          settings,
          { held, begun, before: renewedAt(lease) },
          { durationMs, renewDeadlineMs, retryMs },
        );
        seen = undefined;
      }
    } catch (error) {
      if (!signal.aborted && !isStatus(error, 409)) settings.onTrouble(error);
    }
    await delay(retryMs * (1 + Math.random() / 5), undefined, { signal }).catch(() => {});
  }
}

function isFree(
  lease: Lease | undefined,
  settings: ElectionSettings,
  seen: Observation,
  durationMs: number,
): boolean {
  const holder = lease?.spec?.holderIdentity;
  if (!holder || holder === settings.identity) return true;
  const theirs = (lease?.spec?.leaseDurationSeconds ?? durationMs / 1000) * 1000;
  return performance.now() - seen.at > theirs;
}

/** When a Lease was last renewed, or given up. */
function renewedAt(lease: Lease | undefined): Date | undefined {
  const at = new Date(lease?.spec?.renewTime ?? "");
  return Number.isNaN(at.getTime()) ? undefined : at;
}

/**
 * Writes ourselves into the Lease.
 *
 * @throws KubeError 409 when somebody else was faster
 */
async function take(
  settings: ElectionSettings,
  lease: Lease | undefined,
  durationMs: number,
): Promise<Lease> {
  const now = microTime(settings.client);
  const spec = {
    holderIdentity: settings.identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: now,
    renewTime: now,
    leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (lease?.spec?.holderIdentity ? 1 : 0),
  };
  if (lease !== undefined) return replace<Lease>(settings.client, resources.leases, { ...lease, spec });
  const fresh: Lease = { metadata: { namespace: settings.namespace, name: settings.name }, spec };
  await create(settings.client, resources.leases, fresh);
  // Whoever was faster holds what is there now: the renewal finds out.
  return fresh;
}

interface Times {
  readonly durationMs: number;
  readonly renewDeadlineMs: number;
  readonly retryMs: number;
}

async function leadAndRenew(
  settings: ElectionSettings,
  taken: { readonly held: Lease; readonly begun: number; readonly before: Date | undefined },
  times: Times,
): Promise<void> {
  let held: Lease | undefined = taken.held.metadata?.resourceVersion ? taken.held : await confirm(settings);
  const end = new AbortController();
  const term = AbortSignal.any([settings.signal, end.signal]);
  let renewedAt = taken.begun;
  const leftMs = () =>
    held === undefined ? 0 : Math.max(renewedAt + times.renewDeadlineMs - performance.now(), 0);
  const leads: Leads = Object.assign(() => leftMs() > 0, { leftMs });
  // It is taken again, and that may be faster.
  if (!leads()) return;
  // One that failed must not hold the Lease without doing its work.
  const leading = settings
    .lead(term, leads, taken.before)
    .catch(settings.onTrouble)
    .finally(() => end.abort(new Error("nobody leads any more")));
  while (held !== undefined) {
    await delay(times.retryMs, undefined, { signal: term }).catch(() => {});
    if (term.aborted) break;
    const begun = performance.now();
    // A renewal that hangs must not outlive the deadline.
    const leftMs = Math.max(times.renewDeadlineMs - (begun - renewedAt), 1);
    try {
      held = await renew(settings, held, times.durationMs, leftMs);
      renewedAt = begun;
    } catch (error) {
      settings.onTrouble(error);
      if (performance.now() - renewedAt >= times.renewDeadlineMs) held = undefined;
    }
  }
  end.abort(new Error("the Lease was lost"));
  await leading;
  if (held !== undefined) await release(settings).catch(settings.onTrouble);
}

/** The Lease, if this replica holds it. */
async function confirm(settings: ElectionSettings, client = settings.client): Promise<Lease | undefined> {
  const lease = await get<Lease>(client, resources.leases, settings);
  return lease?.spec?.holderIdentity === settings.identity ? lease : undefined;
}

/** Renews the Lease that this replica holds; undefined when another one holds it. */
async function renew(
  settings: ElectionSettings,
  held: Lease,
  durationMs: number,
  timeoutMs: number,
): Promise<Lease | undefined> {
  const client: KubeClient = {
    ...settings.client,
    request: (request) => settings.client.request({ ...request, timeoutMs }),
  };
  const leaseDurationSeconds = Math.ceil(durationMs / 1000);
  const write = (lease: Lease) =>
    replace<Lease>(client, resources.leases, {
      ...lease,
      spec: { ...lease.spec, renewTime: microTime(client), leaseDurationSeconds },
    });
  try {
    return await write(held);
  } catch (error) {
    if (!isStatus(error, 404, 409)) throw error;
    const lease = await confirm(settings, client);
    return lease && write(lease);
  }
}

async function release(settings: ElectionSettings): Promise<void> {
  const lease = await confirm(settings);
  if (lease === undefined) return;
  const now = microTime(settings.client);
  const { leaseTransitions = 0 } = lease.spec ?? {};
  const spec = {
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions,
  };
  await replace<Lease>(settings.client, resources.leases, { ...lease, spec });
}

function microTime({ now }: KubeClient): string {
  return new Date(now()).toISOString().replace("Z", "000Z");
}
