import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Command, Option } from "commander";
import { describe, expect, it } from "vitest";
import scripts from "../../../src/cli/completion/scripts.json" with { type: "json" };
import { cursorAt } from "../../../src/cli/completion/words.ts";
import { temporaryFolder } from "../../support/folders.ts";

const program = new Command("x");
program
  .command("ls")
  .option("-n, --namespace <name>")
  .option("-A, --all-namespaces")
  .addOption(new Option("-o, --output <format>").choices(["json", "name"]));
program.command("cp");
program.command("graph").option("-l, --selector <selector>");
program.command("retention").command("plan").option("-n, --namespace <name>");
program.command("hidden", { hidden: true });

describe("the word at the cursor", () => {
  it.each<[string[], object]>([
    [[""], { words: ["ls", "cp", "graph", "retention", "help"] }],
    [["l"], { words: ["ls", "cp", "graph", "retention", "help"] }],
    [["ls", ""], { names: "repository" }],
    [["ls", "-n", ""], { names: "namespace" }],
    [["ls", "-A", ""], { names: "repository" }],
    [["ls", "-o", "j"], { words: ["json", "name"] }],
    [["ls", "--"], { words: ["--namespace", "--all-namespaces", "--output", "--help"] }],
    [["cp", "a/b:1", ""], { names: "artifact" }],
    [["graph", "-l", ""], { words: [] }],
    [["nothing", ""], { words: [] }],
    [["retention", ""], { words: ["plan", "help"] }],
    [["retention", "plan", ""], { names: "cache" }],
    [["retention", "plan", "-n", ""], { names: "namespace" }],
    [["retention", "nothing", ""], { words: [] }],
  ])("%j", (words, wanted) => {
    expect(cursorAt(program, words).wanted).toEqual(wanted);
  });

  it("knows the options before it", () => {
    expect(cursorAt(program, ["ls", "-n", "runs", "a"])).toMatchObject({
      written: "a",
      options: { namespace: "runs" },
    });
  });
});

describe("in bash", () => {
  const folder = temporaryFolder("completion");
  writeFileSync(
    join(folder, "oras-operator"),
    '#!/bin/sh\nprintf "%s|" "$@" >> "$0.asked"\nprintf "a/b:1\\na/b:2\\n:4\\n"\n',
  );
  chmodSync(join(folder, "oras-operator"), 0o755);
  writeFileSync(join(folder, "completion.bash"), scripts.bash.join("\n"));

  it.each([
    ["oras-operator get ", '[0]="a/b:1" [1]="a/b:2"'],
    // A colon ends a word of bash.
    ["oras-operator get a/b:", '[0]="1" [1]="2"'],
  ])("%j", (line, found) => {
    const script = ["source completion.bash", 'COMP_LINE="$1"', "let COMP_POINT=$(wc -c <<< $1)"];
    script.push("_oras_operator", "declare -p COMPREPLY");
    const env = { PATH: `${folder}:/usr/bin:/bin` };
    expect(
      execFileSync("bash", ["--norc", "-c", script.join("\n"), "bash", line], {
        cwd: folder,
        env,
        encoding: "utf8",
      }).trim(),
    ).toBe(`declare -a COMPREPLY=(${found})`);
  });
});
