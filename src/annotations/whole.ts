import { keyOf, type Slot } from "./keys.ts";
import { listed, type Problem, type ProblemCode } from "./problems.ts";
import type { Defaults } from "./settings.ts";
import { type AnnotationName, annotations } from "./table.ts";

/**
 * What can be wrong with a set of annotations whose keys are all known: it must name something to pull or to push,
 * and each part of it must belong to something.
 *
 * @param slots - what the keys name
 * @param defaults - what counts beside them
 */
export function checkWhole(slots: readonly Slot[], defaults: Defaults): Problem[] {
  if (slots.length === 0) return [];
  const first = firstOfEach(slots);
  const numbers = containerNumbers(slots);
  // Sorted once: there may be as many of them as there are paths of none.
  const launchers = launcherNumbers(slots);
  const needless = slots.flatMap((slot) => checkNeeds(slot, first, defaults));
  return [
    ...(needless.length > 0 ? needless : checkPurpose(first)),
    ...checkCount(numbers),
    ...slots.flatMap((slot) => [...checkBelongs(slot, numbers, launchers), ...checkBeside(slot, first)]),
  ];
}

/** As many containers of a Pod can be wrapped: the share and the work of admission grow with them. */
const mostContainers = 64;

/**
 * Numbers of the containers to wrap, in their order: those of `container`, or the one that is chosen without it.
 *
 * @returns at most {@link mostContainers}
 */
export function launcherNumbers(slots: readonly Slot[]): number[] {
  return [...containerNumbers(slots)].sort((a, b) => a - b).slice(0, mostContainers);
}

function containerNumbers(slots: readonly Slot[]): Set<number> {
  const numbers = slots.filter(({ name }) => name === "container").map(({ number }) => number);
  return new Set(numbers.length > 0 ? numbers : [0]);
}

/** Annotations that are set, each with its first slot. */
type FirstSlots = ReadonlyMap<AnnotationName, Slot>;

function firstOfEach(slots: readonly Slot[]): FirstSlots {
  const first = new Map<AnnotationName, Slot>();
  for (const slot of slots) if (!first.has(slot.name)) first.set(slot.name, slot);
  return first;
}

function checkCount(numbers: ReadonlySet<number>): Problem[] {
  if (numbers.size <= mostContainers) return [];
  const message = `found ${numbers.size} containers; allowed are ${mostContainers}.`;
  return [{ code: "TooManyContainers", path: annotations.container.key, message }];
}

function checkPurpose(first: FirstSlots): Problem[] {
  const purposes: readonly AnnotationName[] = ["input-uri", "output-uri", "entrypoint", "oras-entrypoint"];
  if (purposes.some((name) => first.has(name))) return [];
  const [input, output] = [annotations["input-uri"].key, annotations["output-uri"].key];
  return [{ code: "NothingToDo", path: output, message: `neither ${input} nor ${output} is set.` }];
}

function checkNeeds(slot: Slot, first: FirstSlots, defaults: Defaults): Problem[] {
  const { needs } = annotations[slot.name];
  if (needs === undefined || first.has(needs) || defaults[needs] !== undefined) return [];
  const message =
    needs === "wait-for-inputs"
      ? `it means nothing without ${annotations[needs].key}, which is not set.`
      : `it describes what ${annotations[needs].key} names, which is not set.`;
  const code = codes[needs] ?? "NothingToPull";
  return [{ code, path: keyOf(slot), message }];
}

const codes: Partial<Record<AnnotationName, ProblemCode>> = {
  "output-uri": "NothingToPush",
  "wait-for-inputs": "NothingToWaitFor",
};

function checkBelongs(slot: Slot, numbers: ReadonlySet<number>, launchers: readonly number[]): Problem[] {
  const { of } = annotations[slot.name];
  if (of === undefined || numbers.has(slot.number)) return [];
  const own = listed(launchers.map((number) => keyOf({ name: slot.name, number })));
  const message = `there is no ${keyOf({ name: of, number: slot.number })} that it would belong to; allowed ${numbers.size === 1 ? "is" : "are"} ${own}.`;
  return [{ code: "NoContainerOfNumber", path: keyOf(slot), message }];
}

/** The original's protocol for scripts of the author's own knows one program, and they push what they please. */
function checkBeside(slot: Slot, first: FirstSlots): Problem[] {
  const { notWith, oneWith } = annotations[slot.name];
  const others = slot.number > 0 ? [...notWith, ...oneWith] : notWith;
  const other = others.map((name) => first.get(name)).find((found) => found !== undefined);
  if (other === undefined) return [];
  const message = `it means nothing to the script that ${keyOf(other)} names.`;
  return [{ code: "NotWithScripts", path: keyOf(slot), message }];
}
