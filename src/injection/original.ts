import { names } from "../../schema/names.ts";
import { isOurs } from "../annotations/map.ts";
import { readAnnotations } from "../annotations/parse.ts";
import type { Settings } from "../annotations/settings.ts";
import { decidedDefaults } from "../workflow/gate.ts";
import { readWorkload, workloadKinds } from "../workload/read.ts";
import { isPod, ownAnnotations, podAnnotations, type Workload } from "../workload/workload.ts";
import { chooseLaunchers } from "./launcher.ts";
import { recordedInjection } from "./marker.ts";
import { stripInjection } from "./strip.ts";

/** A step as its author wrote it, with the defaults of the API server. */
export interface Original {
  readonly workload: Workload;
  readonly settings: Settings;
  /** For each launcher of the settings, the place of its container in the Pod's list. */
  readonly launchers: readonly number[];
}

/**
 * What a step was before it was injected.
 *
 * @param object - a Pod or a Job, as the API server stores it
 * @returns undefined where that cannot be known
 */
export function originalOf(object: { readonly kind?: string | undefined }): Original | undefined {
  const kind = workloadKinds.find((known) => known.kind === object.kind);
  const stored = kind && readWorkload(kind, object);
  if (stored === undefined || "expected" in stored) return undefined;
  const injection = recordedInjection(stored.template.spec);
  const stripped = injection && stripInjection(stored, injection);
  if (!stripped?.ok) return undefined;
  const workload = stripped.value;
  const own = ownAnnotations(workload);
  const below = podAnnotations(workload);
  const asked = Object.entries(isPod(workload) ? (own ?? {}) : { ...below, ...own });
  const { settings, problems } = readAnnotations(
    Object.fromEntries(asked.filter(([key]) => isOurs(key))),
    decidedDefaults(ownAnnotations(stored)?.[names.gateAnnotation]),
  );
  const launchers = chooseLaunchers(workload.template.spec, below, settings);
  if (problems.length > 0 || !launchers.ok) return undefined;
  return { workload, settings, launchers: launchers.value.map(({ index }) => index) };
}
