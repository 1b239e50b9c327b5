import { Help } from "commander";
import { programName } from "../name.ts";
import { CliError } from "../output.ts";
import { findTopics } from "./find.ts";
import type { Topic } from "./topic.ts";
import { allTopics } from "./topics.ts";

/** Columns where standard output is no terminal, such as a file. */
const defaultWidth = 80;
/** Longer names have a line to themselves. */
const widestName = 36;
/** Narrower columns of text are not made. */
const narrowest = 20;

/**
 * A line or two for everything that can be explained.
 *
 * @param width - columns that lines may take
 */
export function explainAll(width: number = defaultWidth): string {
  const sections = Map.groupBy(allTopics(), ({ section }) => section);
  return [...sections]
    .map(([section, topics]) => `${section}\n${list(topics, width)}`)
    .concat(`"${programName} explain NAME" says more about one of these.`)
    .join("\n\n");
}

/**
 * Everything about one name. Several things may have it, such as an exit code and the reason of its Event.
 *
 * @param asked - for example `input-uri`, `spec.image`, `NoCommand`, `181`, `$(JOB_NAME)`
 * @param width - columns that lines may take
 * @throws CliError when nothing is called so, or nothing is asked for
 */
export function explainOne(asked: string, width: number = defaultWidth): string {
  if (asked.trim() === "") {
    throw new CliError(`The name is empty. These can be explained:\n\n${explainAll(width)}`, 2);
  }
  return findTopics(asked)
    .map((topic) => describeTopic(topic, width))
    .join("\n\n");
}

function describeTopic({ facts, description, parts = [] }: Topic, width: number): string {
  const label = Math.max(...facts.map(([name]) => name.length)) + 3;
  const wrap = (text: string, indent: number) =>
    helpOf(width)
      .boxWrap(text, Math.max(width - indent, narrowest))
      .replaceAll("\n", `\n${" ".repeat(indent)}`);
  return [
    ...facts.map(([name, text]) => `${`${name}:`.padEnd(label)}${wrap(text, label)}`),
    "",
    "DESCRIPTION:",
    `    ${wrap(description, 4)}`,
    ...(parts.length === 0 ? [] : ["", "FIELDS:", list(parts, width)]),
  ].join("\n");
}

function list(items: readonly Pick<Topic, "name" | "description">[], width: number): string {
  const help = helpOf(width);
  const column = Math.min(Math.max(...items.map(({ name }) => name.length)), widestName);
  return items
    .map(({ name, description }) => {
      const fits = name.length <= widestName;
      const line = help.formatItem(fits ? name : "", column, firstSentence(description), help);
      return fits ? line : `  ${name}\n${line}`;
    })
    .join("\n");
}

/** What formats the commands' own help texts. */
function helpOf(width: number): Help {
  return Object.assign(new Help(), { helpWidth: width, minWidthToWrap: narrowest });
}

function firstSentence(text: string): string {
  return /^.*?[.](?=\s|$)/s.exec(text)?.[0].replaceAll("\n", " ") ?? text;
}
