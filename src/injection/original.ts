import type { V1Container } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { isOurs } from "../annotations/map.ts";
import { readAnnotations } from "../annotations/parse.ts";
import type { Settings } from "../annotations/settings.ts";
import { decidedDefaults } from "../workflow/gate.ts";
import { readWorkload, workloadKinds } from "../workload/read.ts";
import { isPod, ownAnnotations, podAnnotations, type Workload } from "../workload/workload.ts";
import { chooseLaunchers } from "./launcher.ts";
import { type Injection, ownValue, recordedInjection, wordsOf } from "./marker.ts";
import { stripInjection } from "./strip.ts";

/** A step as its author wrote it, with the defaults of the API server. */
export interface Original {
  readonly workload: Workload;
  readonly settings: Settings;
  /** For each launcher of the settings, the place of its container in the Pod's list. */
  readonly launchers: readonly number[];
  /** For each of them, the words that its image was found to run when the step was created, where its author names no command. */
  readonly programs: readonly (readonly string[] | undefined)[];
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
  if (injection === undefined || !stripped?.ok) return undefined;
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
  const programs = launchers.value.map(({ container }) => foundProgram(container, stored, injection));
  return { workload, settings, launchers: launchers.value.map(({ index }) => index), programs };
}

/** They stand behind the launcher, and are run whatever the image's tag stands for by then. */
function foundProgram(
  { name, command }: V1Container,
  stored: Workload,
  { wrapped }: Injection,
): readonly string[] | undefined {
  const before = ownValue(wrapped, name);
  const container = stored.template.spec.containers.find((one) => one.name === name);
  if (command?.length || before === undefined || container === undefined) return undefined;
  return wordsOf(container).slice(before.launcher.count);
}
