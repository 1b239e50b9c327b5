import type { V1Container } from "@kubernetes/client-node";
import { architectureOf } from "./architecture.ts";
import { asPod } from "./as-pod.ts";
import { canonical, hidden, type Json, sha256 } from "./canonical.ts";
import { checkStep } from "./checks.ts";
import { containerOf } from "./containers.ts";
import type { Refusal } from "./refusals.ts";
import type { Reading, Step } from "./step.ts";
import { counted } from "./uncounted.ts";
import { numberVolumes, volumesOf } from "./volumes.ts";

/** Of the parts. Whoever changes what a key is made of, or corrects what the agent makes of a step's files, raises it. */
const format = 1;

/** What tells whether a step has to run: steps with the same key make the same result. */
export interface Key {
  /** sha256 of the text, in hexadecimal: also the digest of a blob that holds it. */
  readonly key: string;
  /** The parts as canonical JSON. It is made anew at each look: a step may have a thousand keys, each of which names all of its inputs. */
  readonly text: string;
  /** The same, parsed. */
  readonly parts: Json;
}

/** Either a key or every reason why there is none. */
type KeyResult =
  | { readonly ok: true; readonly value: Key }
  | { readonly ok: false; readonly refusals: readonly Refusal[] };

/**
 * The key of a step, from everything that can change its result.
 *
 * @param step - with its object as the API server stores it
 * @returns or everything that can change the result and cannot be seen
 */
export function keyOfStep(step: Step): KeyResult {
  const reading: Reading = { step, refusals: [] };
  checkStep(reading);
  const textOf = () => canonical(partsOf(reading));
  const key = sha256(textOf());
  if (reading.refusals.length > 0) return { ok: false, refusals: reading.refusals };
  const value: Key = {
    key,
    get text() {
      return textOf();
    },
    get parts() {
      return JSON.parse(textOf()) as Json;
    },
  };
  return { ok: true, value };
}

function partsOf(reading: Reading): object {
  const { step } = reading;
  return {
    format,
    architecture: architectureOf(step.workload.template.spec),
    completionIndex: step.completionIndex,
    extra: step.extra,
    inputs: step.inputs,
    settings: settingsOf(step),
    pod: podOf(reading),
  };
}

function settingsOf({ settings, launchers, programs }: Step): object {
  return {
    ...counted("settings", settings),
    launchers: settings.launchers.map((launcher, at) => ({
      ...counted("launcher", launcher),
      container: launchers[at],
      program: programs?.[at] && hidden(programs[at]),
    })),
  };
}

function podOf(reading: Reading): object {
  const { workload } = reading.step;
  const spec = asPod(workload.template.spec);
  const numbers = numberVolumes(spec);
  const all = (field: "initContainers" | "containers" | "ephemeralContainers") =>
    (spec[field] as readonly V1Container[] | undefined)?.map((container, at) =>
      containerOf(reading, container, `${workload.path}.${field}[${at}]`, numbers),
    );
  return {
    ...counted("pod", spec),
    initContainers: all("initContainers"),
    containers: all("containers"),
    ephemeralContainers: all("ephemeralContainers"),
    volumes: volumesOf(reading, spec, workload.path, numbers),
  };
}
