import type { V1Job } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";

/** By these Pods of a Job find each other, or are started together: some of them alone would wait for the rest. */
const fieldsOfGroups = ["subdomain", "workloadRef", "schedulingGroup"];
/** The same for schedulers beside that of Kubernetes: coscheduling, Volcano, YuniKorn, topologies of Kueue. */
const notesOfGroups = [
  "scheduling.x-k8s.io/pod-group",
  "scheduling.k8s.io/group-name",
  "yunikorn.apache.org/task-group-name",
  "kueue.x-k8s.io/podset-required-topology",
  "kueue.x-k8s.io/podset-preferred-topology",
];
/** With these Kueue sets `parallelism`, and with it `completions`, to the Pods that it admits: to those that are left. */
const notesOfSizes = [
  "kueue.x-k8s.io/job-min-parallelism",
  "kueue.x-k8s.io/job-completions-equal-parallelism",
  "kueue.x-k8s.io/elastic-job",
];

/**
 * Why an Indexed Job takes the results of all of its indexes or of none.
 *
 * @param job - as the API server stores it
 * @returns a sentence without a full stop; undefined where some indexes may take theirs, and only the others run
 */
export function whyAsWhole({ metadata, spec, status }: V1Job): string | undefined {
  if (spec?.completionMode !== "Indexed" || (spec.completions ?? 1) < 2) return "it has one result";
  // The indexes that it wants may be among those that do not run: it would end before the others have run.
  if (spec.successPolicy) return "its successPolicy says which of its indexes count";
  const size = notesOfSizes.find((name) => metadata?.annotations?.[name] !== undefined);
  if (size !== undefined) return `Kueue may change how many indexes it has, as ${size} says`;
  const group = groupOf(spec);
  if (group !== undefined) return `its Pods need each other, as ${group} says`;
  const { startTime, succeeded = 0, failed = 0, active = 0 } = status ?? {};
  if (startTime !== undefined || succeeded + failed + active > 0) return "it has run before";
  return undefined;
}

function groupOf({ template }: NonNullable<V1Job["spec"]>): string | undefined {
  const pod = template.spec as Readonly<Record<string, unknown>> | undefined;
  const notes = { ...template.metadata?.labels, ...template.metadata?.annotations };
  return (
    fieldsOfGroups.find((name) => pod?.[name] !== undefined) ?? notesOfGroups.find((name) => notes[name])
  );
}

const takenPattern = / indexes (\S+)$/;

/**
 * The indexes of a Job that have taken their results: while it is held those that its status has, later those that it says.
 *
 * @param job - as the API server stores it
 */
export function takenIndexes({ metadata, spec, status }: V1Job): string {
  if (spec?.completionMode !== "Indexed") return "";
  const { labels, annotations = {} } = metadata ?? {};
  if (labels?.[names.waitingLabel] !== "true")
    return takenPattern.exec(annotations[names.memoizedFromAnnotation] ?? "")?.[1] ?? "";
  const hasRun = annotations[names.memoClaimAnnotation] === undefined || status?.startTime !== undefined;
  return hasRun ? "" : (status?.completedIndexes ?? "");
}

/** What takenIndexes reads again, behind who made the result of the first of them. */
export function tookIndexes(from: string, indexes: string): string {
  return `${from} indexes ${indexes}`;
}
