import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import packageJson from "../../../package.json" with { type: "json" };
import { execute, helm } from "../../support/programs.ts";

const { version } = packageJson;
let folder: string;
/** Folders with the files of the same release, made from two clones at different places. */
let releases: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "oras-operator-release-"));
  const programs = join(process.cwd(), "node_modules");
  const env = {
    ...process.env,
    PATH: [join(programs, ".bin"), process.env["PATH"]].join(delimiter),
  };
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  releases = [];
  // Equally deep: esbuild names what is behind the link to the packages by its way from here.
  for (const place of ["one", "another"]) {
    const clone = join(folder, place);
    await mkdir(clone, { recursive: true });
    execFileSync("git", ["clone", "--quiet", "--shared", "--no-checkout", ".", clone]);
    execFileSync("git", ["-C", clone, "checkout", "--quiet", commit]);
    await symlink(programs, join(clone, "node_modules"));
    await execute(process.execPath, [join(clone, "dev/release.ts")], undefined, env);
    releases.push(join(clone, "dist/release"));
  }
}, 600_000);

afterAll(() => rm(folder, { recursive: true }));

const sums = async (release = "") => readFile(join(release, "SHA256SUMS"), "utf8");

test("two clones of a commit make the same bytes", async () => {
  const [first, second] = releases;
  expect(await sums(second)).toBe(await sums(first));
  expect((await sums(first)).match(/\S+$/gm)).toEqual([
    `oras-operator-${version}.spdx.json`,
    `oras-operator-${version}.tgz`,
    `oras-operator-agent-${version}-linux-amd64`,
    `oras-operator-agent-${version}-linux-arm64`,
    `oras-operator-cli-${version}.tar.gz`,
    "oras-operator.yaml",
  ]);
  execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: first });
});

test("Helm reads the chart", async () => {
  const chart = join(releases[0] ?? "", `oras-operator-${version}.tgz`);
  const args = ["template", "x", chart, "--namespace", "tools", "--kube-version", "1.36.0"];
  expect((await helm(args)).stdout).toContain("kind: Deployment");
  expect((await helm(["show", "crds", chart])).stdout).toContain("kind: CustomResourceDefinition");
});

test("the command line runs from its archive, under both names", async () => {
  const archive = join(releases[0] ?? "", `oras-operator-cli-${version}.tar.gz`);
  execFileSync("tar", ["-xzf", archive, "-C", folder]);
  for (const name of ["oras-operator", "kubectl-oras_cache"]) {
    const program = join(folder, `oras-operator-cli-${version}`, name);
    expect((await execute(program, ["version"])).stdout).toContain(version);
  }
});

test("the list of packages names what both programs are made of, with the commit's time", async () => {
  const spdx = JSON.parse(
    await readFile(join(releases[0] ?? "", `oras-operator-${version}.spdx.json`), "utf8"),
  ) as {
    spdxVersion: string;
    creationInfo: { created: string };
    packages: { name: string; SPDXID: string }[];
  };
  expect(spdx.spdxVersion).toBe("SPDX-2.3");
  const named = spdx.packages.map(({ name }) => name);
  expect(named).toEqual(expect.arrayContaining(["prom-client", "github.com/klauspost/compress"]));
  expect(new Set(spdx.packages.map(({ SPDXID }) => SPDXID)).size).toBe(spdx.packages.length);
  const time = execFileSync("git", ["log", "-1", "--format=%ct"], { encoding: "utf8" });
  expect(Date.parse(spdx.creationInfo.created) / 1000).toBe(Number(time));
});
