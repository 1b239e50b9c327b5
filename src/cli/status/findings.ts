import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { conditionReasons, eventReasons, reasonOfExitCode } from "../../../schema/reasons.ts";
import type { Verdict } from "../../cache/conditions.ts";
import { conditionOf } from "../../cache/status.ts";
import { lowVerdict } from "../../cache/storage-status.ts";
import { troubleOf } from "../../cache/trouble.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import type { Room } from "../../cache/usage.ts";
import { outcomesOf } from "../../controllers/outcomes.ts";
import { storageNow } from "../remote/fullness.ts";
import type { Facts, Finding, Subject } from "./facts.ts";
import { withoutPods } from "./without-pods.ts";

/**
 * What is to be said of a cache or a step: what is wrong with it, what it waits for, and what to do. The first matters most.
 *
 * @param facts - what was read
 * @param kind - what it is about
 */
export function findingsOf(facts: Facts, kind: Subject["kind"]): readonly Finding[] {
  return kind === "cache" ? ofCache(facts) : ofStep(facts);
}

const known: Readonly<Record<string, { readonly meaning: string; readonly fix?: string }>> = {
  ...conditionReasons,
  ...eventReasons.OrasCache,
  ...eventReasons.step,
};

function withFix(reason: string | undefined): { readonly todo?: string } {
  const fix = reason === undefined ? undefined : known[reason]?.fix;
  return fix === undefined ? {} : { todo: fix };
}

/** Conditions in which something is wrong when they are True. */
const wrongWhenTrue = [
  ...(["Degraded", "NodeLost", "StorageLost", "StorageLow"] as const),
  ...(["Open", "UpdatePending", "Rotating"] as const),
] as const;
const badWhenTrue: readonly string[] = ["Degraded", "NodeLost", "StorageLost"];

function levelOf(type: string, reason: string): Finding["level"] {
  if (badWhenTrue.includes(type) || reason === "RefusesSteps") return "bad";
  return type === "StorageLow" ? "note" : "waits";
}

/** What is wrong with a cache, or that nothing is. */
export function ofCache({
  cache,
  cacheName,
  namespace,
  pods,
  keeperFails,
  operatorSilent,
  room,
}: Facts): readonly Finding[] {
  if (cache === undefined) {
    const text = `There is no ${names.kind} ${cacheName} in the namespace ${namespace}.`;
    return [{ level: "bad", text, ...withFix("CacheNotFound") }];
  }
  const { status } = cache;
  const ready = conditionOf(status, "Ready");
  if (cache.metadata?.deletionTimestamp !== undefined) return [leaving(cache)];
  const silence = operatorSilent === undefined ? [] : [withoutOperator(operatorSilent)];
  if (ready === undefined || ready.reason === "Pending") {
    const text = "The operator has not looked at it yet.";
    return silence.length > 0 ? silence : [{ level: "waits", text, ...withFix("Pending") }];
  }
  // The condition is as old as the operator's last look.
  const low = room === undefined ? undefined : lowNow(cache, room);
  const wrong = wrongWhenTrue.flatMap((type): Finding[] => {
    const condition = conditionOf(status, type);
    const found = type === "StorageLow" && room !== undefined ? low : condition;
    if (found?.status !== "True") return [];
    return [
      { level: levelOf(type, found.reason), text: `${type}: ${found.message}`, ...withFix(found.reason) },
    ];
  });
  wrong.unshift(...silence);
  if (keeperFails !== undefined) wrong.push(withoutKeeper(cacheName, keeperFails));
  if (ready.status === "True")
    return wrong.length > 0 ? [good(ready.message), ...wrong] : [good(ready.message)];
  const trouble = pods.map(troubleOf).find((each) => each !== undefined);
  const own: Finding = { level: "waits", text: ready.message, ...withFix(ready.reason) };
  const ofPod: Finding[] =
    trouble === undefined ? [] : [{ level: "bad", text: trouble.message, ...withFix(trouble.reason) }];
  return wrong.some(({ level }) => level === "bad") ? [...wrong, ...ofPod] : [own, ...ofPod, ...wrong];
}

function withoutOperator(since: string): Finding {
  return {
    level: "bad",
    text: `No operator runs: its Lease was last renewed ${since} ago. What is said here may be old.`,
    ...withFix("Pending"),
  };
}

