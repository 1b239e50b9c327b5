import { keyOf, type Slot } from "./keys.ts";
import { type Problem, quoted } from "./problems.ts";
import type { Settings } from "./settings.ts";
import { annotations } from "./table.ts";
import { variablesOf } from "./variables.ts";

/**
 * What is wrong with an input that is to be a volume, of annotations that are right each for itself.
 *
 * @param slots - what the keys of the step name
 * @param settings - of the step
 */
export function checkInputVolume(slots: readonly Slot[], settings: Settings): Problem[] {
  if (settings.inputAs === undefined) return [];
  const uris = slots.filter(({ name }) => name === "input-uri");
  return [...checkCount(uris), ...checkKnown(uris, settings), ...checkUnpack(settings)];
}

/** A mount has one image, and hides what is below its path. */
function checkCount(uris: readonly Slot[]): Problem[] {
  if (uris.length < 2) return [];
  const message = `found ${uris.length} inputs; a volume has one.`;
  return [{ code: "VolumeOfSeveral", path: annotations["input-as"].key, message }];
}

/** The API server takes the name of an image as it is written. */
function checkKnown([slot]: readonly Slot[], { inputs: [input] }: Settings): Problem[] {
  const [variable] = variablesOf(input?.repository, input?.version);
  if (slot === undefined || variable === undefined) return [];
  const message = `found $(${variable}); a volume is named when the object is created.`;
  return [{ code: "VolumeNotKnown", path: keyOf(slot), message }];
}

function checkUnpack({ unpack }: Settings): Problem[] {
  if (unpack) return [];
  const message = `found ${quoted("false")}; a volume is always unpacked.`;
  return [{ code: "NotWithVolume", path: annotations.unpack.key, message }];
}
