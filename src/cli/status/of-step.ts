import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { reasonOfExitCode } from "../../../schema/reasons.ts";
import { conditionOf } from "../../cache/status.ts";
import { troubleOf } from "../../cache/trouble.ts";
import { outcomesOf } from "../../controllers/outcomes.ts";
import { isAdded } from "./added.ts";
import type { Facts } from "./facts.ts";
import { type Finding, good, withFix } from "./finding.ts";
import { inputsOf, waitsForInputs } from "./inputs.ts";
import { notRunFindings, notRunOfStep } from "./not-run.ts";
import { ofCache } from "./of-cache.ts";
import { todoOfTrouble } from "./trouble.ts";
import { withoutPods } from "./without-pods.ts";

/** What a step waits for, how it ended, or that it did not run. */
export function ofStep(facts: Facts): readonly Finding[] {
  const notRun = notRunOfStep(facts);
  const taken = notRunFindings(notRun);
  return taken.length > 0 && notRun?.indexes === undefined ? taken : [...taken, ...ofRun(facts)];
}

function ofRun(facts: Facts): readonly Finding[] {
  const { job, pods } = facts;
  const done = job?.status?.conditions?.find(
    ({ type, status }) => status === "True" && (type === "Complete" || type === "Failed"),
  );
  if (job !== undefined && done === undefined) {
    if (waitsForInputs(job)) return inputsOf(job, facts);
    const todo = "Set spec.suspend of the Job to false, or wait for who does, such as a queue.";
    if (job.spec?.suspend) return [{ level: "waits", text: "The Job is suspended.", todo }];
  }
  if (done?.type === "Complete") {
    const told = pods.flatMap(toldBy);
    return told.length > 0 ? counted(pods.map(toldBy)) : [good("It is complete.")];
  }
  if (done !== undefined) {
    const why = `The Job failed: ${done.message ?? done.reason ?? ""}`;
    return [
      ...counted(pods.map((pod) => endOf(pod, facts))),
      { level: "bad", text: why, ...withFix(done.reason) },
    ];
  }
  if (pods.length === 0) return [withoutPods(facts.events)];
  return counted(pods.map((pod) => ofPod(pod, facts)));
}

/** What the containers of a Pod say of how they ended. */
function toldBy(pod: V1Pod): Finding[] {
  const ended = pod.status?.phase === "Succeeded";
  return outcomesOf(pod).map(({ note }): Finding => {
    // A step that is run again moves its tag, as it should. The operator's Event says where another one did.
    const isNote = note.reason === "TagMoved" || (note.reason === "NotPushed" && ended);
    if (isNote) return { level: "note", text: note.note, ...withFix(note.reason) };
    const isBad = note.type === "Warning" || note.reason === "NotPushed";
    return { level: isBad ? "bad" : "good", text: note.note, ...withFix(note.reason) };
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
  if (waitsForInputs(pod)) return [...inputsOf(pod, facts)];
  const trouble = troubleOf(pod);
  if (trouble !== undefined)
    return [{ level: "bad", text: trouble.message, ...todoOfTrouble(trouble, facts.cache) }];
  const waits = waitsFor(pod, facts);
  if (waits.length > 0) return waits;
  if (phase !== "Running") return [...told, notStarted(pod, facts)];
  return [...told, hasEndedWork(pod) ? { level: "waits", text: endsSoon } : good("It runs.")];
}

const endsSoon = "Its containers have ended; the Pod is about to.";

/** Whether all containers of the author's have ended, and none is to start again: what the operator adds ends last. */
function hasEndedWork({ spec, status }: V1Pod): boolean {
  const own = (status?.containerStatuses ?? []).filter((each) => !isAdded(each));
  const staysEnded = ({ state }: V1ContainerStatus) =>
    spec?.restartPolicy === "Never" ||
    (spec?.restartPolicy === "OnFailure" && state?.terminated?.exitCode === 0);
  return own.length > 0 && own.every((each) => each.state?.terminated !== undefined && staysEnded(each));
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
  const { initContainerStatuses = [], containerStatuses = [], message, phase, reason } = pod.status ?? {};
  const told = toldBy(pod);
  const ends = [...initContainerStatuses, ...containerStatuses].flatMap((status) =>
    endOfContainer(status, told, pod.metadata?.name ?? "POD"),
  );
  const found = [...told, ...ends];
  if (found.length === 0 && phase === "Failed")
    return [{ level: "bad", text: message ?? "The Pod failed.", ...withFix(reason) }];
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
    own === undefined ? undefined : withFix(reasonOfExitCode(own.name as keyof typeof exitCodes)).todo;
  return [{ level: "bad", text, todo: todo ?? `Read its log: kubectl logs ${pod} -c ${name}` }];
}
