import { describeProblems, type Problem } from "../annotations/problems.ts";
import type { Warning } from "../annotations/warning.ts";
import type { Verdict } from "./admission-types.ts";
import { patchBetween } from "./patch.ts";

const nothing: Verdict = { kind: "allowed", warnings: [], outcome: "untouched" };

/** Allowed as it is. */
export function untouched(warnings: readonly Warning[] = []): Verdict {
  return warnings.length === 0 ? nothing : { kind: "allowed", warnings, outcome: "untouched" };
}

/** Allowed with a change; as it is, where there is none. */
export function changed(
  before: object,
  after: object,
  warnings: readonly Warning[],
  outcome: "labelled" | "stripped" | "moved" | "restored",
): Verdict {
  const patch = patchBetween(before, after);
  return patch.length === 0 ? untouched(warnings) : { kind: "allowed", patch, warnings, outcome };
}

/** Allowed as it is, though it is annotated: the warning says why. */
export function skipped(problems: readonly Problem[]): Verdict {
  const message = `left as it is: ${describeProblems(problems)}`;
  return { kind: "allowed", warnings: [{ code: "NotInjected", path: "", message }], outcome: "skipped" };
}

/** Refused, with every problem. */
export function denied(problems: readonly Problem[], warnings: readonly Warning[]): Verdict {
  return { kind: "denied", message: describeProblems(problems), problems, code: 422, warnings };
}
