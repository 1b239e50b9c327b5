import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { wrongIn } from "../../../../src/workflow/import/paths.ts";
import { lineOf, scriptOf, standInFor, unexpanded } from "../../../../src/workflow/import/shell.ts";
import type { Task } from "../../../../src/workflow/import/workflow.ts";
import { makeFolder } from "../../../support/cli.ts";

const task = (inputs: readonly string[], outputs: readonly string[]): Task => {
  return { at: "here", id: "any", after: [], before: [], inputs, outputs };
};

/** Runs a script in a folder of its own with files in it, and says what is to be pushed. */
async function pushedBy(
  script: string,
  files: Readonly<Record<string, string>> = {},
): Promise<Record<string, string>> {
  const folder = await makeFolder();
  onTestFinished(folder.remove);
  for (const [path, text] of Object.entries(files)) await folder.write(path, text);
  execFileSync("sh", ["-c", script], { cwd: folder.path, stdio: ["ignore", "pipe", "pipe"] });
  const outputs = join(folder.path, ".outputs");
  const found = readdirSync(outputs, { recursive: true, withFileTypes: true }).filter((e) => e.isFile());
  return Object.fromEntries(
    found.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [path.slice(outputs.length + 1), readFileSync(path, "utf8")];
    }),
  );
}

test("what a task makes is put where it is pushed from, by its path, and nothing else", async () => {
  const outputs = ["a.txt", "deep/er/b", "-n", "it's $HOME", "folder"];
  const program =
    "echo a > a.txt; echo b > deep/er/b; echo c > ./-n; echo d > 'it'\\''s $HOME'; mkdir folder; echo e > folder/e; echo x > other";
  expect(await pushedBy(scriptOf(task([], outputs), lineOf(program)))).toEqual({
    ...{ "a.txt": "a\n", "deep/er/b": "b\n", "-n": "c\n", "it's $HOME": "d\n", "folder/e": "e\n" },
  });
});

test.for([
  ["a program that fails", "false"],
  ["a text that ends early", "exit 3; true"],
  ["an output that is not made", "true"],
])("%s fails the step", async ([, program = ""]) => {
  await expect(pushedBy(scriptOf(task([], ["a"]), lineOf(program)))).rejects.toThrow();
});

test("a task without outputs leaves an empty folder", async () => {
  expect(await pushedBy(scriptOf(task([], []), lineOf(["true"])))).toEqual({});
});

test("a stand-in depends on the bytes of all inputs, and writes the sizes", async () => {
  const script = scriptOf(
    task(["in/x", "y"], ["o1", "-o 2"]),
    standInFor(task(["in/x", "y"], ["o1", "-o 2"]), (path) => path.length * 1000),
  );
  const first = await pushedBy(script, { "in/x": "1", y: "2" });
  expect(Object.values(first).map(({ length }) => length)).toEqual([4000, 2000]);
  expect(await pushedBy(script, { "in/x": "1", y: "2" })).toEqual(first);
  const second = await pushedBy(script, { "in/x": "1", y: "3" });
  expect(second["o1"]).not.toBe(first["o1"]);
  await expect(pushedBy(script, { "in/x": "1" })).rejects.toThrow(/y/);
});

test("words reach a program as they are", () => {
  const word = fc.string({ unit: "binary" }).filter((text) => !text.includes("\0") && text.isWellFormed());
  fc.assert(
    fc.property(fc.array(word, { maxLength: 5 }), (words) => {
      const line = lineOf(["printf", "%s\\0", "first", ...words]);
      expect(execFileSync("sh", ["-c", line]).toString()).toBe(["first", ...words, ""].join("\0"));
    }),
    { numRuns: 60 },
  );
});

test("files of any name that may be are passed", async () => {
  const name = fc.string({ minLength: 1, maxLength: 20 }).filter((path) => wrongIn(path) === undefined);
  await fc.assert(
    fc.asyncProperty(name, name, async (input, output) => {
      if (input === output || input.startsWith(`${output}/`) || output.startsWith(`${input}/`)) return;
      const both = task([input], [output]);
      const made = await pushedBy(
        scriptOf(
          both,
          standInFor(both, () => 10),
        ),
        { [input]: "x" },
      );
      expect(Object.keys(made)).toEqual([output]);
    }),
    { numRuns: 60 },
  );
});

/** As the kubelet reads words of a command. */
function asKubelet(word: string): string {
  return word.replaceAll(/\$(\$|\(([^)]*)\))/g, (whole, next: string, name: string) => {
    if (next === "$") return "$";
    return name === "HOME" ? "/root" : whole;
  });
}

test("the kubelet changes nothing in what is written for it", () => {
  const text = fc.string({ unit: fc.constantFrom("$", "(", ")", "HOME", "a", " ") });
  fc.assert(
    fc.property(text, (word) => {
      expect(asKubelet(unexpanded(word))).toBe(word);
    }),
  );
});
