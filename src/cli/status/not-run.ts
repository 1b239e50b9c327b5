import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { visible } from "../../annotations/problems.ts";
import { indexesIn } from "../../common/indexes.ts";
import { memoizedReason } from "../../controllers/step-jobs.ts";
import type { NotRun } from "../../lineage/graph.ts";
import { takenIndexes } from "../../memo/part.ts";
import type { Facts } from "./facts.ts";
import { type Finding, good } from "./finding.ts";

/** See madeBy of src/memo/told.ts. */
const fromPattern = /^(Job|Pod)\/(\S+)(?: Pod\/\S+)? (\S+)(?: indexes \S+)?$/;

/**
 * What of a Job did not run, as its results were there already.
 *
 * @param job - as the API server has it
 * @returns undefined where it ran, or will
 */
export function notRunOfJob(job: V1Job): NotRun | undefined {
  const { metadata, spec, status } = job;
  const told = fromOf(metadata?.annotations);
  const isTaken = status?.conditions?.some(
    ({ type, status: met, reason }) =>
      type === "SuccessCriteriaMet" && met === "True" && reason === memoizedReason,
  );
  if (isTaken) return told;
  const text = takenIndexes(job);
  const { size: count } = indexesIn(text, spec?.completions ?? 1);
  return count === 0 ? undefined : { ...told, indexes: { text: visible(text), count } };
}

/**
 * What of a step did not run.
 *
 * @param facts - that were read of it
 */
export function notRunOfStep({ job, pods }: Pick<Facts, "job" | "pods">): NotRun | undefined {
  return job ? notRunOfJob(job) : pods.map(notRunOfPod).find((found) => found !== undefined);
}

/**
 * Whether a Pod did not run, as its result was there already.
 *
 * @param pod - that no Job has made
 */
export function notRunOfPod({ metadata, status }: V1Pod): NotRun | undefined {
  return status?.reason === memoizedReason ? fromOf(metadata?.annotations) : undefined;
}

/**
 * That a step did not run, or which of its indexes did not, as `status`, `why` and the page say it.
 *
 * @param notRun - of a step; undefined where it ran, or will
 * @returns no finding, or one
 */
export function notRunFindings(notRun: NotRun | undefined): Finding[] {
  if (notRun === undefined) return [];
  const { by, at, indexes } = notRun;
  const whose = by === undefined ? undefined : `${by} of ${at}`;
  if (indexes === undefined)
    return [
      good(`Did not run: ${whose ? `its result is that of ${whose}` : "its result was there already"}.`),
    ];
  const which = indexes.count === 1 ? `The index ${indexes.text}` : `The indexes ${indexes.text}`;
  return [
    good(
      `${which} did not run: took ${whose ? `results, the first that of ${whose}` : "results that were there already"}.`,
    ),
  ];
}

/** The operator writes it after the end. */
function fromOf(map: Readonly<Record<string, string>> | undefined): NotRun {
  const [, kind, name = "", at = ""] = fromPattern.exec(map?.[names.memoizedFromAnnotation] ?? "") ?? [];
  if (kind === undefined || Number.isNaN(Date.parse(at))) return {};
  return { by: visible(`${kind} ${name}`), at };
}
