// Writes the files of a release into dist/release, and publishes nothing: make release. The same commit makes the same bytes.
import { createHash } from "node:crypto";
import {
  chmod,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import packageJson from "../package.json" with { type: "json" };
import { run } from "./cluster/command.ts";
import { repository } from "./cluster/paths.ts";
import { ClusterError, say, step } from "./cluster/progress.ts";
import { agentFolder, buildAgent, goEnvironment } from "./images/agent.ts";

const { name, version } = packageJson;
const folder = join(repository, "dist", "release");
const architectures = ["amd64", "arm64"] as const;
const inRepository = { cwd: repository };

/** When the commit was made, which stands for the time of everything in the release. */
let seconds = 0;

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
  seconds = Number(await run(["git", "log", "-1", "--format=%ct"], inRepository));
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  await step("manifests", manifests);
  await step("chart", chart);
  await step("command line", commandLine);
  for (const architecture of architectures) {
    await step(`agent for ${architecture}`, () => agent(architecture));
  }
  await step("list of packages (SPDX)", packagesOf);
  await step("checksums", checksums);
  say(`written: ${folder}`);
}

async function manifests(): Promise<void> {
  await run([process.execPath, "scripts/build-config.ts"], inRepository);
  await copyFile(join(repository, "examples/dist", `${name}.yaml`), join(folder, `${name}.yaml`));
}

async function chart(): Promise<void> {
  await inArchive(`${name}-${version}.tgz`, async (content) => {
    await cp(join(repository, "chart"), join(content, name), { recursive: true });
    await rm(join(content, name, ".helmignore"));
  });
}

/** One archive for all platforms: the program needs Node, and nothing else. */
async function commandLine(): Promise<void> {
  const bundle = join(folder, "bundle");
  await run(["tsup", "--out-dir", bundle, "--silent"], inRepository);
  await inArchive(`${name}-cli-${version}.tar.gz`, async (content) => {
    const inside = join(content, `${name}-cli-${version}`);
    await cp(bundle, inside, { recursive: true });
    await copyFile(join(repository, "LICENSE"), join(inside, "LICENSE"));
    for (const command of [name, "kubectl-oras_cache"]) {
      const file = join(inside, command);
      await writeFile(file, `#!/bin/sh\nexec node "$(dirname "$(readlink -f "$0")")/${name}.js" "$@"\n`);
      await chmod(file, 0o755);
    }
  });
  await rm(bundle, { recursive: true });
}

async function agent(architecture: (typeof architectures)[number]): Promise<void> {
  await buildAgent(join(folder, `${name}-agent-${version}-linux-${architecture}`), architecture);
}

interface Spdx {
  documentNamespace: string;
  creationInfo: { created: string };
  packages: object[];
  relationships: object[];
}

/** Of the program, as npm writes it, and of the agent. */
async function packagesOf(): Promise<void> {
  const spdx = JSON.parse(
    await run(["npm", "sbom", "--package-lock-only", "--sbom-format", "spdx", "--omit", "dev"], inRepository),
  ) as Spdx;
  const format = "{{if not .Main}}{{.Path}} {{.Version}}{{end}}";
  const modules = await run(["go", "list", "-deps", "-f", `{{with .Module}}${format}{{end}}`, "."], {
    cwd: agentFolder,
    env: goEnvironment,
  });
  const lines = [...new Set(modules.split("\n").filter(Boolean))].sort();
  for (const [path = "", moduleVersion = ""] of lines.map((line) => line.split(" "))) {
    const id = `SPDXRef-Go-${path.replaceAll(/[^A-Za-z0-9.-]/g, "-")}`;
    spdx.packages.push({
      name: path,
      SPDXID: id,
      versionInfo: moduleVersion,
      downloadLocation: "NOASSERTION",
      filesAnalyzed: false,
      externalRefs: [
        {
          referenceCategory: "PACKAGE-MANAGER",
          referenceType: "purl",
          referenceLocator: `pkg:golang/${path}@${moduleVersion}`,
        },
      ],
    });
    spdx.relationships.push({
      spdxElementId: "SPDXRef-DOCUMENT",
      relatedSpdxElement: id,
      relationshipType: "DESCRIBES",
    });
  }
  // npm draws a number and takes the present time.
  spdx.creationInfo.created = new Date(seconds * 1000).toISOString().replace(".000Z", "Z");
  const commit = (await run(["git", "rev-parse", "HEAD"], inRepository)).trim();
  spdx.documentNamespace = `https://github.com/converged-computing/oras-operator/spdx/${version}-${commit}`;
  await writeFile(join(folder, `${name}-${version}.spdx.json`), `${JSON.stringify(spdx, null, 2)}\n`);
}

async function checksums(): Promise<void> {
  const lines = [];
  for (const file of (await readdir(folder)).sort()) {
    const digest = createHash("sha256").update(await readFile(join(folder, file)));
    lines.push(`${digest.digest("hex")}  ${file}\n`);
  }
  await writeFile(join(folder, "SHA256SUMS"), lines.join(""));
}

/** Packs what `fill` writes, with nothing in it of this machine, its user or the present. */
async function inArchive(file: string, fill: (content: string) => Promise<void>): Promise<void> {
  const content = await mkdtemp(join(tmpdir(), `${name}-release-`));
  try {
    await fill(content);
    const same = ["--sort=name", `--mtime=@${seconds}`, "--owner=0", "--group=0", "--numeric-owner"];
    const tar = join(folder, `${file}.tar`);
    await run([
      "tar",
      "-C",
      content,
      ...same,
      "--mode=u=rwX,go=rX",
      "-cf",
      tar,
      ...(await readdir(content)).sort(),
    ]);
    await run(["gzip", "--no-name", "--best", "--force", tar]);
    await rename(`${tar}.gz`, join(folder, file));
  } finally {
    await rm(content, { recursive: true });
  }
}
