import type { Made } from "./read-statement.ts";

/** What was another in the run before. */
export interface Change {
  /** Such as `input read/data:v1`. */
  readonly what: string;
  readonly before: string | undefined;
  readonly now: string | undefined;
}

/**
 * What differs between two runs of a step.
 *
 * @param before - the earlier one
 * @param now - the later one
 * @returns in the order inputs, images, programs, annotations; empty where all that is told is the same
 */
export function changesBetween(before: Made, now: Made): Change[] {
  return [
    ...differing("input", inputsOf(before), inputsOf(now)),
    ...differing("image of container", imagesOf(before), imagesOf(now)),
    ...differing("program of container", programsOf(before), programsOf(now)),
    ...differing("annotation", before.annotations, now.annotations),
  ];
}

type Values = Readonly<Record<string, string>>;

function differing(kind: string, before: Values, now: Values): Change[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(now)])].sort();
  return names
    .filter((name) => before[name] !== now[name])
    .map((name) => ({ what: `${kind} ${name}`, before: before[name], now: now[name] }));
}

/** Of an input whose name is not told, its place counts. */
function inputsOf({ dependencies }: Made): Values {
  const inputs = dependencies.filter(({ isImage }) => !isImage);
  return Object.fromEntries(inputs.map(({ uri, digest }, at) => [uri ?? String(at + 1), digest]));
}

function imagesOf({ dependencies }: Made): Values {
  const images = dependencies.filter(({ isImage }) => isImage);
  return Object.fromEntries(images.map(({ name = "", digest }) => [name, digest]));
}

function programsOf({ containers }: Made): Values {
  return Object.fromEntries(Object.entries(containers).map(([name, { program }]) => [name, program]));
}
