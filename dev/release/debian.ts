import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, run } from "../cluster/command.ts";
import { cacheFolder } from "../cluster/paths.ts";
import { ClusterError } from "../cluster/progress.ts";
import type { Architecture, Package } from "./pins.ts";

/** Packages that the images have files of. Node needs the first four. */
export const debianPackages = [
  ...["libc6", "libgcc-s1", "gcc-12-base", "libstdc++6"],
  ...["ca-certificates", "busybox-static"],
] as const;

const folder = join(cacheFolder, "debian");
const sources = ["debian bookworm", "debian-security bookworm-security"]
  .map(
    (suite) =>
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/${suite} main\n`,
  )
  .join("");

/** Runs apt-get with lists and a cache of its own, which knows no package of this machine. */
async function withApt<T>(
  architecture: Architecture,
  use: (apt: (...args: string[]) => readonly string[], work: string) => Promise<T>,
): Promise<T> {
  const work = await mkdtemp(join(tmpdir(), "oras-operator-apt-"));
  try {
    for (const part of ["state/lists/partial", "cache/archives/partial"])
      await mkdir(join(work, part), { recursive: true });
    await writeFile(join(work, "status"), "");
    await writeFile(join(work, "sources.list"), sources);
    const settings = {
      "Dir::State": join(work, "state"),
      "Dir::State::status": join(work, "status"),
      "Dir::Cache": join(work, "cache"),
      "Dir::Etc::sourcelist": join(work, "sources.list"),
      "Dir::Etc::sourceparts": "/dev/null",
      "APT::Architecture": architecture,
      "APT::Architectures": architecture,
      "APT::Sandbox::User": "root",
    };
    const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
    const apt = (...args: string[]) => ["apt-get", ...options, "-qq", ...args];
    await run(apt("update"));
    return await use(apt, work);
  } finally {
    await rm(work, { recursive: true });
  }
}

/** The packages as Debian has them now. */
export function currentPackages(architecture: Architecture): Promise<Package[]> {
  return withApt(architecture, async (apt) => {
    const lines = (await run(apt("download", "--print-uris", ...debianPackages))).trim().split("\n");
    return lines.map((line) => {
      const [, name = "", version = "", sha256 = ""] =
        /([^/ ]+)_([^_ ]+)_\w+\.deb \d+ SHA256:(\w+)$/.exec(line) ?? [];
      return { name, version: decodeURIComponent(version), sha256 };
    });
  });
}

/**
 * The archives of packages, from the cache or from Debian.
 *
 * @param architecture - which
 * @param packages - pinned
 * @returns path by name
 * @throws ClusterError where Debian has another version now
 */
export async function fetchPackages(
  architecture: Architecture,
  packages: readonly Package[],
): Promise<ReadonlyMap<string, string>> {
  await mkdir(folder, { recursive: true });
  const path = ({ sha256 }: Package) => join(folder, `${sha256}.deb`);
  const missing = packages.filter((each) => !existsSync(path(each)));
  if (missing.length > 0) {
    await withApt(architecture, async (apt, work) => {
      const wanted = missing.map(({ name, version }) => `${name}=${version}`);
      const { code, stderr } = await attempt(apt("download", ...wanted), { cwd: work });
      if (code !== 0) {
        throw new ClusterError(
          `Debian does not have what a release is pinned to any more: ${stderr.trim()}\nTo pin what it has: node dev/pin.ts`,
        );
      }
      for (const file of (await readdir(work)).filter((each) => each.endsWith(".deb"))) {
        const digest = createHash("sha256")
          .update(await readFile(join(work, file)))
          .digest("hex");
        await rename(join(work, file), join(folder, `${digest}.deb`));
      }
    });
  }
  const wrong = missing.find((each) => !existsSync(path(each)));
  if (wrong) {
    throw new ClusterError(
      `${wrong.name} ${wrong.version} for ${architecture} is another file than the pinned one, whose SHA-256 is ${wrong.sha256}`,
    );
  }
  return new Map(packages.map((each) => [each.name, path(each)]));
}

/**
 * Unpacks a package, and says that it is there where scanners look for packages of images without dpkg.
 *
 * @param archive - of the package
 * @param root - of the image
 * @param only - paths of which alone is unpacked; everything if absent
 * @see https://github.com/GoogleContainerTools/distroless/blob/main/PACKAGE_METADATA.md
 */
export async function unpack(archive: string, root: string, only: readonly string[] = []): Promise<void> {
  const tar = join(root, "..", "package.tar");
  await run(["sh", "-c", 'dpkg-deb --fsys-tarfile "$1" > "$2"', "sh", archive, tar]);
  await run(["tar", "-C", root, "-xpf", tar, ...only]);
  await rm(tar);
  const name = (await run(["dpkg-deb", "--field", archive, "Package"])).trim();
  const metadata = join(root, "var/lib/dpkg/status.d");
  await mkdir(metadata, { recursive: true });
  await writeFile(join(metadata, name), await run(["dpkg-deb", "--field", archive]));
}
