import { distance } from "fastest-levenshtein";
import { describeObject } from "../manifests/objects.ts";
import type { Level } from "../report/finding.ts";
import { type Finding, findingAt } from "../report/finding.ts";
import type { Surroundings } from "../surroundings.ts";
import type { Artifact, StepArtifacts } from "./artifacts.ts";
import { suggestion } from "./suggestion.ts";

/** Outputs that a step could be meant to read. */
interface Pushed {
  /** All of them. */
  readonly all: readonly Artifact[];
  /** Those that no step reads. */
  readonly unread: readonly Artifact[];
}

/**
 * Inputs that no step of the files pushes. An artifact may well have been pushed before, so only what is hardly meant is
 * a warning: the files push it to another place, push another version of its repository, or push something of nearly
 * its name that no step reads. Where they hold its cache, too, it is a note: a new cache is empty.
 */
export function inputsNotMade(steps: readonly StepArtifacts[], around: Surroundings): Finding[] {
  const all = steps.flatMap(({ outputs }) => outputs);
  // Who reads what a failed step leaves means it so: it is told of nothing.
  const made = [...all, ...steps.flatMap(({ leaves }) => leaves)];
  const inputs = steps.flatMap((step) => step.inputs);
  const unread = all.filter((output) => !inputs.some((input) => canBe(output.address, input.address)));
  return steps.flatMap((step) => {
    const missing = step.inputs.filter(
      ({ name, address }) =>
        !hasVariable(name) && !name.includes("@") && !made.some((output) => canBe(output.address, address)),
    );
    if (missing.length === 0) return [];
    const later = stepsAfter(step, steps);
    // What is made from an input is no other version of it that was meant.
    const isEarlier = (output: Artifact) => !later.has(output.step);
    const pushed = { all: all.filter(isEarlier), unread: unread.filter(isEarlier) };
    return missing.flatMap((input) => notMade(input, pushed, around));
  });
}

function notMade(input: Artifact, { all, unread }: Pushed, around: Surroundings): Finding[] {
  const elsewhere = all.find(({ name, store }) => name === input.name && store !== input.store);
  if (elsewhere) {
    const message = `found ${input.name} of ${input.store}; ${describeObject(elsewhere.step.object)} pushes it to ${elsewhere.store}.`;
    return [findingAt(input.step.object, input.path, { level: "warning", code: "InputElsewhere", message })];
  }
  if (!input.inCache) return [];
  const pushed = all.filter(({ store }) => store === input.store);
  const siblings = pushed.filter(({ repository }) => repository === input.repository);
  const similar = unread.filter(
    (output) => output.store === input.store && isMistyped(input.name, output.name),
  );
  const known = siblings.length > 0 ? siblings : similar;
  const [namespace = "", cache = ""] = input.store.split(" ").at(-1)?.split("/") ?? [];
  if (known.length === 0 && (pushed.length === 0 || around.cache(namespace, cache) === undefined)) return [];
  const level: Level = known.length > 0 ? "warning" : "info";
  const message = `found ${input.name}, which no step of these files pushes${suggestion(
    input.name,
    known.map(({ name }) => name),
  )}`;
  return [findingAt(input.step.object, input.path, { level, code: "InputNotMade", message })];
}

/** Numbers count something: `part-1` is no mistyped `part-2`. */
function isMistyped(written: string, meant: string): boolean {
  return (
    distance(written, meant) <= 2 && written.replaceAll(/[0-9]+/g, "0") !== meant.replaceAll(/[0-9]+/g, "0")
  );
}

/** A step, and those that read what it pushes, and so on. */
function stepsAfter(first: StepArtifacts, steps: readonly StepArtifacts[]): Set<StepArtifacts["step"]> {
  const after = new Set([first]);
  // A set is walked to its end, also to what is added meanwhile.
  for (const { outputs } of after) {
    for (const step of steps) {
      if (step.inputs.some((input) => outputs.some(({ address }) => canBe(address, input.address)))) {
        after.add(step);
      }
    }
  }
  return new Set([...after].map(({ step }) => step));
}

/** Whether a name with variables can become another: only what stands before the first one is compared. */
function canBe(name: string, other: string): boolean {
  return hasVariable(name) ? other.startsWith(name.slice(0, name.indexOf("$("))) : name === other;
}

/** Whether a name differs between Pods. */
export function hasVariable(name: string): boolean {
  return name.includes("$(");
}
