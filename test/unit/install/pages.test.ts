import { existsSync, globSync, readFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { describe, expect, test } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { alerts } from "../../../schema/monitoring.ts";
import { names } from "../../../schema/names.ts";
import { annotations } from "../../../src/annotations/table.ts";
import { optionsBehind } from "../../../src/cli/commands/leading-options.ts";
import { findTopics } from "../../../src/cli/explain/find.ts";
import { objectsIn } from "../../support/manifests.ts";
import { type Block, blocksIn, blocksOf, commandsOf, isTyped, pages } from "../../support/pages.ts";
import { scenes } from "../../support/scenes.ts";

/** Every command of the command line by its name. */
const commands = new Map<string, () => Command>();
for (const file of await readdir("src/cli/commands")) {
  const module = (await import(resolve("src/cli/commands", file))) as Record<string, () => Command>;
  for (const [name, make] of Object.entries(module)) {
    if (name.endsWith("Command") && make.length === 0) commands.set(make().name(), make);
  }
}

/**
 * What is wrong with the command line of this program; empty where nothing is.
 *
 * @param line - without the program's name
 */
function mistakeIn(line: string): string {
  const [name = "", ...args] = optionsBehind(wordsOf(line));
  if (["", "version", "--help"].includes(name)) return "";
  const command = commands.get(name)?.();
  if (command === undefined) return `there is no command ${name}`;
  makeHarmless(command);
  try {
    command.parse(args, { from: "user" });
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

/** A command and those below it that say nothing and do nothing. */
function makeHarmless(command: Command): void {
  command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  if (command.commands.length === 0) command.action(() => {});
  for (const below of command.commands) makeHarmless(below);
}

/** The words of a line, as a shell parts them. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"]+)+/g)].map(([word]) => word.replaceAll(/['"]/g, ""));
}

const programs = "(?:oras-operator|kubectl oras-cache)";

/**
 * What of a command is for this program, without its name.
 *
 * @throws Error if something is that cannot be told apart
 */
function ownLines(command: string): string[] {
  const line = command.replaceAll(/\s*\\\n\s*/g, " ");
  const own = RegExp(
    `(?:^|[|;&(]\\s*)${programs}((?: +(?:'[^']*'|"[^"]*"|[^|;&<>()'"\\s]+))*)(?=\\s*(?:$|[|;&<>)#]))`,
    "g",
  );
  const found = [...line.matchAll(own)].map(([, args = ""]) => args.trim());
  const begun = [...line.matchAll(RegExp(`(?:^|[|;&(]\\s*)${programs}(?= |$|\\))`, "g"))];
  if (begun.length !== found.length) throw new Error(`${line}: this test cannot tell its words apart`);
  return found;
}

const withoutBlocks = (text: string) => text.replaceAll(/^( *)```.*?^\1```$/gms, "");
const codeOf = (text: string) =>
  [...withoutBlocks(text).matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);

/** Whether `oras-operator explain` knows a name. */
function isExplained(name: string): boolean {
  try {
    return findTopics(name).length > 0;
  } catch {
    return false;
  }
}

const alertNames = new Set(alerts.map(({ name }) => name));

/** Tests of the agent, which pages name for their numbers. */
const goTests = new Set(
  globSync("agent/**/*_test.go").flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(/^func (Test\w+)\(/gm)].map(([, name]) => name ?? ""),
  ),
);

const isKnown = (name: string) =>
  isExplained(name) || alertNames.has(name) || goTests.has(name) || ofOthers.has(name);

/** Names of Kubernetes and others that pages have as code. */
const ofOthers = new Set(
  "AccessDenied AdmissionGated AdmissionGatedBy ContainerRestartRules CreateContainerConfigError CreateContainerError DeadlineExceeded EnvFiles ErrImagePull FailedCreate FailedMount FailedScheduling FailureTarget ImagePullBackOff ImageVolume ImageVolumeMountFailed InvalidAccessKeyId LoadBalancer NoSuchBucket OnFailure OutOfSync PeerAuthentication QuotaReserved ReadWriteMany RestartAllContainers SchedulingGated SignatureDoesNotMatch StartError".split(
    " ",
  ),
);

describe("a command line is told apart", () => {
  test.each([
    ["ls -n a", ""],
    ["get a/b:1 -o here", ""],
    ["get", "error: missing required argument 'artifact'"],
    ["get a/b:1 c/d:1", "error: too many arguments"],
    ["ls --wide", "error: unknown option '--wide'"],
    ["ls -o tsv", "error: option '-o, --output <format>' argument 'tsv' is invalid."],
    ["validate job.yaml", "error: files are named with -f"],
    ["lost", "there is no command lost"],
  ])("%s: %j", (line, mistake) => {
    expect(mistakeIn(line)).toContain(mistake);
    if (mistake === "") expect(mistakeIn(line)).toBe("");
  });

  test.each([
    ["oras-operator validate -f - | head", ["validate -f -"]],
    ["helm template a | oras-operator validate -f -", ["validate -f -"]],
    ["source <(oras-operator completion bash)", ["completion bash"]],
    ["helm install oras-operator ./chart", []],
    ["kubectl oras-cache cat a/b:1 'c d' > e", ["cat a/b:1 'c d'"]],
    ["kubectl oras-cache cp \\\n  a/b:1 c/d:1", ["cp a/b:1 c/d:1"]],
  ])("%s has %j", (line, own) => {
    expect(ownLines(line)).toEqual(own);
  });
});

test("a command line that cannot be told apart is no command line that is right", () => {
  expect(() => ownLines("oras-operator get $(cat name)")).toThrow("cannot tell its words apart");
});

describe("a block", () => {
  const block = (text: string) => blocksIn(`a\n${text}\n`)[0] as Block;

  test.each([
    ["```sh\na |\n  b\nc\n```", true, ["a |\n  b", "c"]],
    ["```console\n$ a \\\n  b\nsaid\n$ c\n```", true, ["a \\\n  b", "c"]],
    ["  ```sh\n  a\n  ```", true, ["a"]],
    ["```sh untested: it needs a cloud\na\n```", false, ["a"]],
    ["```yaml\na: b\n```", false, []],
  ])("%j: typed %j, commands %j", (text, typed, lines) => {
    expect(isTyped(block(text))).toBe(typed);
    expect(commandsOf(block(text))).toEqual(lines);
  });

  test("with a word that is no note is told", () => {
    expect(block("```sh skipped\na\n```").stray).toBe("skipped");
  });

  // Its commands would be typed by no test.
  test.each(["", "Shell", "c++"])("of the language %j is one", (language) => {
    expect(block(`\`\`\`${language}\n$ a\n\`\`\``).language).toBe(language);
  });
});

describe.each(pages)("%s", (page) => {
  const text = readFileSync(page, "utf8");
  const blocks = blocksOf(page);
  // It says what was thought then.
  const isDecision = page.startsWith("docs/adr/");
  const at = ({ line }: Block) => `${page}:${line}`;

  test("has behind the language of a block a note, or nothing", () => {
    expect(blocks.filter(({ stray }) => stray !== undefined).map(at)).toEqual([]);
    const why = blocks.flatMap(({ note }) => (note?.kind === "untested" ? [note.text] : []));
    for (const each of why) expect(each, "a reason in words").toMatch(/\w+ \w+ \w+/);
    const tests = blocks.flatMap(({ note }) => (note?.kind === "tested by" ? [note.text] : []));
    for (const file of tests) {
      expect(existsSync(file), file).toBe(true);
      expect(readFileSync(file, "utf8"), `${file} reads the page`).toContain(page);
    }
  });

  test("marks commands as such, so that they are typed", () => {
    const languages = ["sh", "console", "yaml", "json", "toml", "promql", "mermaid", "text"];
    const others = blocks.filter(({ language }) => !languages.includes(language));
    expect(others.map(at), `a block is one of: ${languages.join(", ")}`).toEqual([]);
    const indented = [...withoutBlocks(text).matchAll(/^ {4,}((?:kubectl|oras|helm|make) .*)/gm)];
    expect(
      indented.map(([, line]) => line),
      "commands stand in a block",
    ).toEqual([]);
    const terminals = blocks.filter(({ language }) => language === "console");
    const without = terminals.filter((block) => commandsOf(block).length === 0);
    expect(without.map(at), "a console has a line that begins with $").toEqual([]);
  });

  test("is typed where it has commands", () => {
    expect(
      blocks.some(isTyped) === Object.hasOwn(scenes, page),
      "it has a scene in test/support/scenes.ts",
    ).toBe(true);
  });

  test("has command lines that the program takes", () => {
    // A name alone in a sentence, as "oras-operator validate", is no line that somebody would type.
    const inline = codeOf(text)
      .flatMap(ownLines)
      .filter((line) => line.includes(" "));
    const written = [...blocks.flatMap(commandsOf).flatMap(ownLines), ...inline];
    expect(written.map((line) => [line, mistakeIn(line)]).filter(([, mistake]) => mistake !== "")).toEqual(
      [],
    );
  });

  test("shows files of the examples as they are", async () => {
    for (const { text: shown } of blocks.filter(({ language }) => language === "yaml")) {
      const [, file] = /^# (examples\/\S+)\n/.exec(shown) ?? [];
      if (file !== undefined) expect(objectsIn(shown)).toEqual(objectsIn(readFileSync(file, "utf8")));
    }
  });

  if (isDecision) return;

  test("names annotations that there are", () => {
    const known = [
      ...Object.keys(annotations),
      ...Object.values(names)
        .filter((n) => `${n}`.startsWith(names.prefix))
        .map((n) => `${n}`.slice(names.prefix.length)),
    ];
    // What validate says of one that there is not.
    const meant = text.replaceAll(/^.*: no such annotation;/gm, "");
    const found = [...meant.matchAll(RegExp(`${names.prefix.replaceAll(".", "\\.")}([a-z][\\w-]*)`, "g"))];
    const lost = found
      // kubectl takes one off that has a dash behind it.
      .map(([, name = ""]) => name.replace(/(_\d+|-)$/, ""))
      .filter((name) => !known.includes(name));
    expect(lost, `no annotation of ${page}`).toEqual([]);
  });

  test("names exit codes that there are", () => {
    const codes = Object.values(exitCodes).map(({ code }) => `${code}`);
    const found = [...text.matchAll(/exit codes? (?:from )?(\d{3})(?:(?:,| or| to| and) (\d{3}))*/gi)];
    const lost = found.flatMap((all) => all.slice(1)).filter((code) => /^(1[89]|[2-9])\d/.test(code ?? ""));
    expect(
      lost.filter((code) => !codes.includes(code ?? "")),
      "schema/exit-codes.ts has no such code",
    ).toEqual([]);
  });

  test("names conditions, reasons, codes, alerts and tests that there are", () => {
    const found = codeOf(text).filter((code) => /^(?:[A-Z][a-z0-9]+){2,}$/.test(code));
    const unknown = found.filter((name) => !isKnown(name));
    expect(unknown, "words of Kubernetes that are not the product's are listed in ofOthers").toEqual([]);
  });
});
