import { names } from "../../schema/names.ts";
import type { EventSender } from "../kube/events.ts";
import { forgetOldest } from "../kube/forget.ts";
import type { KubeObject } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { type Artifact, cacheOf, idIn, idOf, isHeld, mayPush, spokenArtifact } from "../workflow/step.ts";
import type { Heads } from "./heads.ts";
import { cacheIn, pushesOf } from "./outcomes.ts";
import type { StepJob } from "./step-jobs.ts";
import type { StepPod } from "./step-pods.ts";
import type { WorkflowStep, WorkflowSteps } from "./workflow-steps.ts";

/** Who reads what by a digest that its tag had when the step was started. */
export interface MovedTags {
  /** Whether such a step reads an artifact. */
  readonly anyOn: (namespace: string, artifact: Artifact) => boolean;
  /** Whether such a step reads something of a cache, by its key. */
  readonly anyFor: (cache: string) => boolean;
  /** Something was pushed there: tells the steps that read another digest, once each. */
  readonly look: (namespace: string, artifact: Artifact) => Promise<void>;
  /** Tells the key of each cache from which such a step reads, now and later. */
  readonly onRead: (tell: (cache: string) => void) => void;
}

type Mirror<T extends KubeObject> = Pick<Reflector<T>, "store" | "subscribe">;

interface Sources {
  readonly jobs: Mirror<StepJob>;
  readonly pods: Mirror<StepPod>;
  readonly steps: Pick<WorkflowSteps, "ofJob" | "ofPod">;
  readonly heads: Pick<Heads, "of" | "outdated">;
  readonly send: EventSender;
  readonly signal: AbortSignal;
}

/** A step that reads an artifact by a digest. */
interface Reader {
  readonly step: WorkflowStep;
  readonly input: Artifact;
  readonly pin: string;
}

const mostTold = 20_000;
/**
 * A namespace has room for some hundred Events a minute, and others need some of it: the rest of thousands of readers is told later,
 * whichever of their tags have moved.
 */
const mostAMinute = 100;
const minuteMs = 60_000;

/** What is left of a minute in a namespace. */
interface Minute {
  events: number;
  /** Of which readers are left, by their ids: those that come first are told of first. */
  readonly artifacts: Map<string, Artifact>;
}

/** Those that are known, by what they read. */
function createReaders() {
  const byArtifact = new Map<string, Map<string, Reader>>();
  const byCache = new Map<string, Set<string>>();
  const idsOf = new Map<string, readonly string[]>();
  const forget = (uid: string) => {
    for (const id of idsOf.get(uid) ?? [])
      for (const members of [byArtifact, byCache]) {
        members.get(id)?.delete(uid);
        if (members.get(id)?.size === 0) members.delete(id);
      }
    idsOf.delete(uid);
  };
  return {
    byArtifact,
    byCache,
    forget,
    /** Instead of what was known of the step. */
    put: ({ uid, namespace }: WorkflowStep, reads: readonly Reader[]): ReadonlySet<string> => {
      forget(uid);
      const caches = new Set(reads.map(({ input }) => `${namespace}/${cacheOf(input)}`));
      const ids = reads.map(({ input }) => idIn(namespace, input));
      reads.forEach((reader, at) => {
        const id = ids[at] ?? "";
        byArtifact.set(id, (byArtifact.get(id) ?? new Map<string, Reader>()).set(uid, reader));
      });
      for (const cache of caches) byCache.set(cache, (byCache.get(cache) ?? new Set<string>()).add(uid));
      if (reads.length > 0) idsOf.set(uid, [...ids, ...caches]);
      return caches;
    },
  };
}

/**
 * Watches the steps that were started with a digest. Nobody asks a registry for them: what tells of a push is what the operator
 * hears anyway, from registries and from Pods that have pushed. What is told is what the registry says then.
 *
 * @param sources - see there
 */
