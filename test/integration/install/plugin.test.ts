import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { controlPlaneProgram } from "../../../dev/cluster/binaries.ts";
import { pointedAt } from "../../../dev/cluster/configuration.ts";
import { withRelay } from "../../../dev/cluster/relay.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { test } from "../../support/integration.ts";
import { blocksOf, commandsOf } from "../../support/pages.ts";
import { execute, kubectl } from "../../support/programs.ts";

/** What a build is made of, and what make reads. */
const sources = [
  ...["Makefile", "package.json", "package-lock.json", "tsconfig.json", "tsup.config.ts"],
  ...["dev", "generated", "schema", "scripts", "src"],
];

/** A clone of the repository, with what npm has installed. */
async function clone(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "clone-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const name of sources) await cp(name, join(folder, name), { recursive: true });
  await symlink(join(process.cwd(), "node_modules"), join(folder, "node_modules"));
  return folder;
}

test("docs/cli.md: a clone has the commands by two lines, for kubectl too", async () => {
  const here = "test/integration/install/plugin.test.ts";
  const [block] = blocksOf("docs/cli.md").filter(({ note }) => note?.text === here);
  if (block === undefined) throw new Error("docs/cli.md has no block that this test types");
  // The packages are there, though the clone is newer.
  const typed = commandsOf(block).map((line) => line.replace(/^make /, "make --old-file=node_modules "));
  const folder = await clone();
  const PATH = [dirname(await controlPlaneProgram("kubectl")), "/usr/bin", "/bin"].join(":");
  const { HOME } = process.env;
  const line = `cd ${folder}\n${typed.join("\n")}`;
  const { stdout } = await execute("/bin/sh", ["-ec", line], undefined, { HOME, PATH });
  const version = `oras-operator ${packageJson.version} `;
  expect(stdout.split("\n").filter((each) => each.startsWith(version))).toHaveLength(2);
});

test("make shell: kubectl and the command reach an API server of another network", async ({ plane }) => {
  const folder = await mkdtemp(join(tmpdir(), "shell-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { hostname: host, port } = plane.server;
  const target = { host, port: Number(port), enter: (argv: readonly string[]) => argv };
  await withRelay(target, async (relayed) => {
    const file = join(folder, "config");
    const config = pointedAt(await readFile(plane.kubeconfig, "utf8"), `https://127.0.0.1:${relayed}`);
    await writeFile(file, config);
    const { stdout } = await kubectl(file, ["get", "namespaces", "--output=name"]);
    expect(stdout).toContain("namespace/default\n");
    const env = { ...process.env, KUBECONFIG: file };
    const line = ["src/cli/main.ts", "graph", "-n", "default"];
    const graph = await execute(process.execPath, line, undefined, env);
    expect(graph.stdout + graph.stderr).toContain("in the namespace default");
  });
});
