import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { run } from "../cluster/command.ts";
import { repository } from "../cluster/paths.ts";

const inRepository = { cwd: repository };

/** An empty folder of a test. */
async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "build-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

test("a build takes away the files of the last one, and not those of a release", async () => {
  const dist = await emptyFolder();
  await mkdir(join(dist, "release"), { recursive: true });
  await writeFile(join(dist, "release/SHA256SUMS"), "");
  await writeFile(join(dist, "chunk-OLD.js"), "");
  await run(["tsup", "--out-dir", dist, "--silent"], inRepository);
  const left = await readdir(dist, { recursive: true });
  expect(left).toEqual(expect.arrayContaining(["oras-operator.js", join("release", "SHA256SUMS")]));
  expect(left).not.toContain("chunk-OLD.js");
});

test("the Dockerfile bundles the operator from no more than it copies", async () => {
  const dockerfile = await readFile(join(repository, "Dockerfile"), "utf8");
  const [, stage = ""] = /^FROM \S+ AS bundle\n(.*?)\n\n/ms.exec(dockerfile) ?? [];
  const copied = [...stage.matchAll(/^COPY (.+) \S+$/gm)].flatMap(([, files = ""]) => files.split(" "));
  const commands = [...stage.matchAll(/^RUN (.+)$/gm)].flatMap(([, line = ""]) =>
    line.startsWith("npm ci") ? [] : [line],
  );
  const source = await emptyFolder();
  for (const file of copied) await cp(join(repository, file), join(source, file), { recursive: true });
  await symlink(join(repository, "node_modules"), join(source, "node_modules"));
  await run(["sh", "-ec", commands.join("\n")], { cwd: source });
  expect(await readdir(join(source, "dist"))).toContain("oras-operator.js");
});

describe("a build that somebody uses from a checkout", () => {
  let built = "";
  beforeAll(async () => {
    built = await mkdtemp(join(tmpdir(), "build-"));
    // As npm run build does, into another folder.
    await run(["sh", "-ec", packageJson.scripts.build.replaceAll(/\bdist\b/g, built)], inRepository);
    return () => rm(built, { recursive: true });
  });

  /** A checkout with the build, and what somebody prints by typing a line who has its `dist` in the `PATH`. */
  async function checkout(): Promise<{ folder: string; typed: (line: string) => Promise<string> }> {
    const folder = await emptyFolder();
    await cp(built, join(folder, "dist"), { recursive: true, verbatimSymlinks: true });
    await writeFile(join(folder, "package.json"), JSON.stringify({ type: packageJson.type }));
    await mkdir(join(folder, "bin"));
    await symlink(process.execPath, join(folder, "bin/node"));
    const PATH = [join(folder, "dist"), join(folder, "bin"), "/usr/bin", "/bin"].join(":");
    return { folder, typed: (line) => run(["sh", "-ec", line], { cwd: tmpdir(), env: { PATH } }) };
  }

  test.each([
    ["oras-operator", "oras-operator"],
    ["kubectl-oras_cache", "kubectl oras-cache"],
  ])("has the command %s, which knows how it was called", async (file, called) => {
    const { typed } = await checkout();
    expect(await typed(`${file} version`)).toContain(packageJson.version);
    expect(await typed(`${file} get --help`)).toContain(`\n  ${called} get dinosaur/bones:v1`);
  });

  // That of Debian is older than the program takes.
  test("runs with the Node of the checkout, whichever the PATH has", async () => {
    const { folder, typed } = await checkout();
    const bin = join(folder, "node_modules/.bin");
    await mkdir(bin, { recursive: true });
    await writeFile(join(bin, "node"), "#!/bin/sh\necho the Node of the checkout\n", { mode: 0o755 });
    expect(await typed("oras-operator version")).toBe("the Node of the checkout\n");
  });

  test("has the page of ui", async () => {
    const { assets } = (await import(join(built, "page.js"))) as { assets: Record<string, string> };
    expect(Object.keys(assets).toSorted()).toEqual(["icon.svg", "index.html", "page.css", "page.js"]);
  });
});