export function createMovedTags({ jobs, pods, steps, heads, send, signal }: Sources): MovedTags {
  const readers = createReaders();
  const told = new Set<string>();
  const minutes = new Map<string, Minute>();
  let tell: (cache: string) => void = () => {};

  const change = <T extends KubeObject>(
    view: (object: T) => WorkflowStep | undefined,
    now: T | undefined,
    before: T | undefined,
  ) => {
    readers.forget(before?.metadata?.uid ?? "");
    const step = now && view(now);
    if (step === undefined) return;
    for (const cache of readers.put(step, readsOf(step))) tell(cache);
  };
  const look = async (namespace: string, artifact: Artifact) => {
    const head = await heads.of(namespace, artifact);
    if (!("digest" in head)) return;
    const readersOf = [...(readers.byArtifact.get(idIn(namespace, artifact))?.values() ?? [])];
    const due = readersOf.filter((reader) => !knows(reader, head.digest));
    if (due.length === 0) return;
    const minute = minuteOf(namespace);
    const first = due.slice(0, minute.events);
    minute.events -= first.length;
    const sent = await Promise.all(first.map((reader) => tellOf(reader, head.digest)));
    // By now it may be another minute.
    if (due.length > first.length || sent.includes(false))
      minuteOf(namespace).artifacts.set(idIn(namespace, artifact), artifact);
  };
  const idOfReader = ({ step, input }: Reader) => `${step.uid} ${idOf(input)}`;
  const knows = (reader: Reader, digest: string) => reader.pin === digest || told.has(idOfReader(reader));
  /** @returns whether it knows by now */
  const tellOf = async (reader: Reader, digest: string): Promise<boolean> => {
    const { step, input, pin } = reader;
    const id = idOfReader(reader);
    const note = `The tag of ${spokenArtifact(input)} has moved to ${digest}. This step goes on with ${pin}, which it was started with; run it again if it is to read the new one.`;
    const event = { type: "Normal", reason: "InputTagMoved", action: "Read", note, occasion: id } as const;
    if (!(await send(step.object, event))) return false;
    told.add(id);
    forgetOldest(told, mostTold);
    return true;
  };
  const lookAt = (namespace: string, artifact: Artifact) =>
    // Where the registry does not answer, nothing is known to have moved.
    void look(namespace, artifact).catch(() => undefined);
  const minuteOf = (namespace: string): Minute => {
    const known = minutes.get(namespace);
    if (known !== undefined) return known;
    const minute: Minute = { events: mostAMinute, artifacts: new Map() };
    minutes.set(namespace, minute);
    setTimeout(() => {
      minutes.delete(namespace);
      // Where another one leads, it tells whom it can.
      if (!signal.aborted) for (const artifact of minute.artifacts.values()) lookAt(namespace, artifact);
    }, minuteMs).unref();
    return minute;
  };
  const heardOf = (pod: StepPod) => {
    const namespace = pod.metadata?.namespace ?? "";
    for (const { artifact } of pushesOf(pod)) {
      const place = artifactIn(artifact, namespace, (name) => readers.byCache.has(`${namespace}/${name}`));
      if (place === undefined || !readers.byArtifact.has(idIn(namespace, place))) continue;
      heads.outdated(namespace, place);
      lookAt(namespace, place);
    }
  };

  for (const job of jobs.store.values()) change(steps.ofJob, job, undefined);
  for (const pod of pods.store.values()) change(steps.ofPod, pod, undefined);
  jobs.subscribe((_key, now, before) => change(steps.ofJob, now, before));
  pods.subscribe((_key, now, before) => {
    change(steps.ofPod, now, before);
    if (now && readers.byArtifact.size > 0 && hasPushed(now, before)) heardOf(now);
  });

  return {
    anyOn: (namespace, artifact) => readers.byArtifact.has(idIn(namespace, artifact)),
    anyFor: (cache) => readers.byCache.has(cache),
    look,
    onRead: (to) => {
      tell = to;
      for (const cache of readers.byCache.keys()) to(cache);
    },
  };
}

function hasPushed(now: StepPod, before: StepPod | undefined): boolean {
  return pushesOf(now).length > (before === undefined ? 0 : pushesOf(before).length);
}

/** What a step that was started reads by the digest that a tag of a cache had. What it pushes itself has not moved under it. */
function readsOf(step: WorkflowStep): Reader[] {
  const { plan, object, state } = step;
  const { labels, annotations } = object.metadata ?? {};
  if (state !== "live" || isHeld(labels)) return [];
  const pins = annotations?.[names.inputDigestsAnnotation]?.split(",") ?? [];
  return plan.inputs.flatMap((input, at) => {
    const pin = pins[at] ?? "";
    const isTag = input.version.startsWith(":") && pin.startsWith("sha256:") && cacheOf(input) !== undefined;
    const isOwn = plan.output !== undefined && mayPush(plan.output, input);
    return isTag && !isOwn ? [{ step, input, pin }] : [];
  });
}

function artifactIn(
  address: string,
  namespace: string,
  isCache: (name: string) => boolean,
): Artifact | undefined {
  const found = cacheIn(address, namespace, isCache);
  const parts = /^(.+)(:[^:/]+)$/.exec(found?.path ?? "");
  return parts?.[1] && parts[2] && found
    ? { registry: `cache ${found.name}`, repository: parts[1], version: parts[2] }
    : undefined;
}
