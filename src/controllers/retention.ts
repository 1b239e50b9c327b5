import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { CacheName } from "../cache/access.ts";
import { identityOf } from "../cache/owner.ts";
import type { RetentionOutcome } from "../cache/retention-status.ts";
import { conditionOf } from "../cache/status.ts";
import { keepsArtifacts } from "../cache/storage.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import type { RetentionKeeper } from "../keeper/retention.ts";
import type { KubeClient } from "../kube/client.ts";
import { timestamp } from "../kube/clock.ts";
import { type Controller, manualWatch, type Watch, watchOf } from "../kube/controller.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { assertLeads, type Leads } from "../kube/fence.ts";
import { keyOf, nameOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { deleteManifest } from "../registry/delete.ts";
import type { Peer } from "../registry/peer.ts";
import type { Deletion } from "../retention/facts.ts";
import { policyOf } from "../retention/policy.ts";
import { nextTime, ownSchedule, parseSchedule } from "../retention/schedule.ts";
import { keepList } from "../retention/uses.ts";
import { doneWords, plannedWords } from "../retention/words.ts";
import { firstPod } from "./first-pod.ts";
import { rememberingOf } from "./remembering.ts";
import { type PassSettings, planPass, runPass } from "./retention-pass.ts";
import { stepInputs } from "./step-inputs.ts";
import { keeperAccess, registryAccess } from "./trust.ts";

/** What retention needs. */
export interface RetentionSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly caches: Reflector<StoredOrasCache>;
  readonly publish: EventRecorder;
  readonly operatorKey: string;
  /** For example `cluster.local`. */
  readonly clusterDomain: string;
  readonly keeperOf: (peer: Peer, token: string, namespace: string) => RetentionKeeper;
  readonly count: (
    cache: { name: string; namespace: string },
    deleted: readonly Deletion[] | "failed",
    now: number,
  ) => void;
  readonly forget: (cache: CacheName) => void;
  readonly leads: Leads;
  readonly signal: AbortSignal;
}

/** Retention, and what it tells the controller of caches. */
export interface Retention {
  readonly controller: Controller;
  /** How the last pass of a cache ended, if there was one. */
  readonly outcomeOf: (key: string) => RetentionOutcome | undefined;
  /** Tells of caches whose pass has ended. */
  readonly watch: Watch;
}

/**
 * A pass waits for keepers and registries, and holds what it plans with in memory. One whose keeper hangs can take an hour, so
 * each namespace has one at a time.
 */
const workers = 4;
const parts = 4;
/** A time that was missed, because nobody led, is made up for within this time. */
const lateMs = 10 * 60_000;

interface Memory {
  readonly uid: string;
  /** Times of the schedule before this one are over. */
  since: number;
  /** What a dry run was last made for. */
  shown: string | undefined;
  outcome?: RetentionOutcome;
}

/** Deletes artifacts when the schedules of their caches say so. */
export function createRetention(settings: RetentionSettings): Retention {
  const { caches, log, publish, client } = settings;
  const memories = new Map<string, Memory>();
  const { watch, tell } = manualWatch();

  const remembered = (key: string, cache: StoredOrasCache): Memory => {
    const { uid } = identityOf(cache);
    const known = memories.get(key);
    if (known?.uid === uid) return known;
    const last = Date.parse(cache.status?.storage?.lastSweep ?? "");
    // Who reads a dry run for the first time does not want to wait an hour for it.
    const shown = Number.isNaN(last) ? undefined : shownFor(cache);
    const memory: Memory = { uid, since: Number.isNaN(last) ? client.now() : last, shown };
    memories.set(key, memory);
    return memory;
  };

  const run = async (key: string, cache: StoredOrasCache, memory: Memory) => {
    const time = timestamp(client.now());
    try {
      const pass = await passSettings(settings, cache);
      if (cache.spec.retention?.dryRun) {
        const message = plannedWords(await planPass(pass));
        memory.outcome = {
          time,
          freedBytes: 0,
          verdict: { status: "True", reason: "RetentionPlanned", message },
        };
      } else {
        const done = await runPass(pass);
        settings.count(nameOf(key), done.deleted, client.now());
        const { freed } = done.sweep;
        memory.outcome = {
          ...{ time, freedBytes: Math.round(freed) },
          verdict: { status: "True", reason: "Swept", message: doneWords(done) },
        };
      }
    } catch (error) {
      // Another leader goes on.
      if (settings.signal.aborted || !settings.leads()) return;
      settings.count(nameOf(key), "failed", client.now());
      memory.outcome = { verdict: { status: "False", reason: "SweepFailed", message: sentenceOf(error) } };
    }
    const note = noteOf(memory.outcome);
    log.info({ cache: key, reason: note.reason }, note.note);
    publish(cache, note);
    tell(key);
  };

  /** After how many milliseconds it is time, if ever. */
  const waitOf = (cache: StoredOrasCache, memory: Memory): number | undefined => {
    const { retention, suspend, deploy } = cache.spec;
    if (retention === undefined || retention.suspend || suspend || !deploy) return undefined;
    const isAvailable = conditionOf(cache.status, "Available")?.status === "True";
    if (retention.dryRun && isAvailable && memory.shown !== shownFor(cache)) return 0;
    const schedule = parseSchedule(retention.schedule ?? ownSchedule(memory.uid));
    const now = client.now();
    // One that lies ahead was written by a clock that was wrong.
    const due = nextTime(schedule, Math.max(Math.min(memory.since, now), now - lateMs));
    return due === undefined ? undefined : Math.max(due - now, 0);
  };

  const reconcile = async (key: string): Promise<number | undefined> => {
    const cache = caches.store.get(key);
    if (cache?.spec.retention === undefined || cache.metadata?.deletionTimestamp) {
      memories.delete(key);
      settings.forget(nameOf(key));
      return undefined;
    }
    const memory = remembered(key, cache);
    const wait = waitOf(cache, memory);
    if (wait !== 0) return wait;
    memory.since = client.now();
    memory.shown = shownFor(cache);
    await run(key, cache, memory);
    return waitOf(caches.store.get(key) ?? cache, memory);
  };

  return {
    controller: {
      name: "retention",
      watches: [
        watchOf(caches, (now, before) => [now ?? before].flatMap((one) => (one ? [keyOf(one)] : []))),
      ],
      reconcile,
      workers,
      parts,
    },
    outcomeOf: (key) => memories.get(key)?.outcome,
    watch,
  };
}

