import { readFileSync } from "node:fs";
import { describe, expect, it, onTestFinished } from "vitest";
import { offlineDefaults } from "../../../src/cli/settings.ts";
import { validateFiles } from "../../../src/cli/validate.ts";
import { makeFolder } from "../../support/cli.ts";
import { failuresOf } from "../../support/pages.ts";

/** What is said of an example of a page with a line that is spoilt. */
async function codesOf(example: string, line: string, by: string): Promise<string[]> {
  const text = readFileSync(example, "utf8");
  expect(text).toContain(line);
  const folder = await makeFolder();
  onTestFinished(folder.remove);
  const { findings } = await validateFiles(
    [await folder.write("a.yaml", text.replace(line, by))],
    offlineDefaults,
  );
  return findings.flatMap(({ level, code }) => (level === "error" ? [code] : []));
}

// Messages of containers: agent/internal/registry/pages_test.go. Logs of registries: test/integration/s3.test.ts.
describe("what apply refuses has the code of the page", () => {
  it.each([
    ["indexed-jobs", "examples/how-to/indexed.yaml", "  completionMode: Indexed\n", "", "VariableNotThere"],
  ])("docs/how-to/%s.md", async (page, example, line, by, code) => {
    expect(await codesOf(example, line, by)).toEqual([code]);
    expect(failuresOf(`docs/how-to/${page}.md`).join("\n")).toContain(`\`${code}\``);
  });
});
