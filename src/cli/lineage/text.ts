import { visible } from "../../annotations/problems.ts";
import type { Trace } from "./trace.ts";

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
    ...inputs.flatMap((input) => {
      const [first = "", ...others] = linesOf(input);
      return [`from ${first}`, ...others];
    }),
  ];
  return [name, ...told.map((line) => `  ${line}`)];
}

function makerOf({ source, madeBy }: Trace): string[] {
  if (source === "manifest") return ["as its manifest says; who made it is not recorded"];
  if (madeBy === undefined) return [];
  const { step = "an unknown step", pod, finishedOn, isSigned, signedBy } = madeBy;
  const failed = Object.entries(madeBy.exitCodes).filter(([, code]) => code !== 0);
  const parts = [
    `made by ${step}${pod === undefined || step === `pod/${pod}` ? "" : ` (Pod ${pod})`}`,
    ...(finishedOn === undefined ? [] : [finishedOn]),
    ...failed.map(([container, code]) => `container ${container} ended with exit code ${code}`),
    ...(isSigned
      ? [`signed${signedBy === undefined ? "" : ` by key ${short(signedBy)}`} (not verified here)`]
      : []),
  ];
  return [parts.join(", ")];
}
