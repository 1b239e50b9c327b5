import { setTimeout as delay } from "node:timers/promises";
import type { V1Pod } from "@kubernetes/client-node";
import { visible } from "../../annotations/problems.ts";
import { blockedIn, hasEnded } from "../../lineage/blocked.ts";
import { type Graph, graphOf, type StepNode } from "../../lineage/graph.ts";
import { exits } from "../exits.ts";
import { type Choice, readObjects } from "../graph/read.ts";
import { type Objects, stepsOf } from "../graph/steps.ts";
import { counted, statesOf } from "../graph/words.ts";
import { CliError } from "../output.ts";
import { ageOf } from "../remote/remove.ts";
import { openSession, type Session, type Where } from "../remote/session.ts";
import { failedLog } from "./failed-log.ts";

/** Which steps are waited for, and how long. */
export interface AwaitOptions extends Where, Choice {
  /** `job/NAME` or `pod/NAME`; none: all that are chosen. */
  readonly ids: readonly string[];
  readonly timeout: string;
}

const askEveryMs = 2_000;

/**
 * Waits until steps have ended, or those that have not cannot go on.
 *
 * @param options - of the command
 * @param say - told of each step that ends, and at the end of all
 * @throws CliError where a step failed, is not there, or does not end in time
 */
export async function awaitSteps(
  { ids, selector, run, timeout, ...where }: AwaitOptions,
  say: (line: string) => void,
): Promise<void> {
  const deadline = performance.now() + ageOf(timeout) * 1000;
  const session = await openSession(where);
  const told = new Set<string>();
  try {
    for (;;) {
      const { graph, seen } = await look(session, { selector, run });
      const chosen = chosenOf(graph, ids, told, { selector, run });
      for (const step of chosen.filter((each) => hasEnded(each) && !told.has(each.id))) {
        told.add(step.id);
        for (const line of await linesOf(session, step, seen)) say(line);
      }
      if (haveEnded(graph, chosen, say)) {
        say(`${counted(told.size)} ${told.size === 1 ? "step" : "steps"} succeeded`);
        return;
      }
      if (performance.now() > deadline) {
        const message = `Not all steps ended within ${timeout}: ${statesOf(chosen)}. ${whereToLook(session)}`;
        throw new CliError(message, exits.timedOut);
      }
      await delay(askEveryMs);
    }
  } finally {
    session.close();
  }
}

type Seen = Pick<Objects, "jobs" | "pods">;

async function look(session: Session, choice: Choice) {
  const { notes: _, ...seen } = await readObjects(session, choice);
  return { graph: graphOf(stepsOf(seen)), seen };
}

/** @param told - ids of steps that have ended: these may be gone by now, as TTL removes them */
function chosenOf(
  graph: Graph,
  ids: readonly string[],
  told: ReadonlySet<string>,
  { selector, run }: Choice,
): readonly StepNode[] {
  const chosen = ids.length === 0 ? graph.steps : graph.steps.filter(({ id }) => ids.includes(id));
  const missing = ids.filter((id) => !told.has(id) && !chosen.some((step) => step.id === id));
  if (missing.length > 0) {
    const message = `${missing.map(visible).join(", ")}: no such step is there. A step is a Job, or a Pod that no Job has made, with an input or output of the operator.`;
    throw new CliError(message, exits.notFound);
  }
  if (chosen.length + told.size === 0) {
    const by = [
      ...(selector === undefined ? [] : [`-l ${selector}`]),
      ...(run === undefined ? [] : [`--run ${run}`]),
    ];
    const message = `${visible(by.join(" "))} selects no Job or Pod with an input or output of the operator.`;
    throw new CliError(message, exits.notFound);
  }
  return chosen;
}

/** Whether all have succeeded. */
function haveEnded(graph: Graph, chosen: readonly StepNode[], say: (line: string) => void): boolean {
  const failed = chosen.filter(({ state }) => state === "failed");
  const left = chosen.filter((step) => !hasEnded(step));
  const blocked = blockedIn(graph);
  if (left.some(({ id }) => !blocked.has(id))) return false;
  for (const { id } of left) say(visible(`${id} cannot start: ${blocked.get(id)} failed`));
  if (failed.length + left.length > 0)
    throw new CliError(`Not all steps succeeded: ${statesOf(chosen)}.`, exits.failed);
  return true;
}

async function linesOf(session: Session, step: StepNode, seen: Seen): Promise<readonly string[]> {
  if (step.state !== "failed") return [visible(`${step.id} succeeded`)];
  const why = [step.reason, step.message].filter((text) => text !== undefined).join(": ");
  const log = await failedLog(session, podsOf(step, seen));
  return [visible(`${step.id} failed${why === "" ? "" : `: ${why}`}`), ...log.map((line) => `  ${line}`)];
}

/** A Job's by its uid: one of the same name may have left some. */
function podsOf({ kind, name }: StepNode, { jobs, pods }: Seen): readonly V1Pod[] {
  if (kind === "Pod") return pods.filter(({ metadata }) => metadata?.name === name);
  const uid = jobs.find(({ metadata }) => metadata?.name === name)?.metadata?.uid;
  return pods.filter(({ metadata }) => metadata?.ownerReferences?.some((owner) => owner.uid === uid));
}

function whereToLook({ kubectlOptions }: Session): string {
  return `kubectl oras-cache graph ${kubectlOptions} says what each waits for.`;
}