/** Whether its volume is nearly full, as its keeper says now. */
function lowNow(cache: OrasCache, room: Room): Verdict | undefined {
  const { storage } = storageNow(cache, room);
  // Before the operator's first look nobody has counted.
  return storage?.artifacts === undefined ? undefined : lowVerdict(cache as StoredOrasCache, storage);
}

function withoutKeeper(cacheName: string, why: string): Finding {
  const container = names.keeperContainer;
  return {
    level: "bad",
    text:
      `The container ${container} of the Pod ${cacheName}-0 does not answer: ${why}. Pulls and pushes go on, but nothing is ` +
      "deleted or measured, and ls does not know when artifacts were pushed.",
    todo: `Read its log: kubectl logs ${cacheName}-0 -c ${container}. If that says nothing, look at its node and its volume.`,
  };
}

/** What a cache waits for that is being deleted. */
function leaving({ status, metadata }: NonNullable<Facts["cache"]>): Finding {
  const exported = conditionOf(status, "Exported");
  if (exported === undefined) {
    const others = (metadata?.finalizers ?? []).join(", ");
    return { level: "waits", text: `It is being deleted, and waits for who set its finalizers: ${others}.` };
  }
  const level = exported.reason === "ExportFailed" ? "bad" : "waits";
  return { level, text: `It is being deleted. ${exported.message}`, ...withFix(exported.reason) };
}

function good(text: string): Finding {
  return { level: "good", text };
}

/** What a step waits for, or how it ended. */
export function ofStep(facts: Facts): readonly Finding[] {
  const { job, pods } = facts;
  if (job?.spec?.suspend) {
    const todo = "Set spec.suspend of the Job to false, or wait for who does, such as a queue.";
    return [{ level: "waits", text: "The Job is suspended.", todo }];
  }
  const done = job?.status?.conditions?.find(
    ({ type, status }) => status === "True" && (type === "Complete" || type === "Failed"),
  );
  if (done?.type === "Complete") {
    const told = pods.flatMap(toldBy);
    return told.length > 0 ? counted(pods.map(toldBy)) : [good("It is complete.")];
  }
  if (done !== undefined) {
    const why = `The Job failed: ${done.message ?? done.reason ?? ""}`;
    return [...counted(pods.map((pod) => endOf(pod, facts))), { level: "bad", text: why }];
  }
  if (pods.length === 0) return [withoutPods(facts.events)];
  return counted(pods.map((pod) => ofPod(pod, facts)));
}

/** What the containers of a Pod say of how they ended. */
function toldBy(pod: V1Pod): Finding[] {
  const ended = pod.status?.phase === "Succeeded";
  return outcomesOf(pod).map(({ note }): Finding => {
    const usual = note.type === "Warning" ? "bad" : "good";
    const level = note.reason === "NotPushed" ? (ended ? "note" : "bad") : usual;
    return { level, text: note.note, ...withFix(note.reason) };
  });
}

/** Pods of a Job often say the same: that is said once. */
function counted(ofPods: readonly (readonly Finding[])[]): readonly Finding[] {
  const byText = new Map<string, { readonly finding: Finding; readonly pods: Set<number> }>();
  ofPods.forEach((findings, pod) => {
    for (const finding of findings) {
      const known = byText.get(finding.text) ?? { finding, pods: new Set() };
      byText.set(finding.text, known);
      known.pods.add(pod);
    }
  });
  return [...byText.values()].map(({ finding, pods: { size } }) =>
    size === 1 ? finding : { ...finding, text: `${finding.text} (${size} Pods)` },
  );
}

function ofPod(pod: V1Pod, facts: Facts): Finding[] {
  const { phase } = pod.status ?? {};
  const told = toldBy(pod);
  if (phase === "Succeeded") return told.length > 0 ? told : [good("It ended with success.")];
  if (phase === "Failed") return endOf(pod, facts);
  const trouble = troubleOf(pod);
  if (trouble !== undefined) return [{ level: "bad", text: trouble.message, ...todoOf(trouble.reason) }];
  const waits = waitsFor(pod, facts);
  if (waits.length > 0) return waits;
  return [...told, phase === "Running" ? good("It runs.") : notStarted(pod, facts)];
}

