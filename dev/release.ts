// Writes the files of a release into dist/release, and publishes nothing: make release. The same commit makes the same bytes.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, copyFile, cp, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { parse } from "yaml";
import packageJson from "../package.json" with { type: "json" };
import { names } from "../schema/names.ts";
import { run } from "./cluster/command.ts";
import { repository } from "./cluster/paths.ts";
import { ClusterError, say, step } from "./cluster/progress.ts";
import { buildAgent } from "./images/agent.ts";
import { inArchive } from "./release/archive.ts";
import { pinImages } from "./release/chart.ts";
import { writeCommands } from "./release/commands.ts";
import { addImages, type ImageName, imageNames } from "./release/images.ts";
import { type About, createLayout } from "./release/layout.ts";
import { writeNode } from "./release/node.ts";
import { packagesOf } from "./release/packages.ts";
import { type Architecture, architectures, type Pins, pinnedRegistry, readPins } from "./release/pins.ts";
import { provenanceOf } from "./release/provenance.ts";

const { name, version } = packageJson;
const home = "https://github.com/converged-computing/oras-operator";
const folder = join(repository, "dist", "release");
/** The image of each target of the Dockerfile. */
const images: Readonly<Record<ImageName, string>> = {
  operator: names.operatorImage,
  agent: names.agentImage,
  scripts: names.scriptsImage,
};
const inRepository = { cwd: repository };
const ociArchive = `${name}-${version}.oci.tar`;
const chartArchive = `${name}-${version}.tgz`;

/** What the parts of a release are made with. */
interface Release {
  readonly commit: string;
  readonly about: About;
  readonly pins: Pins;
  /** The image that registries run, which others make, with its digest if it is pinned. */
  readonly registry: ReadonlyMap<string, string>;
  /** Folder with the bundled program. */
  readonly bundle: string;
}

// Modes of folders that are made here are those of the umask.
process.umask(0o022);
await release().catch((error: unknown) => {
  if (!(error instanceof ClusterError)) throw error;
  console.error(`error: ${error.message}`);
  process.exitCode = 1;
});

async function release(): Promise<void> {
  const changed = await run(["git", "status", "--porcelain", "--", ".", ":!node_modules"], inRepository);
  if (changed.trim() !== "") {
    throw new ClusterError(`a release is made of a commit; commit or remove first:\n${changed.trimEnd()}`);
  }
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const commit = (await run(["git", "rev-parse", "HEAD"], inRepository)).trim();
  const seconds = Number(await run(["git", "log", "-1", "--format=%ct"], inRepository));
  const labels = {
    "org.opencontainers.image.version": version,
    "org.opencontainers.image.revision": commit,
    "org.opencontainers.image.source": home,
    "org.opencontainers.image.licenses": packageJson.license,
  };
  const bundle = join(folder, "bundle");
  const pins = await readPins();
  const registry = pinnedRegistry(pins, names.registryImage);
  const made: Release = { commit, about: { seconds, labels }, pins, registry, bundle };
  await step("bundle", () =>
    run([process.execPath, "scripts/bundle.ts", bundle], inRepository).then(() => "ready"),
  );
  const digests = await imagesAndChart(made);
  await step("manifests", () => manifests(new Map([...digests, ...registry])));
  for (const architecture of architectures) {
    await step(`command line, ${architecture}`, () => commandLine(made, architecture));
    await step(`agent, ${architecture}`, () => agent(architecture));
  }
  await step("command line, any platform", () => commandLine(made));
  await rm(bundle, { recursive: true });
  await step("list of packages (SPDX)", () => spdx(made));
  await step("provenance", () => provenance(made, digests));
  await step("checksums", checksums);
  say(`written: ${folder}`);
}

