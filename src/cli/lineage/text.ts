import { visible } from "../../annotations/problems.ts";
import { makersIn } from "../../lineage/choose-statement.ts";
import type { Maker, Trace } from "./trace.ts";

/** Enough of a digest to tell it from others. */
const shortDigest = "sha256:".length + 12;

/** A digest as people read it. */
export function short(digest: string): string {
  return digest.startsWith("sha256:") ? digest.slice(0, shortDigest) : digest;
}

/**
 * A trace for a terminal: below each artifact who made it, and what from.
 *
 * @param trace - of an artifact
 */
export function formatTrace(trace: Trace): string {
  return `${linesOf(trace).map(visible).join("\n")}\n`;
}

/** An index may list thousands. */
const mostParts = 10;

function linesOf(trace: Trace): string[] {
  const { artifact, digest, images, inputs, moved, note } = trace;
  const name = artifact.includes(digest)
    ? artifact.replace(digest, short(digest))
    : `${artifact}  ${short(digest)}`;
  const told = [
    ...makerOf(trace),
    ...(moved === undefined ? [] : [`the tag has moved since: now ${short(moved)}`]),
    ...(note === undefined ? [] : [note]),
    ...images.map((image) => `image ${image.replace(/sha256:[a-f0-9]{64}/, short)}`),
    ...inputs.flatMap((input) => under("from", input)),
    ...partsOf(trace),
  ];
  return [name, ...told.map((line) => `  ${line}`)];
}

function under(word: string, trace: Trace): string[] {
  const [first = "", ...others] = linesOf(trace);
  return [`${word} ${first}`, ...others];
}

function partsOf({ parts, moreParts = 0 }: Trace): string[] {
  if (parts === undefined) return [];
  const left = parts.length + moreParts - Math.min(parts.length, mostParts);
  const more = left === 0 ? [] : [`and ${left} more parts (-o json tells of ${parts.length})`];
  return [...parts.slice(0, mostParts).flatMap((part) => under("part", part)), ...more];
}

function makerOf(trace: Trace): string[] {
  const { source, madeBy, memoizedFrom, parts, moreParts = 0 } = trace;
  const memoized =
    memoizedFrom === undefined || trace.chosenBy === "memoized" ? [] : [rememberedOf(memoizedFrom)];
  if (parts !== undefined) return [...memoized, `an index of ${parts.length + moreParts} parts`];
  if (source === "manifest")
    return memoized.length > 0
      ? [...memoized, "as its manifest says; nothing else is recorded of how that was made"]
      : ["as its manifest says; who made it is not recorded"];
  return madeBy === undefined ? memoized : [...memoized, madeAs(trace, madeBy)];
}

function rememberedOf({ step, pod, at }: NonNullable<Trace["memoizedFrom"]>): string {
  return `${resultOf(step, pod, "")}, ${at}`;
}

function madeAs(trace: Trace, madeBy: Maker): string {
  const { step = "an unknown step", pod, artifact, finishedOn, isSigned, signedBy } = madeBy;
  const failed = Object.entries(madeBy.exitCodes).filter(([, code]) => code !== 0);
  const isNamed = artifact === undefined || artifact === trace.artifact || trace.chosenBy === "name";
  const as = isNamed ? "" : ` as ${artifact}`;
  const parts = [
    trace.chosenBy === "memoized"
      ? resultOf(step, pod, as)
      : `${verbOf(trace, madeBy)} ${step}${podOf(step, pod)}${as}`,
    ...(madeBy.isLeft ? ["which failed"] : []),
    ...(finishedOn === undefined ? [] : [finishedOn]),
    ...failed.map(([container, code]) => `container ${container} ended with exit code ${code}`),
    ...(isSigned
      ? [`signed${signedBy === undefined ? "" : ` by key ${short(signedBy)}`} (not verified here)`]
      : []),
  ];
  return parts.join(", ");
}

function verbOf({ chosenBy, sameBytesBy = [] }: Trace, madeBy: Maker): string {
  const makers = chosenBy === "bytes" ? makersIn([madeBy, ...sameBytesBy]) : 1;
  if (makers === 1) return madeBy.isLeft ? "left by" : "made by";
  return `the same bytes were made by ${makers} steps; the latest:`;
}

function resultOf(step: string, pod: string | undefined, as: string): string {
  const by = podOf(step, pod) === "" ? "" : ` by Pod ${pod}`;
  return `result of ${step} (memoized)${by + as === "" ? "" : `, made${by}${as}`}`;
}

function podOf(step: string, pod: string | undefined): string {
  return pod === undefined || step === `pod/${pod}` ? "" : ` (Pod ${pod})`;
}
