import {
  chmod,
  copyFile,
  cp,
  glob,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { buildModule } from "../cluster/binaries.ts";
import { repository } from "../cluster/paths.ts";
import { buildAgent } from "../images/agent.ts";
import type { Descriptor, ImageConfig } from "../images/oci.ts";
import { fetchPackages, unpack } from "./debian.ts";
import type { Layout } from "./layout.ts";
import { writeNode } from "./node.ts";
import { type Architecture, architectures, type Pins } from "./pins.ts";

/** The images of a release: the targets of the Dockerfile. Its bases cannot be named by digest where none is reached. */
export const imageNames = ["operator", "agent", "scripts"] as const;
export type ImageName = (typeof imageNames)[number];

/** Where the parts of images come from. */
interface Parts {
  readonly pins: Pins;
  /** Folder with the bundled program. */
  readonly bundle: string;
}

/**
 * Makes an image for all architectures, without running anything of it.
 *
 * @param layout - to add it to
 * @param name - which
 * @param parts - see there
 * @returns its index
 */
export async function addImages(layout: Layout, name: ImageName, parts: Parts): Promise<Descriptor> {
  const config = await stageOf(name);
  const images: Descriptor[] = [];
  for (const architecture of architectures) {
    const work = await mkdtemp(join(tmpdir(), "oras-operator-image-"));
    const root = join(work, "root");
    try {
      await mkdir(root);
      await fill[name]({ ...parts, architecture, root });
      images.push(await layout.addImage(root, architecture, config));
    } finally {
      await rm(work, { recursive: true });
    }
  }
  return layout.addIndex(name, images);
}

interface Work extends Parts {
  readonly architecture: Architecture;
  readonly root: string;
}

const fill: Readonly<Record<ImageName, (work: Work) => Promise<void>>> = {
  agent: addAgent,
  scripts: async (work) => {
    await addBusybox(work);
    await addAgent(work);
    await put(work.root, "bin/oras", join(await buildModule("oras", undefined, work.architecture), "oras"));
  },
  operator: async ({ pins, bundle, architecture, root }) => {
    const archives = await fetchPackages(architecture, pins.debian[architecture]);
    for (const name of ["libc6", "libgcc-s1", "gcc-12-base", "libstdc++6"])
      await unpack(archives.get(name) ?? "", root);
    const node = join(root, "usr/local/bin/node");
    await mkdir(join(root, "usr/local/bin"), { recursive: true });
    await mkdir(join(root, "usr/share/doc/nodejs"), { recursive: true });
    await writeNode(pins.node[architecture], node, join(root, "usr/share/doc/nodejs/copyright"));
    await chmod(node, 0o755);
    await cp(bundle, join(root, "oras-operator"), { recursive: true });
    await copyFile(join(repository, "package.json"), join(root, "oras-operator/package.json"));
  },
};

async function addAgent({ pins, architecture, root }: Work): Promise<void> {
  await buildAgent(join(root, "agent"), architecture);
  const archives = await fetchPackages(architecture, pins.debian[architecture]);
  const cas = join(root, "..", "cas");
  await mkdir(cas);
  await unpack(archives.get("ca-certificates") ?? "", cas);
  const folder = join(cas, "usr/share/ca-certificates");
  const files: string[] = [];
  for await (const file of glob("**/*.crt", { cwd: folder })) files.push(file);
  const texts = await Promise.all(files.sort().map((file) => readFile(join(folder, file), "utf8")));
  await mkdir(join(root, "etc/ssl/certs"), { recursive: true });
  await writeFile(join(root, "etc/ssl/certs/ca-certificates.crt"), texts.join(""));
  const metadata = "var/lib/dpkg/status.d/ca-certificates";
  await mkdir(dirname(join(root, metadata)), { recursive: true });
  await rename(join(cas, metadata), join(root, metadata));
}

/** A static busybox under all its names, /usr/bin/env, and a world-writable /tmp. */
async function addBusybox({ pins, architecture, root }: Work): Promise<void> {
  const archives = await fetchPackages(architecture, pins.debian[architecture]);
  await unpack(archives.get("busybox-static") ?? "", root, ["./bin/busybox"]);
  for (const applet of await appletsOf(join(root, "bin/busybox")))
    await symlink("busybox", join(root, "bin", applet));
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await symlink("../../bin/busybox", join(root, "usr/bin/env"));
  await mkdir(join(root, "tmp"));
  await chmod(join(root, "tmp"), 0o1777);
  await mkdir(join(root, "etc"));
  await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
}

/** The names of its applets, which stand in the program one after the other: one for another machine cannot be asked. */
async function appletsOf(program: string): Promise<string[]> {
  const text = (await readFile(program)).toString("latin1");
  const [list] = /(?<=\0)\[\0\[\[\0(?:[a-z0-9_.-]+\0)+/.exec(text) ?? [];
  if (list === undefined) throw new Error(`${program} has no list of applets`);
  return list.split("\0").filter((name) => name !== "" && name !== "busybox");
}

async function put(root: string, path: string, from: string): Promise<void> {
  const target = join(root, path);
  await mkdir(dirname(target), { recursive: true });
  await copyFile(from, target);
  await chmod(target, 0o755);
}

/** How the Dockerfile starts a target. */
async function stageOf(target: string): Promise<ImageConfig> {
  const text = await readFile(join(repository, "Dockerfile"), "utf8");
  const stage = text.split(/^FROM /m).find((each) => each.split("\n", 1)[0]?.endsWith(` AS ${target}`)) ?? "";
  const all = (word: string) =>
    [...stage.matchAll(new RegExp(`^${word} (.*)$`, "gm"))].map(([, found = ""]) => found);
  const list = (word: string) => all(word).map((found) => JSON.parse(found) as string[])[0];
  const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  const env = all("ENV");
  const [user] = all("USER");
  const [entrypoint, cmd] = [list("ENTRYPOINT"), list("CMD")];
  if (user === undefined) throw new Error(`the Dockerfile has no target ${target} with a USER`);
  return {
    User: user,
    Env: env.some((each) => each.startsWith("PATH=")) ? env : [path, ...env],
    ...(entrypoint && { Entrypoint: entrypoint }),
    ...(cmd && { Cmd: cmd }),
  };
}
