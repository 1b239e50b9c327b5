import { resolve } from "node:path";
import { test as base, expect } from "vitest";
import { cacheManifest } from "../support/cli.ts";
import { test } from "../support/integration.ts";
import { objectsIn } from "../support/manifests.ts";
import { start } from "../support/processes.ts";
import { kubectl } from "../support/programs.ts";

const imported = async (...words: string[]) => {
  const argv = [process.execPath, resolve("src/cli/main.ts"), "import", ...words];
  return start(argv, { env: process.env }).ended;
};

/** What the API server says of them, with the operator's webhooks; nothing is stored. */
const applied = async (kubeconfig: string, yaml: string) => {
  const { stdout, stderr } = await kubectl(kubeconfig, ["apply", "--dry-run=server", "-f", "-"], yaml);
  return { lines: stdout.trim().split("\n"), stderr };
};

const montage = "examples/workflow/montage/montage.json";

test("Montage is taken by the API server and the operator, without a warning", async ({
  plane,
  operator: _,
}) => {
  await kubectl(plane.kubeconfig, ["apply", "-f", "-"], cacheManifest());
  for (const more of [[], ["--run", "Nr_17", "--prefix", "sky", "--scale", "2"]]) {
    const { stdout, stderr, code } = await imported("wfformat", montage, ...more);
    expect({ stderr, code }).toEqual({ stderr: "", code: 0 });
    const { lines, stderr: warned } = await applied(plane.kubeconfig, stdout);
    expect(lines.filter((line) => line.endsWith("created (server dry run)"))).toHaveLength(97);
    expect(warned).toBe("");
    expect(objectsIn(stdout)).toHaveLength(97);
  }
});

base("what cannot be run is told with the file, and nothing is printed", async () => {
  const { stdout, stderr, code } = await imported("wfformat", montage, "--prefix", "My Sky");
  expect({ stdout, code }).toEqual({ stdout: "", code: 1 });
  expect(stderr).toBe(
    `${montage}: --prefix: found "My Sky"; allowed are lower case letters, digits, and - between them.\n`,
  );
  for (const [words, says] of [
    [["wfformat", "package.json"], /^package\.json: (schemaVersion|workflow): /],
    [["wfformat", "README.md"], /^README\.md is not JSON: /],
    [["wfformat", "nowhere.json"], /^nowhere\.json cannot be read: there is no such file\.\n$/],
    [["wfformat", montage, "--scale", "-1"], /Write a number above 0, such as 0\.001\./],
  ] as const) {
    const ended = await imported(...words);
    expect(ended.stderr).toMatch(says);
    expect(ended.code).toBeGreaterThan(0);
    expect(ended.stdout).toBe("");
  }
});
