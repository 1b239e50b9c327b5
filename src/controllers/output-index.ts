import type { Logger } from "pino";
import type { StoredOrasCache } from "../cache/types.ts";
import { createInTurn, type InTurn } from "../common/in-turn.ts";
import { indexesIn } from "../common/indexes.ts";
import { type Controller, watchOf } from "../kube/controller.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { EventNote, EventRecorder } from "../kube/events.ts";
import { keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { indexSentence } from "../lineage/index-told.ts";
import { digestOf } from "../registry/blobs.ts";
import { manifestHead } from "../registry/head.ts";
import { longestManifest, writeManifest } from "../registry/manifests.ts";
import type { OwnRegistry } from "../registry/own.ts";
import { indexManifest, isAmong, mostParts, partsOf } from "../workflow/output-index.ts";
import { type Artifact, cacheOf, idIn, spokenArtifact } from "../workflow/step.ts";
import type { CacheAccess } from "./cache-access.ts";
import type { Told } from "./gate-writes.ts";
import type { Heads } from "./heads.ts";
import { createIndexOrder, type IndexOrder } from "./index-order.ts";
import { readParts, toldBy } from "./output-index-parts.ts";
import { completedAt, type OutputIndexes, pendingReason } from "./output-indexes.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { Waiters } from "./waiters.ts";
import type { WorkflowSteps } from "./workflow-steps.ts";

/** What writing indexes of outputs needs. */
export interface OutputIndexSettings {
  readonly client: { readonly now: () => number };
  readonly log: Logger;
  readonly publish: EventRecorder;
  readonly jobs: Pick<Reflector<StepJob>, "store" | "subscribe" | "synced">;
  readonly pods: Pick<Reflector<StepPod>, "store" | "subscribe" | "synced">;
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly steps: Pick<WorkflowSteps, "podsOfJob" | "namersOf" | "ofJob">;
  readonly access: CacheAccess;
  readonly heads: Pick<Heads, "outdated">;
  readonly waiters: Pick<Waiters, "wake">;
  readonly indexes: OutputIndexes;
  /** Says on a Job what has become of its index. */
  readonly mark: (job: StepJob, told: Told) => Promise<void>;
  /** Throws where this replica does not lead any more. */
  readonly mayWrite: () => void;
  readonly signal: AbortSignal;
}

const againMs = 5_000;
/** A registry may be away for a while. */
const longestTriesMs = 60 * 60_000;
/** A leader that has not renewed its Lease for 10 s writes no more, and another leads after 15 s. */
const longestWriteMs = 5_000;

/** What has become of an index: a sentence without a full stop where it is not written. */
type Written =
  | { readonly digest: string; readonly count: number }
  | { readonly not: string }
  | { readonly later: string }
  /** By a step that was complete later: what this one would write now is old. */
  | { readonly superseded: string }
  /** What the tag has may be newer. */
  | { readonly left: string };

/**
 * The controller that writes the index of what the Pods of an Indexed Job have pushed, when the Job is complete.
 *
 * @param settings - see there
 */
export function outputIndexController(settings: OutputIndexSettings): Controller {
  const { client, jobs, pods, indexes, mark } = settings;
  // A Job may be deleted as soon as it is complete.
  const due = new Map<string, Due>();
  const writing = { ...settings, inTurn: createInTurn(), order: createIndexOrder(settings.steps) };
  return {
    name: "output-index",
    watches: [
      watchOf(jobs, (now) => {
        if (now === undefined || completedAt(now) === undefined || indexes.of(now) !== "due") return [];
        const known = due.get(keyOf(now));
        if (known?.job.metadata?.uid === now.metadata?.uid) Object.assign(known ?? {}, { job: now });
        else due.set(keyOf(now), { job: now, since: client.now() });
        return [keyOf(now)];
      }),
      // Of them, what they have pushed.
      watchOf(pods, () => []),
    ],
    reconcile: async (key) => {
      const one = due.get(key);
      if (one?.job.plan?.index === undefined) return undefined;
      const told = one.told ?? (await settle(writing, one, one.job.plan.index));
      if (told === undefined) return undefined;
      if ("because" in told) {
        // Who leads next does not take what the tag has for it.
        const { because: message } = told;
        if (!one.isTold) await mark(one.job, { status: "False", reason: pendingReason, message });
        one.isTold = true;
        return againMs;
      }
      // Where that is not written, it alone is tried again.
      one.told = told;
      await mark(one.job, told);
      if (due.get(key) === one) due.delete(key);
      return undefined;
    },
    workers: 4,
  };
}

/** A Job whose index is to be written. */
interface Due {
  readonly job: StepJob;
  /** When this leader saw it first, in milliseconds since 1970. */
  readonly since: number;
  /** Whether it stands on the Job that it is still to be written. */
  isTold?: boolean;
  /** What has become of it, until that stands on the Job. */
  told?: Told;
}

/** With the turns in which an index is written, and who was last. */
interface WriteSettings extends OutputIndexSettings {
  readonly inTurn: InTurn;
  readonly order: IndexOrder;
}

/** @returns what has become of it, or why it is tried again; undefined where this process ends */
async function settle(
  settings: WriteSettings,
  { job, since }: Due,
  index: Artifact,
): Promise<Told | { readonly because: string } | undefined> {
  const { client, log, publish, heads, waiters, indexes } = settings;
  const namespace = job.metadata?.namespace ?? "";
  const written = await write(settings, job, index).catch(
    (error: unknown): Written => ({ later: sentenceOf(error) }),
  );
  if (settings.signal.aborted) return undefined;
  const name = spokenArtifact(index);
  if ("superseded" in written) {
    indexes.note(job, "past");
    log.debug({ job: keyOf(job), index: name, by: written.superseded }, "output index");
    const message = `${written.superseded}, which was complete later, has written ${name}, or will.`;
    return { status: "True", reason: "IndexSuperseded", message };
  }
  if ("left" in written) {
    indexes.note(job, "past");
    const message = `${name} is ${written.left}, and may be from a later run: it was there when the operator found this Job, which had been complete for long. It is left alone; to have that of this Job, create the Job again.`;
    log.info({ job: keyOf(job), index: name, digest: written.left }, "output index is left alone");
    return { status: "True", reason: "IndexSuperseded", message };
  }
  if ("later" in written && client.now() - since < longestTriesMs) {
    const because = `${name} is not written: ${written.later}. It is tried again.`;
    publish(job, notPushed(because));
    return { because };
  }
  let told: Told;
  if ("digest" in written) {
    const { digest, count } = written;
    indexes.note(job, { digest });
    const note = indexSentence({ artifact: name, digest }, count);
    publish(job, { type: "Normal", reason: "IndexPushed", action: "Push", note, occasion: digest });
    log.info({ job: keyOf(job), index: name, digest, count }, "output index");
    told = { status: "True", reason: "IndexPushed", message: note };
  } else {
    indexes.note(job, "failed");
    const because = "not" in written ? written.not : written.later;
    const event = notPushed(`${name} is not written: ${because}.`);
    publish(job, event);
    log.warn({ job: keyOf(job), index: name, because }, "output index is not written");
    told = { status: "False", reason: event.reason, message: event.note };
  }
  heads.outdated(namespace, index);
  waiters.wake(namespace, index);
  return told;
}

function notPushed(note: string): EventNote {
  return { type: "Warning", reason: "IndexNotPushed", action: "Push", note };
}

async function write(settings: WriteSettings, job: StepJob, index: Artifact): Promise<Written> {
  const { caches, access, steps, inTurn, order, indexes, mayWrite, signal } = settings;
  const { metadata, spec, status, plan } = job;
  const namespace = metadata?.namespace ?? "";
  const cache = caches.store.get(`${namespace}/${cacheOf(index)}`);
  const step = steps.ofJob(job);
  if (plan?.output === undefined || step === undefined || !cache?.spec.deploy)
    return { not: "its registry is none that the operator runs" };
  const later = order.laterThan(step, index);
  if (later !== undefined) return { superseded: later };
  const numbers = [...indexesIn(status?.completedIndexes, spec?.completions ?? 0)];
  if (numbers.length > mostParts)
    return { not: `it would have ${numbers.length} parts, and ${mostParts} is the most` };
  const named = partsOf(plan.output, numbers);
  if (isAmong(index, named)) return { not: "one of the artifacts has this name" };
  const found = await access.to(cache);
  if (found === undefined) return { later: `the registry of OrasCache ${cacheOf(index)} is not ready` };
  const { repository } = index;
  const tag = index.version.slice(1);
  try {
    const held = indexes.isOld(job) ? await heldBy({ ...found, signal }, repository, tag) : undefined;
    if (held !== undefined) return { left: held };
    const told = toldBy(steps.podsOfJob(metadata?.uid ?? ""));
    const parts = await readParts({ ...found, signal }, named, told);
    if ("missing" in parts) return { not: `${parts.missing} is not in the registry` };
    const manifest = indexManifest(parts);
    if (manifest.bytes.length > longestManifest)
      return { not: `it would have ${manifest.bytes.length} bytes` };
    return await inTurn(idIn(namespace, index), async (): Promise<Written> => {
      // To read thousands of parts takes a while: another Job may have been complete meanwhile, and its index be there.
      const latest = order.laterThan(step, index);
      if (latest !== undefined) return { superseded: latest };
      mayWrite();
      const inTime = AbortSignal.any([signal, AbortSignal.timeout(longestWriteMs)]);
      await writeManifest({ ...found, signal: inTime }, repository, tag, manifest);
      order.wrote(step, index);
      return { digest: digestOf(manifest.bytes), count: parts.length };
    });
  } catch (error) {
    access.forget(cache);
    throw error;
  }
}

async function heldBy(
  { peer, authorization, signal }: OwnRegistry,
  repository: string,
  tag: string,
): Promise<string | undefined> {
  const held = await manifestHead(peer, repository, tag, authorization, signal);
  if ("digest" in held) return held.digest;
  if ("missing" in held) return undefined;
  throw new Error("unknown" in held ? held.unknown : held.refused);
}
