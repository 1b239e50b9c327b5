import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { conditionReasons, eventReasons } from "../../../schema/reasons.ts";
import { conditionOf } from "../../cache/status.ts";
import { troubleOf } from "../../cache/trouble.ts";
import { outcomesOf } from "../../controllers/outcomes.ts";
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
const wrongWhenTrue = ["Degraded", "NodeLost", "StorageLost", "Open", "UpdatePending", "Rotating"] as const;

/** What is wrong with a cache, or that nothing is. */
export function ofCache({
  cache,
  cacheName,
  namespace,
  pods,
  keeperFails,
  operatorSilent,
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
  const wrong = wrongWhenTrue.flatMap((type): Finding[] => {
    const found = conditionOf(status, type);
    if (found?.status !== "True") return [];
    const level = type === "Degraded" || type === "NodeLost" ? "bad" : "waits";
    return [{ level, text: `${type}: ${found.message}`, ...withFix(found.reason) }];
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
  const told = pods
    .flatMap((pod) => outcomesOf(pod))
    .map(({ note }): Finding => {
      const level = note.type === "Warning" ? "bad" : "good";
      return { level, text: note.note, ...withFix(note.reason) };
    });
  if (done?.type === "Complete") return told.length > 0 ? told : [good("It is complete.")];
  const ends = pods.flatMap(endOf);
  if (done !== undefined) {
    const why = `The Job failed: ${done.message ?? done.reason ?? ""}`;
    return [
      ...told,
      ...ends.filter(({ text }) => !told.some((each) => each.text === text)),
      { level: "bad", text: why },
    ];
  }
  if (pods.length === 0) return [withoutPods(facts.events)];
  return pods.flatMap((pod) => ofPod(pod, facts, told));
}

function ofPod(pod: V1Pod, facts: Facts, told: readonly Finding[]): Finding[] {
  const { phase } = pod.status ?? {};
  if (phase === "Succeeded") return told.length > 0 ? [...told] : [good("It ended with success.")];
  if (phase === "Failed") return told.length > 0 ? [...told] : endOf(pod);
  const trouble = troubleOf(pod);
  if (trouble !== undefined) return [{ level: "bad", text: trouble.message, ...todoOf(trouble.reason) }];
  const waits = waitsFor(pod, facts);
  return waits.length > 0 ? waits : [...told, good(`It runs${phase === "Running" ? "" : `: ${phase}`}.`)];
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

const meanings = new Map<number, string>(
  Object.values(exitCodes).map(({ code, meaning }) => [code, meaning]),
);

/** How the containers of a Pod that failed ended. */
function endOf(pod: V1Pod): Finding[] {
  const { initContainerStatuses = [], containerStatuses = [], message } = pod.status ?? {};
  const ends = [...initContainerStatuses, ...containerStatuses].flatMap(endOfContainer);
  if (ends.length > 0 || pod.status?.phase !== "Failed") return ends;
  return [{ level: "bad", text: message ?? "The Pod failed." }];
}

function endOfContainer({ name, state }: V1ContainerStatus): Finding[] {
  const { exitCode, message, reason } = state?.terminated ?? {};
  if (exitCode === undefined || exitCode === 0) return [];
  const meaning = meanings.get(exitCode) ?? message ?? reason ?? "";
  const text = `The container ${name} ended with exit code ${exitCode}. ${meaning}`.trim();
  return [{ level: "bad", text, todo: `Read its log: kubectl logs, with -c ${name}.` }];
}
