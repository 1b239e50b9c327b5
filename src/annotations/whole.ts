import { type AnnotationName, annotations } from "../../generated/annotations.ts";
import { keyOf, type Slot } from "./keys.ts";
import type { Problem } from "./problems.ts";

/**
 * What can be wrong with a set of annotations whose keys are all known: it must name something to pull or to push,
 * and each part of it must belong to something.
 *
 * @param slots - what the keys name
 */
export function checkWhole(slots: readonly Slot[]): Problem[] {
  if (slots.length === 0) return [];
  const needless = slots.flatMap((slot) => checkNeeds(slot, slots));
  return [
    ...(needless.length > 0 ? needless : checkPurpose(slots)),
    ...slots.flatMap((slot) => [...checkBelongs(slot, slots), ...checkBeside(slot, slots)]),
  ];
}

/** Numbers of the launchers: those of `container`, or the one that is chosen without it. */
export function launcherNumbers(slots: readonly Slot[]): number[] {
  const numbers = slots.filter(({ name }) => name === "container").map(({ number }) => number);
  return numbers.length > 0 ? numbers.sort((a, b) => a - b) : [0];
}

function checkPurpose(slots: readonly Slot[]): Problem[] {
  const purposes: readonly AnnotationName[] = ["input-uri", "output-uri", "entrypoint", "oras-entrypoint"];
  if (slots.some(({ name }) => purposes.includes(name))) return [];
  const [input, output] = [annotations["input-uri"].key, annotations["output-uri"].key];
  return [{ code: "NothingToDo", path: output, message: `neither ${input} nor ${output} is set.` }];
}

function checkNeeds(slot: Slot, slots: readonly Slot[]): Problem[] {
  const { needs } = annotations[slot.name];
  if (needs === undefined || slots.some(({ name }) => name === needs)) return [];
  const message = `it describes what ${annotations[needs].key} names, which is not set.`;
  return [{ code: "NothingToPush", path: keyOf(slot), message }];
}

function checkBelongs(slot: Slot, slots: readonly Slot[]): Problem[] {
  const { of } = annotations[slot.name];
  if (of === undefined || launcherNumbers(slots).includes(slot.number)) return [];
  const message = `there is no ${keyOf({ name: of, number: slot.number })} that it would belong to.`;
  return [{ code: "NoSuchLauncher", path: keyOf(slot), message }];
}

/** The original's protocol for scripts of the author's own knows one program, and they push what they please. */
function checkBeside(slot: Slot, slots: readonly Slot[]): Problem[] {
  const { notWith, oneWith } = annotations[slot.name];
  const others = slot.number > 0 ? [...notWith, ...oneWith] : notWith;
  const other = slots.find(({ name }) => others.includes(name));
  if (other === undefined) return [];
  const message = `it means nothing to the script that ${keyOf(other)} names.`;
  return [{ code: "NotWithScripts", path: keyOf(slot), message }];
}
