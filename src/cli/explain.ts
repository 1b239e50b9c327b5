import { Command } from "commander";
import { annotations, formats, PREFIX } from "../../generated/annotations.ts";
import { resolveKey } from "../annotations/keys.ts";
import { CliError } from "./output.ts";

/** `oras-operator explain`: the annotations, or one of them, as `kubectl explain` does for fields. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("describe the annotations, or one of them")
    .argument("[annotation]", "name, with or without the prefix")
    .addHelpText("after", "\nExamples:\n  oras-operator explain\n  oras-operator explain input-uri")
    .action((name: string | undefined) => {
      console.log(name === undefined ? explainAll() : explainOne(name));
    });
}

/** One line per annotation. */
export function explainAll(): string {
  const all = Object.values(annotations);
  const width = Math.max(...all.map((a) => a.name.length));
  return all.map((a) => `${a.name.padEnd(width)}  ${firstSentence(a.description)}`).join("\n");
}

/**
 * Everything about one annotation.
 *
 * @param written - its name or its key
 * @throws CliError when there is none of that name
 */
export function explainOne(written: string): string {
  const slot = resolveKey(PREFIX + written.slice(written.lastIndexOf("/") + 1));
  if ("message" in slot) throw new CliError(`${written}: ${slot.message}`, 2);
  const a = annotations[slot.name];
  return [
    `KEY:      ${a.key}${a.list ? `   (a list: ${a.name}_1, ${a.name}_2, … add to it)` : ""}`,
    `ALLOWED:  ${formats[a.format].allowed}`,
    `DEFAULT:  ${a.default ?? a.defaultText}`,
    `EXAMPLE:  ${a.example}`,
    "",
    a.description,
  ].join("\n");
}

function firstSentence(text: string): string {
  return /^.*?[.](?=\s|$)/s.exec(text)?.[0].replaceAll("\n", " ") ?? text;
}
