import { setTimeout as delay } from "node:timers/promises";
import type { KubeClient } from "./client.ts";
import { isStatus } from "./errors.ts";
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
  /** Called when elected; its signal ends the leadership. The Lease is given up when what it returns settles. */
  readonly lead: (signal: AbortSignal) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  readonly signal: AbortSignal;
  /** How long others wait for a leader that is not heard of. */
  readonly durationMs?: number;
  /** A leader that could not renew for this long stops: before others may begin. */
  readonly renewDeadlineMs?: number;
  readonly retryMs?: number;
}

/** What one look at the Lease showed, and when by our clock: clocks of other machines are not to be trusted. */
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
      if (isFree(lease, settings, seen, durationMs) && (await take(settings, lease, durationMs))) {
        await leadAndRenew(settings, durationMs, renewDeadlineMs, retryMs);
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

/** Writes ourselves into the Lease; false when somebody else was faster. */
async function take(
  settings: ElectionSettings,
  lease: Lease | undefined,
  durationMs: number,
): Promise<boolean> {
  const now = microTime();
  const spec = {
    holderIdentity: settings.identity,
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
    acquireTime: now,
    renewTime: now,
    leaseTransitions: (lease?.spec?.leaseTransitions ?? 0) + (lease?.spec?.holderIdentity ? 1 : 0),
  };
  const metadata = { namespace: settings.namespace, name: settings.name };
  if (lease === undefined) return create(settings.client, resources.leases, { metadata, spec } as Lease);
  await replace<Lease>(settings.client, resources.leases, { ...lease, spec });
  return true;
}

async function leadAndRenew(
  settings: ElectionSettings,
  durationMs: number,
  renewDeadlineMs: number,
  retryMs: number,
): Promise<void> {
  const lost = new AbortController();
  const term = AbortSignal.any([settings.signal, lost.signal]);
  const leading = settings.lead(term).catch(settings.onTrouble);
  let renewedAt = performance.now();
  while (!term.aborted) {
    await delay(retryMs, undefined, { signal: term }).catch(() => {});
    if (term.aborted) break;
    try {
      // A renewal that hangs must not outlive the deadline.
      const left = renewDeadlineMs - (performance.now() - renewedAt);
      const begun = performance.now();
      if (!(await renew(settings, durationMs, Math.max(left, 1))))
        lost.abort(new Error("the Lease was taken"));
      renewedAt = begun;
    } catch (error) {
      if (!isStatus(error, 409)) settings.onTrouble(error);
      if (performance.now() - renewedAt >= renewDeadlineMs)
        lost.abort(new Error("the Lease was not renewed"));
    }
  }
  await leading;
  if (!lost.signal.aborted) await release(settings).catch(settings.onTrouble);
}

async function renew(settings: ElectionSettings, durationMs: number, timeoutMs: number): Promise<boolean> {
  const limited: KubeClient = {
    ...settings.client,
    request: (request) => settings.client.request({ ...request, timeoutMs }),
  };
  const lease = await get<Lease>(limited, resources.leases, settings);
  if (lease?.spec?.holderIdentity !== settings.identity) return false;
  const spec = {
    ...lease.spec,
    renewTime: microTime(),
    leaseDurationSeconds: Math.ceil(durationMs / 1000),
  };
  await replace<Lease>(limited, resources.leases, { ...lease, spec });
  return true;
}

async function release(settings: ElectionSettings): Promise<void> {
  const lease = await get<Lease>(settings.client, resources.leases, settings);
  if (lease?.spec?.holderIdentity !== settings.identity) return;
  const now = microTime();
  const spec = {
    holderIdentity: "",
    leaseDurationSeconds: 1,
    acquireTime: now,
    renewTime: now,
    leaseTransitions: lease.spec.leaseTransitions ?? 0,
  };
  await replace<Lease>(settings.client, resources.leases, { ...lease, spec });
}

function microTime(): string {
  return new Date().toISOString().replace("Z", "000Z");
}
