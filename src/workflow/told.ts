import type { BatchDecision } from "./batch.ts";
import type { InputVerdict } from "./opening.ts";

/** As many inputs as a sentence names. */
const mostNamed = 8;

/**
 * What a step waits for, in a sentence.
 *
 * @param inputs - of the step, in order
 * @param verdicts - on each
 * @param batch - how many steps of it are not there yet; isLost: of some of them nobody knows any more that they ended
 */
export function waitingSentence(
  inputs: readonly string[],
  verdicts: readonly InputVerdict[],
  { missing, isLost }: Pick<BatchDecision, "missing" | "isLost">,
): string {
  const open = verdicts.flatMap((verdict, i) => {
    const why = whyOf(verdict);
    return why === undefined ? [] : [`${inputs[i]} (${why})`];
  });
  const named = open.slice(0, mostNamed).join(", ");
  const more = open.length > mostNamed ? ` and ${open.length - mostNamed} more` : "";
  if (open.length > 0) return `Waits for ${named}${more}.`;
  // Without how many: each that comes would have all others told anew.
  if (missing && isLost)
    return "Waits until all steps of its batch are there; all inputs are. Some of them have ended and were deleted, and it is not known any more which: another replica of the operator leads now. Create this step and those that wait with it again, without batch.";
  if (missing) return "Waits until all steps of its batch are there; all inputs are.";
  return "All inputs are there; waits for steps that may be created together with it.";
}

function whyOf(verdict: InputVerdict): string | undefined {
  if (verdict.kind === "there") return undefined;
  if (verdict.kind === "nobody") return whyNobody(verdict);
  if (verdict.kind === "failed")
    return `${verdict.by} was to make it and ${verdict.how}: create ${verdict.again ?? "that"} again, or set wait-for-inputs to "false"`;
  if (verdict.kind === "unknown") return verdict.why;
  const [first, ...others] = verdict.by;
  return `made by ${first?.name}${others.length > 0 ? ` and ${others.length} more` : ""}`;
}

function whyNobody({ leaver }: Extract<InputVerdict, { kind: "nobody" }>): string {
  if (leaver === undefined) return "not in the registry, and no step of this namespace makes it";
  const { name, state } = leaver;
  if (state === "live") return `made by ${name} if that fails, as its failure-uri says`;
  if (state === "succeeded")
    return `${name} makes it only if it fails, as its failure-uri says, and has succeeded: it does not come`;
  return `${name} failed, and has not pushed it, as its failure-uri says: see the log of its container oras`;
}

/**
 * That a step starts, in a sentence.
 *
 * @param inputs - of the step, in order
 * @param pins - what each has in input-digests
 * @param seconds - how long it waited
 */
export function openedSentence(inputs: readonly string[], pins: readonly string[], seconds: number): string {
  const named = inputs.slice(0, mostNamed).map((input, i) => `${input} (${spoken(pins[i] ?? "")})`);
  const more = inputs.length > mostNamed ? ` and ${inputs.length - mostNamed} more` : "";
  const what = inputs.length === 0 ? "" : ` with ${named.join(", ")}${more}`;
  return `Starts after ${Math.round(seconds)} s${what}.`;
}

function spoken(pin: string): string {
  if (pin === "tag") return "as it is, by hand";
  return pin === "wait" ? "the Pod waits for it: the operator may not ask its registry" : pin;
}
