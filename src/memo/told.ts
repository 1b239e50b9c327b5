import { differences } from "../lineage/difference.ts";
import type { MemoEntry } from "./memos.ts";
import { shortKey } from "./short-key.ts";

const mostDifferences = 6;
const longestIndexes = 200;

/** Who made a result, and when: for an annotation. */
export function madeBy({ by, at }: MemoEntry): string {
  const pod = by.pod === undefined ? "" : ` Pod/${by.pod}`;
  return `${by.kind}/${by.name}${pod} ${at}`;
}

/**
 * That a step did not run, in a sentence.
 *
 * @param key - of the step
 * @param entries - its results, with the tags that name them now
 */
export function memoizedSentence(
  key: string,
  entries: readonly { readonly entry: MemoEntry; readonly artifact: string }[],
): string {
  const [first, ...others] = entries;
  if (first === undefined) return "Did not run.";
  const { entry, artifact } = first;
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  return `Did not run: its result is there already (key ${shortKey(key)}). ${artifact} is ${entry.output.digest}, which ${entry.by.kind} ${entry.by.name} made at ${entry.at}${more}.`;
}

/** See toldResult. */
const resultPattern = /^Did not run: .*? (\S+) is (sha256:[a-f0-9]{64}), which (?:Job|Pod) /;

/**
 * What memoizedSentence says of a step's result, of several the first.
 *
 * @param sentence - from the step's condition
 * @returns undefined where it is another sentence
 */
export function toldResult(
  sentence: string,
): { readonly artifact: string; readonly digest: string } | undefined {
  const [, artifact, digest] = resultPattern.exec(sentence) ?? [];
  return artifact === undefined || digest === undefined ? undefined : { artifact, digest };
}

/**
 * That a step waits for the result of another one. The other is not named: were it, each of many that fail would be a write for all
 * that still wait.
 *
 * @param key - of both
 */
export function joinedSentence(key: string): string {
  return `All inputs are there; waits for a step that does the same work (key ${shortKey(key)}), to take its result.`;
}

/** See nameJoined. */
const joinedPattern = /waits for a step that does the same work \(key ([0-9a-f]+)\)/;

/**
 * What joinedSentence says, with the name of the step that is waited for.
 *
 * @param sentence - from a step's condition
 * @param nameOf - knows steps that run by shortKey of what they do
 * @returns any other sentence as it is
 */
export function nameJoined(sentence: string, nameOf: (shortKey: string) => string | undefined): string {
  return sentence.replace(joinedPattern, (whole: string, key: string) => {
    const name = nameOf(key);
    return name === undefined ? whole : `waits for ${name}, which does the same work (key ${key})`;
  });
}

/**
 * That some indexes of a step do not run, in a sentence.
 *
 * @param key - of the step
 * @param which - as the Job controller writes them, and how many there are
 * @param entries - their results, with the tags that name them now
 * @param because - why the others have none
 */
export function partSentence(
  key: string,
  which: { readonly indexes: string; readonly of: number },
  entries: readonly { readonly entry: MemoEntry; readonly artifact: string }[],
  because: string,
): string {
  const [first, ...others] = entries;
  const more = others.length > 0 ? ` and ${others.length} more` : "";
  const one = first
    ? `${first.artifact} is ${first.entry.output.digest}, which ${first.entry.by.kind} ${first.entry.by.name} made at ${first.entry.at}${more}. `
    : "";
  return `The indexes ${shortened(which.indexes)} of ${which.of} do not run: their results are there already (key ${shortKey(key)}). ${one}The others run: ${because}.`;
}

/** An Event has room for a thousand characters. */
function shortened(indexes: string): string {
  if (indexes.length <= longestIndexes) return indexes;
  return `${indexes.slice(0, indexes.lastIndexOf(",", longestIndexes))} and more`;
}

/**
 * That a step runs whose result is not there, in a sentence.
 *
 * @param key - of the step
 * @param because - what is known of its result
 * @param last - what was remembered last of the same output
 * @param parts - what its key is made from
 */
export function missSentence(
  key: string,
  because: string,
  last: MemoEntry | undefined,
  parts: unknown,
): string {
  const runs = `Runs, as there is no result with the key ${shortKey(key)}: ${because}.`;
  if (last === undefined || last.key === key) return runs;
  const found = differences(parsed(last.parts), parts);
  if (found.length === 0) return runs;
  const told = found.slice(0, mostDifferences).join("; ");
  const more = found.length > mostDifferences ? `; and ${found.length - mostDifferences} more` : "";
  const of = last.by.run === undefined ? "" : ` of the run ${last.by.run}`;
  return `${runs} Since ${last.by.kind} ${last.by.name}${of} made this output at ${last.at}: ${told}${more}.`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
