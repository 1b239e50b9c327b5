import { type Finding, findingAt } from "../report/finding.ts";
import type { Step } from "./steps.ts";

/** What `restartPolicy` may be in a Pod of each kind of object, and whether it must be written. */
interface Allowed {
  readonly values: readonly string[];
  readonly needed?: true;
}

const ofPods: Allowed = { values: ["Always", "OnFailure", "Never"] };
const ofJobs: Allowed = { values: ["OnFailure", "Never"] };
const ofServers: Allowed = { values: ["Always"] };

/** @see https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy */
const allowedIn: Readonly<Record<string, Allowed>> = {
  Pod: ofPods,
  Job: { ...ofJobs, needed: true },
  CronJob: { ...ofJobs, needed: true },
  // Its own webhook writes OnFailure where there is none.
  JobSet: ofJobs,
  Deployment: ofServers,
  StatefulSet: ofServers,
  DaemonSet: ofServers,
  ReplicaSet: ofServers,
};

/** A restartPolicy that the API server refuses: its default does not fit a Job. */
export function checkRestartPolicy({ object, base, kind, value }: Step): Finding[] {
  const allowed = allowedIn[object.kind];
  const template = kind === "Job" ? ["spec", "template", "spec"] : ["spec"];
  const spec = template.reduce<unknown>((at, field) => (at as Record<string, unknown>)[field], value);
  const { restartPolicy } = spec as { restartPolicy?: string };
  if (allowed === undefined || (restartPolicy ? allowed.values.includes(restartPolicy) : !allowed.needed))
    return [];
  const found = restartPolicy ? JSON.stringify(restartPolicy) : "nothing";
  const values = allowed.values.map((each) => JSON.stringify(each)).join(" or ");
  const message = `found ${found}; allowed in a ${object.kind} is ${values}.`;
  const path = [...base, ...template, "restartPolicy"];
  return [findingAt(object, path, { level: "error", code: "InvalidField", message })];
}
