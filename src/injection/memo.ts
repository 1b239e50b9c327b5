import { isAnnotated } from "../annotations/map.ts";
import type { Problem } from "../annotations/problems.ts";
import { asksForMemo, type Settings } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { keyOfStep } from "../lineage/key.ts";
import { gateOf } from "../workflow/gate.ts";
import { isPod, ownAnnotations, type Workload } from "../workload/workload.ts";
import type { Launcher } from "./launcher.ts";

/**
 * Why a step cannot be memoized whose author asks for it, as far as its object says it.
 *
 * @param workload - the step, without what was injected
 * @param settings - what its author asked for
 * @param launchers - the containers that are wrapped
 * @param holds - whether the installation holds steps at all
 */
export function checkMemo(
  workload: Workload,
  settings: Settings,
  launchers: readonly Launcher[],
  holds: boolean,
): readonly Problem[] {
  if (!asksForMemo(settings)) return [];
  const result = keyOfStep({
    ...{ workload, settings, launchers: launchers.map(({ index }) => index) },
    // What it reads is known when it starts.
    ...{ inputs: [], images: new Map() },
    completionIndex: isIndexed(workload) ? 0 : undefined,
    extra: settings.memo.extra,
    ignoreEnv: new Set(settings.memo.ignoreEnv),
    assume: new Set(settings.memo.assume),
  });
  const refused = result.ok ? [] : result.refusals.filter(({ code }) => code !== "TagNotResolved");
  return [...refused, ...checkHeld(workload, settings, holds)];
}

function checkHeld(workload: Workload, settings: Settings, holds: boolean): Problem[] {
  const { key } = annotations.memoize;
  const problem = (message: string): Problem[] => [{ code: "NotHeldAsOne", path: key, message }];
  if (!holds) return problem("the operator of this cluster holds no steps: workflow.enabled is false.");
  if (!isAnnotated(ownAnnotations(workload))) return problem("it stands on the template alone.");
  const gate = gateOf(workload, settings, holds);
  if (gate === "in-pod") return problem("the container that pulls would wait.");
  return gate === "pod" && !isPod(workload) ? problem("each Pod of the Job would wait for itself.") : [];
}

function isIndexed({ object }: Workload): boolean {
  return (
    (object as { readonly spec?: { readonly completionMode?: unknown } }).spec?.completionMode === "Indexed"
  );
}
