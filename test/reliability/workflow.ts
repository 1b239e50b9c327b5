import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { endOf, jobOf } from "../support/builders.ts";
import { until } from "../support/wait.ts";
import { cacheClient, type Workspace } from "../support/workspace.ts";
import { type Content, programOf, type Step, steps, type Try } from "./lineage.ts";

/**
 * Who sees to the order of Jobs: the test, which submits each when those that it reads are complete, as a workflow engine does;
 * or the operator, to which all are submitted at once, the last one first.
 */
export type Order = "submitted" | "waits";

/** Jobs that pass artifacts to each other. */
export interface Workflow {
  /** How many are complete. */
  readonly complete: () => number;
  /** Settles when all are. */
  readonly ended: Promise<void>;
  /** What was refused, and then accepted when it was tried again: how often, by its first words. */
  readonly refused: ReadonlyMap<string, number>;
}

/**
 * Runs the 50 Jobs.
 *
 * @param ws - their namespace
 * @param cache - which holds their artifacts
 * @param order - who sees to it
 */
export function startWorkflow(ws: Workspace, cache: string, order: Order = "submitted"): Workflow {
  const complete = new Set<string>();
  const submitted = new Set<string>();
  const refused = new Map<string, number>();
  const submit = async (step: Step) => {
    const { code, stderr } = await ws.tryApply(jobFor(step, cache, order));
    if (code === 0) submitted.add(step.name);
    else {
      const words = stderr.replaceAll(/[\d.:]{7,}/g, "…").slice(0, 160);
      refused.set(words, (refused.get(words) ?? 0) + 1);
    }
  };
  const go = async () => {
    const { items } = JSON.parse(await ws.kubectl("get", "jobs", "-o", "json")) as { items: V1Job[] };
    for (const { metadata, status } of items) {
      const ends = status?.conditions?.filter((each) => each.status === "True").map(({ type }) => type);
      if (ends?.includes("Failed")) return "failed";
      if (ends?.includes("Complete")) complete.add(metadata?.name ?? "");
    }
    const left = steps.filter(({ name }) => !submitted.has(name));
    const next =
      order === "waits"
        ? left.toReversed()
        : left.filter(({ inputs }) => inputs.every((input) => complete.has(input)));
    for (const step of next) await submit(step);
    return complete.size === steps.length ? "complete" : undefined;
  };
  const ended = until(go, "the Jobs to be complete", 900_000).then(async (how) => {
    if (how === "failed") throw new Error(`a Job failed\n${await ws.kubectl("describe", "jobs,pods")}`);
  });
  return { complete: () => complete.size, ended, refused };
}

function jobFor(step: Step, cache: string, order: Order) {
  const inputs = Object.fromEntries(
    step.inputs.map((input, i) => [`input-uri_${i + 1}`, artifactOf(input)] as const),
  );
  const map = {
    "oras-cache": cache,
    ...inputs,
    ...(step.inputs.length > 0 ? { "input-path": "/tmp/in" } : {}),
    ...(step.inputs.length > 0 && order === "waits" ? { "wait-for-inputs": "true" } : {}),
    // The tags of an earlier round are there, and a leader that is killed makes pauses between the Jobs.
    ...(order === "waits" ? { batch: `flow/${steps.length}` } : {}),
    "output-uri": artifactOf(step.name),
    "output-path": `/tmp/${step.name}`,
  };
  return jobOf(step.name, map, programOf(step), { backoffLimit: 6 });
}

const artifactOf = (step: string) => `flow/${step}:1`;

/** Every Pod of the Jobs, as they are at the end: Jobs keep theirs. */
export async function triesOf(ws: Workspace): Promise<Try[]> {
  const { items } = JSON.parse(await ws.kubectl("get", "pods", "-l", "job-name", "-o", "json")) as {
    items: V1Pod[];
  };
  return items.map((pod) => ({
    step: pod.metadata?.labels?.["job-name"] ?? "",
    pod: pod.metadata?.name ?? "",
    ran: endOf(pod, "main")?.exitCode === 0,
    succeeded: pod.status?.phase === "Succeeded",
    why: pod.status?.phase === "Failed" ? whyFailed(pod) : undefined,
  }));
}

function whyFailed({ status }: V1Pod): string {
  if (status?.reason !== undefined) return status.reason;
  const containers = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const first = containers.find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  const { reason, exitCode } = first?.state?.terminated ?? {};
  return `${first?.name}: ${reason}, exit code ${exitCode}`;
}

/** The artifacts that are there, as stock oras pulls them. */
export async function contentsOf(ws: Workspace, cache: string): Promise<Map<string, Content>> {
  const client = await cacheClient(ws.namespace, cache);
  const contents = new Map<string, Content>();
  for (const { name } of steps) {
    if (!(await client.isPushed(artifactOf(name)))) continue;
    const folder = join(await client.pulled(artifactOf(name)), name);
    const lineage = readFileSync(join(folder, "lineage"), "utf8");
    contents.set(name, { lineage, payload: readFileSync(join(folder, "payload")) });
  }
  client.stop();
  return contents;
}