/** What a dry run is made for, once, as soon as it can be. */
function shownFor({ spec }: StoredOrasCache): string | undefined {
  return spec.retention?.dryRun ? JSON.stringify([spec.retention, spec.workflow?.memo]) : undefined;
}

async function passSettings(settings: RetentionSettings, cache: StoredOrasCache): Promise<PassSettings> {
  const { client, caches, operatorKey, clusterDomain, keeperOf, leads, signal } = settings;
  const { namespace, name } = identityOf(cache);
  const keep = keepList(cache.metadata?.annotations?.[names.keepAnnotation] ?? "");
  if (!("hasTag" in keep)) {
    const entries = keep.map(({ entry }) => JSON.stringify(entry.slice(0, 100))).join(", ");
    throw new Error(
      `the annotation ${names.keepAnnotation} of the OrasCache has ${entries}; allowed are repositories with * and **, ` +
        "with :tag or @sha256:… after them, separated by commas. Nothing is deleted until it is corrected",
    );
  }
  if (!keepsArtifacts(cache))
    throw new Error(
      "variables of secrets.orasEnv or env may choose where the artifacts are, so no keeper can look after them; set " +
        "spec.storage, or delete artifacts by other means",
    );
  const pod = await firstPod(client, cache, signal);
  const keeper = pod && (await keeperAccess(pod, { namespace, name }, operatorKey, client.now()));
  const registry = pod && (await registryAccess(pod, cache, { operatorKey, clusterDomain }, client));
  if (pod === undefined || registry === undefined || keeper === undefined)
    throw new Error(
      cache.spec.storage?.s3 === undefined
        ? "no Pod of the registry is ready"
        : `Pod ${name}-0, whose keeper looks after the bucket, is not ready`,
    );
  if (!pod.spec?.containers.some((container) => container.name === names.keeperContainer))
    throw new Error(
      "the registry's Pod was made by an earlier version and has no keeper; delete it, or set the annotation " +
        `${names.restartAnnotation}, when its artifacts are no longer needed`,
    );
  const { retention } = cache.spec;
  if (retention === undefined) throw new Error("the OrasCache has no retention");
  return {
    policy: policyOf(retention),
    keep,
    remembering: rememberingOf(cache, operatorKey),
    keeper: keeperOf(keeper.peer, keeper.token, namespace),
    now: client.now,
    uses: () => stepInputs(client, namespace, signal),
    remove: (repository, reference) => deleteManifest({ ...registry, repository, reference, signal }),
    assertWanted: () => {
      assertLeads(leads);
      if (wantedOf(caches.store.get(keyOf(cache))) === wantedOf(cache)) return;
      throw new Error(
        "the OrasCache was changed or deleted while artifacts were deleted; what was left is looked at again at the next time, if it says so",
      );
    },
    signal,
  };
}

/** What a pass is made for: a change of any of it ends the pass. */
function wantedOf(cache: StoredOrasCache | undefined): string {
  const { uid, deletionTimestamp, annotations } = cache?.metadata ?? {};
  const { retention, suspend, deploy, workflow } = cache?.spec ?? {};
  const isGone = deletionTimestamp !== undefined;
  return JSON.stringify([
    uid,
    isGone,
    annotations?.[names.keepAnnotation],
    retention,
    suspend,
    deploy,
    workflow?.memo,
  ]);
}

function noteOf({ verdict }: RetentionOutcome): EventNote {
  const { reason, message } = verdict;
  if (reason === "SweepFailed") return { type: "Warning", reason, action: "Sweep", note: message };
  const action = reason === "Swept" ? "Sweep" : "Plan";
  return { type: "Normal", reason: reason as "Swept" | "RetentionPlanned", action, note: message };
}
