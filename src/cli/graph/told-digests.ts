import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import type { ArtifactFacts } from "../../lineage/graph.ts";
import { toldIndex } from "../../lineage/index-told.ts";
import { toldResult } from "../../memo/told.ts";

/** What a condition of a Job or Pod has. */
interface Told {
  readonly type: string;
  readonly status: string;
  readonly message?: string;
  readonly lastTransitionTime?: Date | string;
}

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
        const told = type === names.outputIndexed ? toldIndex(message) : toldResult(message);
        const at = new Date(lastTransitionTime ?? Number.NaN);
        if (told === undefined || Number.isNaN(at.getTime())) return [];
        return [[told.artifact, { digest: told.digest, at: at.toISOString() }] as const];
      }),
  );
}