/** One OCI layout of all images and the chart, which names the images by their digests. */
async function imagesAndChart({ about, pins, registry, bundle }: Release): Promise<Map<string, string>> {
  const digests = new Map<string, string>();
  await inArchive(join(folder, ociArchive), about.seconds, async (content) => {
    const layout = await createLayout(content, about);
    for (const image of imageNames) {
      await step(`image ${image}`, async () => {
        digests.set(images[image], (await addImages(layout, image, { pins, bundle })).digest);
      });
    }
    await step("chart", async () => {
      await chart(about.seconds, new Map([...digests, ...registry]));
      const metadata = parse(await readFile(join(repository, "chart/Chart.yaml"), "utf8")) as object;
      await layout.addChart("chart", join(folder, chartArchive), metadata);
    });
    await layout.finish();
  });
  return digests;
}

function chart(seconds: number, digests: ReadonlyMap<string, string>): Promise<void> {
  return inArchive(join(folder, chartArchive), seconds, async (content) => {
    const inside = join(content, name);
    await cp(join(repository, "chart"), inside, { recursive: true });
    await rm(join(inside, ".helmignore"));
    await pinImages(inside, digests);
  });
}

/** The YAML, and the list of all images: with their digests, but for the registry's where it is not pinned. */
async function manifests(digests: ReadonlyMap<string, string>): Promise<void> {
  let text = await readFile(join(repository, "examples/dist", `${name}.yaml`), "utf8");
  const list: string[] = [];
  for (const image of [...Object.values(images), names.registryImage]) {
    const digest = digests.get(image);
    const pinned = digest === undefined ? image : `${image}@${digest}`;
    if (!text.includes(`${image}\n`)) throw new Error(`examples/dist/${name}.yaml does not name ${image}`);
    text = text.replaceAll(`${image}\n`, `${pinned}\n`);
    list.push(pinned);
  }
  await writeFile(join(folder, `${name}.yaml`), text);
  await writeFile(join(folder, `${name}-${version}-images.txt`), `${list.join("\n")}\n`);
}

/** The program with Node for an architecture; without one, for who has Node. */
async function commandLine({ about, pins, bundle }: Release, architecture?: Architecture): Promise<void> {
  const platform = architecture ? `linux-${architecture}` : "any";
  await inArchive(
    join(folder, `${name}-cli-${version}-${platform}.tar.gz`),
    about.seconds,
    async (content) => {
      const inside = join(content, `${name}-cli-${version}`);
      await cp(bundle, inside, { recursive: true });
      await copyFile(join(repository, "LICENSE"), join(inside, "LICENSE"));
      if (architecture) {
        await writeNode(pins.node[architecture], join(inside, "node"), join(inside, "LICENSE.node"));
        await chmod(join(inside, "node"), 0o755);
      }
      await writeCommands(inside, architecture ? '"$here/node"' : "node");
    },
  );
}

async function agent(architecture: Architecture): Promise<void> {
  await buildAgent(join(folder, `${name}-agent-${version}-linux-${architecture}`), architecture);
}

async function spdx({ commit, about, pins }: Release): Promise<void> {
  const list = await packagesOf(`${home}/spdx/${version}-${commit}`, about.seconds, pins);
  await writeFile(join(folder, `${name}-${version}.spdx.json`), `${JSON.stringify(list, null, 2)}\n`);
}

async function provenance({ commit, pins }: Release, digests: ReadonlyMap<string, string>): Promise<void> {
  const subjects = new Map(await sums());
  for (const [image, digest] of digests) subjects.set(image, digest.replace("sha256:", ""));
  const go = (await run(["go", "env", "GOVERSION"])).trim();
  const statement = provenanceOf({
    ...{ repository: home, commit, subjects, pins },
    builders: { go, node: process.version },
  });
  const file = join(folder, `${name}-${version}.provenance.json`);
  await writeFile(file, `${JSON.stringify(statement, null, 2)}\n`);
}

async function checksums(): Promise<void> {
  const lines = (await sums()).map(([file, sum]) => `${sum}  ${file}\n`);
  await writeFile(join(folder, "SHA256SUMS"), lines.join(""));
}

/** SHA-256 in hex of the files that are written. */
async function sums(): Promise<[file: string, sum: string][]> {
  const all: [string, string][] = [];
  for (const file of (await readdir(folder)).sort()) {
    const hash = createHash("sha256");
    await pipeline(createReadStream(join(folder, file)), hash);
    all.push([file, hash.digest("hex")]);
  }
  return all;
}
