import type { V1Job } from "@kubernetes/client-node";
import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import type { ObjectsIn } from "./objects-in.ts";
import { until } from "./wait.ts";
import { endOfJob } from "./workflow-world.ts";

/** A Job as it is now. */
export const jobIn = (ns: ObjectsIn, name: string) => ns.read<V1Job>(resources.jobs, name);

/** Waits until a Job has ended, and says how. */
export const ended = (ns: ObjectsIn, name: string) =>
  until(async () => endOfJob(await jobIn(ns, name)), `the end of Job ${name}`);

/** Waits until Jobs are complete. */
export async function completed(ns: ObjectsIn, ...all: string[]): Promise<void> {
  for (const name of all) expect([name, await ended(ns, name)]).toEqual([name, "Complete"]);
}

/** Waits until the condition of a Job says whether its inputs are there, and returns the Job. */
export const told = (ns: ObjectsIn, name: string, status: string) =>
  until(async () => {
    const job = await jobIn(ns, name);
    const found = job?.status?.conditions?.find(({ type }) => type === names.inputsAvailable);
    return found?.status === status && job;
  }, `the condition of Job ${name}`);

/** What the condition of a Job says that it waits for. */
export const messageOf = (job: V1Job | undefined) =>
  job?.status?.conditions?.find(({ type }) => type === names.inputsAvailable)?.message;

/** Waits until the condition of a Job says something. */
export const says = (ns: ObjectsIn, name: string, words: string | RegExp) =>
  until(
    async () => (await jobIn(ns, name).then(messageOf))?.match(words),
    `Job ${name} to say ${String(words)}`,
  );

/** Waits until a Job is told something by an Event, and returns what. */
export const eventOf = (ns: ObjectsIn, name: string, reason: string) =>
  until(
    async () => (await ns.events(name)).find((event) => event.reason === reason)?.note,
    `the Event ${reason} of ${name}`,
  );
