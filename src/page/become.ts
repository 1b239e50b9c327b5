import { groupOf } from "./model.ts";
import type { PageStep } from "./protocol.ts";
import { nameOf, plural } from "./words.ts";

const mostNames = 3;
const verbs = [
  ["failed", "failed"],
  ["running", "started"],
  ["succeeded", "succeeded"],
] as const;

/**
 * What has become of steps since a moment, in words.
 *
 * @param before - the steps then
 * @param now - the steps that there are
 * @returns empty where nobody has to be told
 */
export function becomeOf(before: readonly PageStep[], now: readonly PageStep[]): string {
  const groups = new Map(before.map((step) => [step.id, groupOf(step.state)]));
  const changed = Map.groupBy(
    now.filter(({ id, state }) => groups.has(id) && groups.get(id) !== groupOf(state)),
    ({ state }) => groupOf(state),
  );
  return verbs
    .flatMap(([group, verb]) => {
      const steps = changed.get(group) ?? [];
      if (steps.length === 0) return [];
      const who =
        steps.length > mostNames
          ? plural(steps.length, "step")
          : steps.map(({ id }) => nameOf(id)).join(", ");
      return `${who} ${verb}.`;
    })
    .join(" ");
}
