import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import type { ArtifactFacts } from "../../lineage/graph.ts";

/** What a condition of a Job or Pod has. */
interface Told {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
  readonly lastTransitionTime?: Date | string;
}

/** See memoizedSentence of src/memo/told.ts. */
const memoizedPattern = /^Did not run: .*? (\S+) is (sha256:[a-f0-9]{64}), which (?:Job|Pod) /;
/** See src/controllers/output-index.ts. */
const indexPattern = /^Pushed (\S+), an index of [0-9]+ artifacts?: (sha256:[a-f0-9]{64})\.$/;

/**
 * What a step has that none of its Pods has pushed, as the operator says in its conditions: a result that was remembered, of several the
 * first, and an index of all parts.
 *
 * @param step - as the API server has it
 * @returns by `repository:tag`
 */
export function toldDigests({ status }: V1Job | V1Pod): ReadonlyMap<string, ArtifactFacts["pushed"]> {
  const conditions: readonly Told[] = status?.conditions ?? [];
  return new Map(
    conditions
      .filter((condition) => condition.status === "True")
      .flatMap(({ type, message = "", lastTransitionTime }) => {
        const pattern = type === names.outputIndexed ? indexPattern : memoizedPattern;
        const [, artifact, digest] = pattern.exec(message) ?? [];
        const at = new Date(lastTransitionTime ?? Number.NaN);
        if (artifact === undefined || digest === undefined || Number.isNaN(at.getTime())) return [];
        return [[artifact, { digest, at: at.toISOString() }] as const];
      }),
  );
}
