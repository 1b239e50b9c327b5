import type { Command, Option } from "commander";

/** What may stand where the cursor is. */
export type Wanted =
  | { readonly words: readonly string[] }
  /** Names that have to be asked for. */
  | {
      readonly names:
        | "artifact"
        | "repository"
        | "cache"
        | "context"
        | "namespace"
        | "subject"
        | "step"
        | "topic";
    }
  | { readonly names: "file" };

/** Where the cursor is. */
export interface Cursor {
  readonly wanted: Wanted;
  /** What is written of it. */
  readonly written: string;
  /** Options that were given, as commander names them. */
  readonly options: Readonly<Record<string, string>>;
}

/** What the arguments of commands are, in order; the last counts for all that follow. */
const positional: Readonly<Record<string, readonly Exclude<Wanted, { words: unknown }>["names"][]>> = {
  ls: ["repository"],
  get: ["artifact"],
  cat: ["artifact", "file"],
  put: ["file", "artifact"],
  diff: ["artifact"],
  cp: ["artifact"],
  rm: ["artifact"],
  wait: ["artifact"],
  login: ["cache"],
  status: ["subject"],
  trace: ["artifact"],
  why: ["subject"],
  rerun: ["step"],
  forget: ["step"],
  restart: ["cache"],
  "retention plan": ["cache"],
  backup: ["cache", "file"],
  restore: ["cache", "file"],
  grant: ["file", "cache"],
  explain: ["topic"],
  "import snakemake-dag": ["file"],
  "import wfformat": ["file"],
};

/**
 * Finds out what the word at the cursor may be.
 *
 * @param program - with its commands
 * @param words - after the program's name; the last one is where the cursor is
 */
export function cursorAt(program: Command, words: readonly string[]): Cursor {
  const written = words.at(-1) ?? "";
  const before = words.slice(0, -1);
  const { command, name, rest } = commandOf(program, before);
  if (command === undefined) return { wanted: { words: [] }, written, options: {} };
  if (command.commands.length > 0) return { wanted: { words: commandsOf(command) }, written, options: {} };
  const { options, open, count } = read(command, rest);
  if (open !== undefined) return { wanted: wantedBy(open), written, options };
  if (written.startsWith("-")) return { wanted: { words: flagsOf(command) }, written, options };
  const known = positional[name] ?? [];
  const names = known[Math.min(count, known.length - 1)];
  return { wanted: names === undefined ? { words: [] } : { names }, written, options };
}

/** The command that words name, which may belong to another one; undefined where there is none. */
function commandOf(
  program: Command,
  words: readonly string[],
): { readonly command: Command | undefined; readonly name: string; readonly rest: readonly string[] } {
  let command: Command | undefined = program;
  const names: string[] = [];
  for (const word of words) {
    if (command === undefined || command.commands.length === 0) break;
    command = command.commands.find((each) => each.name() === word);
    names.push(word);
  }
  return { command, name: names.join(" "), rest: words.slice(names.length) };
}

/** The commands that people type. */
function commandsOf(program: Command): string[] {
  return program
    .createHelp()
    .visibleCommands(program)
    .map((command) => command.name());
}

function flagsOf(command: Command): string[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .flatMap(({ long }) => long ?? []);
}

/** Takes apart what stands before the cursor: options, one that still wants a value, and how many arguments. */
function read(command: Command, words: readonly string[]) {
  const options: Record<string, string> = {};
  let open: Option | undefined;
  let count = 0;
  for (const word of words) {
    if (open !== undefined) {
      options[open.attributeName()] = word;
      open = undefined;
    } else if (word.startsWith("-")) {
      const found = command.options.find(({ long, short }) => word === long || word === short);
      if (found?.required || found?.optional) open = found;
    } else count++;
  }
  return { options, open, count };
}

const ofOption: Readonly<Record<string, Wanted>> = {
  namespace: { names: "namespace" },
  context: { names: "context" },
  cache: { names: "cache" },
  selector: { words: [] },
  run: { words: [] },
};

function wantedBy(option: Option): Wanted {
  if (option.argChoices) return { words: option.argChoices };
  return ofOption[option.attributeName()] ?? { names: "file" };
}
