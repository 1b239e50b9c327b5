import { closest, distance } from "fastest-levenshtein";
import { names } from "../../../schema/names.ts";
import { keyOf, resolveKey } from "../../annotations/keys.ts";
import { programName } from "../name.ts";
import { CliError } from "../output.ts";
import type { Topic } from "./topic.ts";
import { allTopics } from "./topics.ts";

/**
 * Finds what somebody asks about: `container_2`, `spec.image`, `NoCommand`, `181`, `$(JOB_NAME)`, in any case.
 *
 * @throws CliError with the nearest name when nothing is called so
 */
export function findTopics(asked: string): readonly Topic[] {
  const topics = allTopics();
  const text = asked.trim().toLowerCase().replaceAll("[]", "");
  const found = topics.filter((topic) => namesOf(topic).includes(text));
  if (found.length > 0) return found;
  const element = numbered(text, topics);
  if (element) return [element];
  throw new CliError(notFound(asked.trim(), topics), 2);
}

function namesOf({ name, aliases }: Topic): string[] {
  return [name.toLowerCase(), ...aliases];
}

/** An element of a list: `input-uri_3` is explained as `input-uri`. */
function numbered(text: string, topics: readonly Topic[]): Topic | undefined {
  const slot = resolveKey(names.prefix + text.replace(names.prefix, ""));
  if ("message" in slot) {
    if (slot.code === "UnknownAnnotation") return undefined;
    throw new CliError(`${text}: ${slot.message}`, 2);
  }
  const key = keyOf({ name: slot.name, number: 0 });
  return topics.find(({ aliases }) => aliases.includes(key));
}

function notFound(asked: string, topics: readonly Topic[]): string {
  const exitCode = /^[0-9]{1,3}$/.test(asked) ? Number(asked) : undefined;
  if (exitCode !== undefined) return notOurExitCode(exitCode);
  const all = topics.flatMap(namesOf);
  const text = asked.toLowerCase();
  const nearest = closest(text, all);
  const near = distance(text, nearest) <= Math.max(2, Math.floor(nearest.length / 3));
  const topic = topics.find((candidate) => namesOf(candidate).includes(nearest));
  return near && topic
    ? `${asked}: nothing is called that; did you mean ${topic.name}?`
    : `${asked}: nothing is called that; "${programName} explain" lists what can be explained.`;
}

/** What other exit codes of a step mean: the program's own are never changed. */
function notOurExitCode(code: number): string {
  const signal = code - 128;
  const meaning =
    signal > 0 && signal < 32 ? `the container was ended by signal ${signal}` : "it is the program's own";
  return `${code}: the operator has no exit code like this; ${meaning}.`;
}
