import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

test("CI runs each part of test-extra at night, but reliability", () => {
  const { stderr } = spawnSync(process.execPath, ["dev/extra.ts", "no such part"], { encoding: "utf8" });
  const parts = /there is: (.*)/.exec(stderr)?.[1]?.split(", ") ?? [];
  const workflow = readFileSync(".github/workflows/ci.yaml", "utf8");
  const run = [...workflow.matchAll(/"node dev\/extra\.ts (?:\\"(.+?)\\"|([\w-]+))"/g)].map(
    ([, quoted, word]) => quoted ?? word ?? "",
  );
  expect(parts).toContain("reliability");
  expect(parts.filter((part) => !run.some((begin) => part.startsWith(begin)))).toEqual(["reliability"]);
});
