import { nobodyMakesIt } from "../common/nobody-makes-it.ts";
import type { BatchDecision } from "./batch.ts";
import type { InputVerdict } from "./opening.ts";

/** The batch of a step, if it is in one. */
interface Batched {
  readonly of?: { readonly name: string; readonly count: number } | undefined;
}

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
  { missing, isLost, of }: Pick<BatchDecision, "missing" | "isLost"> & Pick<Batched, "of">,
): string {
  const open = verdicts.flatMap((verdict, i) => {
    const why = whyOf(verdict);
    return why === undefined ? [] : [`${inputs[i]} (${why})`];
  });
  const named = open.slice(0, mostNamed).join(", ");
  const more = open.length > mostNamed ? ` and ${open.length - mostNamed} more` : "";
  if (open.length > 0) return `Waits for ${named}${more}.`;
  const batch = of && missing ? batchSentence(of, missing) : "";
  if (missing && isLost)
    return `${batch} Some of them have ended and were deleted, and it is not known any more which: another replica of the operator leads now. Create this step and those that wait with it again, without batch.`;
  if (batch !== "") return batch;
  return "All inputs are there; waits for steps that may be created together with it.";
}

/** Of a batch with more steps it is not said how many are there: each that comes would have all others told anew. */
const mostCounted = 50;

function batchSentence({ name, count }: NonNullable<Batched["of"]>, missing: number): string {
  const are = count <= mostCounted ? `; ${count - missing} of ${count} are` : "";
  return `Waits until all ${count} steps of its batch ${name} are there${are}. All inputs are there.`;
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

function whyNobody({ leaver, meant }: Extract<InputVerdict, { kind: "nobody" }>): string {
  const nobody = `not in the registry, and ${nobodyMakesIt}`;
  if (meant) return `${nobody}; did you mean ${meant.artifact}, which ${meant.by} makes?`;
  if (leaver === undefined) return nobody;
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
 * @param verdicts - on each, where they count
 */
export function openedSentence(
  inputs: readonly string[],
  pins: readonly string[],
  seconds: number,
  verdicts: readonly InputVerdict[] = [],
): string {
  const named = inputs
    .slice(0, mostNamed)
    .map((input, i) => `${input} (${spoken(pins[i] ?? "", verdicts[i])})`);
  const more = inputs.length > mostNamed ? ` and ${inputs.length - mostNamed} more` : "";
  const what = inputs.length === 0 ? "" : ` with ${named.join(", ")}${more}`;
  return `Starts after ${Math.round(seconds)} s${what}.`;
}

function spoken(pin: string, verdict: InputVerdict | undefined): string {
  if (pin === "tag" && verdict?.kind === "nobody") return "by hand, though it is not in the registry";
  if (pin === "tag" && verdict?.kind === "made")
    return `as it is, by hand, before ${verdict.by[0]?.name} has pushed it`;
  if (pin === "tag") return "as it is, by hand";
  return pin === "wait" ? "the Pod waits for it: the operator may not ask its registry" : pin;
}
