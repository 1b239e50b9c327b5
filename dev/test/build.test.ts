import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../cluster/command.ts";
import { repository } from "../cluster/paths.ts";

test("a build takes away the files of the last one, and not those of a release", async () => {
  const dist = await mkdtemp(join(tmpdir(), "dist-"));
  onTestFinished(() => rm(dist, { recursive: true }));
  await mkdir(join(dist, "release"), { recursive: true });
  await writeFile(join(dist, "release/SHA256SUMS"), "");
  await writeFile(join(dist, "chunk-OLD.js"), "");
  await run(["tsup", "--out-dir", dist, "--silent"], { cwd: repository });
  const left = await readdir(dist, { recursive: true });
  expect(left).toEqual(expect.arrayContaining(["oras-operator.js", join("release", "SHA256SUMS")]));
  expect(left).not.toContain("chunk-OLD.js");
});
