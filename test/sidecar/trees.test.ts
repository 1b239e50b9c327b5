import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { digestOf, stockPull } from "../support/artifact.ts";
import { fakePod, startRegistry, type TestRegistry, toolsTree } from "../support/sidecar.ts";
import { describeTree, plant, type Tree, tree, withoutModes } from "../support/trees.ts";

let tools: Awaited<ReturnType<typeof toolsTree>>;
let registry: TestRegistry;
let number = 0;

beforeAll(async () => {
  tools = await toolsTree();
  registry = await startRegistry();
  return () => registry.stop();
}, 900_000);

/** Pushes what is made in the working directory under the name `out`. */
async function push(make: (path: string) => void | Promise<void>, ...options: string[]) {
  const ref = `${registry.url}/trees/step-${++number}:1`;
  const pod = fakePod(tools);
  const made = join(pod.work, "out");
  await make(made);
  expect((await pod.init("--output", ref)).code).toBe(0);
  const pusher = pod.pusher("--output", ref, "--restart-policy", "Never", ...options);
  const launcher = await pod.launcher(["--output", "true", "--output-path", "out"], ["true"]).ended;
  expect(launcher.code, launcher.stderr).toBe(0);
  const { code, stderr } = await pusher.ended;
  expect(code, stderr).toBe(0);
  return { ref, made, stderr: launcher.stderr };
}

/** Lays an artifact out and returns where. */
async function pull(ref: string): Promise<string> {
  const pod = fakePod(tools);
  expect((await pod.init("--input", ref)).code).toBe(0);
  const { code, stderr } = await pod.launcher(["--inputs", "1", "--input-path", "in"], ["true"]).ended;
  expect(code, stderr).toBe(0);
  return join(pod.work, "in/out");
}

const planted = (entries: Tree) => push((path) => plant(path, entries));

describe("a tree of files", () => {
  it("arrives as it was, by us and by stock oras; made again it is the same artifact", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (entries) => {
        const [first, second] = await Promise.all([planted(entries), planted(entries)]);
        const was = describeTree(first.made);
        expect(describeTree(await pull(first.ref))).toEqual(was);
        expect(withoutModes(describeTree(join(await stockPull(tools, first.ref), "out")))).toEqual(
          withoutModes(was),
        );
        expect(await digestOf(tools, second.ref)).toBe(await digestOf(tools, first.ref));
      }),
      { numRuns: 25 },
    );
  }, 300_000);

  it("with compression zstd arrives as it was", async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (entries) => {
        const { ref, made } = await push((path) => plant(path, entries), "--compression", "zstd");
        expect(describeTree(await pull(ref))).toEqual(describeTree(made));
      }),
      { numRuns: 10 },
    );
  }, 300_000);

  it("may have paths of over 300 characters", async () => {
    const deep = Array.from({ length: 6 }, (_, i) => `${i}${"deep-".repeat(14)}`).join("/");
    const { ref, made } = await push((path) => {
      mkdirSync(join(path, deep), { recursive: true });
      writeFileSync(join(path, deep, "file"), "found");
    });
    expect(join("out", deep, "file").length).toBeGreaterThan(300);
    expect(describeTree(await pull(ref))).toEqual(describeTree(made));
    expect(existsSync(join(await stockPull(tools, ref), "out", deep, "file"))).toBe(true);
  });

  it("may have links that climb and stay inside, under any name", async () => {
    const { ref, made } = await push((path) => {
      for (const folder of ["sub", 'a b/"q"', "n\nl/--", 'x" -> "y', "é\\", "\u0001n/\u0001", "\u0001\n"]) {
        mkdirSync(join(path, folder), { recursive: true });
        symlinkSync(`${"../".repeat(folder.split("/").length)}file`, join(path, folder, "up"));
        symlinkSync("..", join(path, folder, "inner\n"));
      }
      writeFileSync(join(path, "file"), "found");
    });
    expect(describeTree(await pull(ref))).toEqual(describeTree(made));
  });

  it("may be empty", async () => {
    const { ref } = await push((path) => void mkdirSync(path));
    expect(describeTree(await pull(ref))).toEqual([]);
  });

  it("loses its sockets and pipes, and says which", async () => {
    const { ref, stderr } = await push(async (path) => {
      mkdirSync(path);
      execFileSync("mkfifo", [join(path, "pipe")]);
      writeFileSync(join(path, "file"), "kept");
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(join(path, "socket"), resolve));
      // Closed by the end of this process: closing it would remove it.
      server.unref();
    });
    expect(stderr).toContain("not packed, neither file nor directory:");
    for (const name of ["pipe", "socket"]) expect(stderr).toContain(`./out/${name}`);
    expect(describeTree(await pull(ref)).map((line) => line.split(" ")[0])).toEqual(["file"]);
  });
});