/** Why a Pod has not started in which nothing is wrong, as far as that is known. */
function notStarted({ metadata, status }: V1Pod, { events }: Facts): Finding {
  const { initContainerStatuses = [], containerStatuses = [], phase } = status ?? {};
  const init = initContainerStatuses.find(({ state, ready }) => state?.running !== undefined && !ready);
  if (init !== undefined) return { level: "waits", text: `Its init container ${init.name} is at work.` };
  const waiting = [...initContainerStatuses, ...containerStatuses].find(({ state }) => state?.waiting);
  const why = waiting?.state?.waiting?.reason ?? phase ?? "not seen by a node yet";
  const last = events.find(({ about }) => about === `Pod/${metadata?.name}`);
  const text = `The Pod ${metadata?.name} has not started: ${why}.`;
  return { level: "waits", text: last === undefined ? text : `${text} The last Event: ${last.note}` };
}

/** The table speaks of registries; a step's Pod is the author's. */
function todoOf(reason: string): { readonly todo?: string } {
  if (reason === "ImagePullFailed") return { todo: "Correct the image, or give the Pod imagePullSecrets." };
  if (reason === "Unschedulable")
    return { todo: "Make room on a node, or ask for less; the message says what is missing." };
  if (reason === "CreateContainerConfigError")
    return { todo: "Create what the message names, or correct the Pod." };
  return {};
}

/** Containers of the operator that are at work before the program, with what they said last. */
function waitsFor(pod: V1Pod, facts: Facts): Finding[] {
  const { cache, said } = facts;
  const name = pod.metadata?.name ?? "";
  const puller = [names.pullContainer, names.pushContainer].find((each) => said.has(`${name}/${each}`));
  const line = puller === undefined ? undefined : said.get(`${name}/${puller}`);
  const isBefore = (pod.status?.containerStatuses ?? []).some(({ state }) => state?.waiting !== undefined);
  if (!isBefore && puller !== names.pushContainer) return [];
  const own: Finding[] =
    line === undefined ? [] : [{ level: "waits", text: `Its container ${puller} says: ${line}` }];
  const isReady = conditionOf(cache?.status, "Ready")?.status === "True";
  return isReady ? own : [...own, ...ofCache({ ...facts, pods: [] }).filter(({ level }) => level !== "good")];
}

const exitsOfOperator = new Map<number, { readonly name: string; readonly meaning: string }>(
  Object.entries(exitCodes).map(([name, { code, meaning }]) => [code, { name, meaning }]),
);

/** How a Pod that failed ended: what its containers say, and the ends that they do not speak of. */
function endOf(pod: V1Pod, facts: Facts): Finding[] {
  const { initContainerStatuses = [], containerStatuses = [], message, phase } = pod.status ?? {};
  const told = toldBy(pod);
  const ends = [...initContainerStatuses, ...containerStatuses].flatMap((status) =>
    endOfContainer(status, told, pod.metadata?.name ?? "POD"),
  );
  const found = [...told, ...ends];
  if (found.length === 0 && phase === "Failed") return [{ level: "bad", text: message ?? "The Pod failed." }];
  // Its registry's name is that of an OrasCache that is not there.
  const { code } = exitCodes.registryUnavailable;
  const isAway = found.some(({ text }) => isAbout(text, code) && text.includes(`${facts.cacheName}-0`));
  return isAway && facts.cache === undefined ? [...ofCache(facts), ...found] : found;
}

function isAbout(text: string, exitCode: number): boolean {
  return text.endsWith(`(exit code ${exitCode})`);
}

function endOfContainer(
  { name, state }: V1ContainerStatus,
  told: readonly Finding[],
  pod: string,
): Finding[] {
  const { exitCode, message, reason } = state?.terminated ?? {};
  if (exitCode === undefined || exitCode === 0) return [];
  if (told.some(({ text }) => isAbout(text, exitCode))) return [];
  const own = exitsOfOperator.get(exitCode);
  // "Error" is what every end has that is none of another reason.
  const meaning = own?.meaning ?? message ?? (reason === "Error" ? "" : (reason ?? ""));
  const text = `The container ${name} ended with exit code ${exitCode}. ${meaning}`.trim();
  const todo =
    own === undefined ? undefined : known[reasonOfExitCode(own.name as keyof typeof exitCodes)]?.fix;
  return [{ level: "bad", text, todo: todo ?? `Read its log: kubectl logs ${pod} -c ${name}` }];
}
