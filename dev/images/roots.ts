import { copyFile, glob, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buildModule } from "../cluster/binaries.ts";
import { run } from "../cluster/command.ts";
import { repository } from "../cluster/paths.ts";

/** Debian release that local images are made of; the one of the Dockerfile's bases. */
const suite = "bookworm";

/** Writes the content of an image below a folder. */
export type Fill = (root: string) => Promise<void>;

/** A Debian system. */
export interface Debian {
  /** `essential`: with a shell and configured; `extract`: just the files of the packages. */
  readonly variant: "essential" | "extract";
  readonly packages: readonly string[];
}

/**
 * Writes a Debian system as a tar file.
 *
 * @param system - what is in it
 * @param tar - file to write
 */
export async function writeDebian({ variant, packages }: Debian, tar: string): Promise<void> {
  const flags = [
    `--variant=${variant}`,
    `--include=${packages.join(",")}`,
    "--format=tar",
    "--skip=output/dev",
  ];
  // The same instant everywhere: the same packages make the same layer.
  await run(["mmdebstrap", "--quiet", ...flags, suite, tar], { env: { SOURCE_DATE_EPOCH: "0" } });
}

/** The registry as its upstream image has it: program, configuration, certificates. */
export const registryRoot: Fill = async (root) => {
  await put(root, "bin/registry", join(await buildModule("registry"), "registry"));
  await putText(
    root,
    "etc/distribution/config.yml",
    `version: 0.1
log:
  fields:
    service: registry
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: /var/lib/registry
http:
  addr: :5000
  headers:
    X-Content-Type-Options: [nosniff]
health:
  storagedriver:
    enabled: true
    interval: 10s
    threshold: 3
`,
  );
  await mkdir(join(root, "var/lib/registry"), { recursive: true });
};

/** A static busybox under all its names, /usr/bin/env, and a world-writable /tmp. */
export const busyboxRoot: Fill = async (root) => {
  const tar = `${root}.busybox.tar`;
  await writeDebian({ variant: "extract", packages: ["busybox-static"] }, tar);
  await run(["tar", "-C", root, "-xf", tar, "./bin/busybox"]);
  await rm(tar);
  const applets = (await run([join(root, "bin/busybox"), "--list"])).split("\n");
  for (const applet of applets) {
    if (applet && applet !== "busybox") await symlink("busybox", join(root, "bin", applet));
  }
  await mkdir(join(root, "usr/bin"), { recursive: true });
  await symlink("../../bin/busybox", join(root, "usr/bin/env"));
  await mkdir(join(root, "tmp"));
  await run(["chmod", "1777", join(root, "tmp")]);
  await putText(root, "etc/passwd", "root:x:0:0:root:/root:/bin/sh\n");
};

/** Busybox, certificates and the oras CLI at the places of the upstream image. */
export const orasRoot: Fill = async (root) => {
  await busyboxRoot(root);
  await putText(root, "etc/ssl/certs/ca-certificates.crt", await certificates(root));
  await put(root, "bin/oras", join(await buildModule("oras"), "oras"));
};

/** The certificates of public CAs, as Debian's update-ca-certificates joins them; this machine may know others. */
async function certificates(root: string): Promise<string> {
  const tar = `${root}.certificates.tar`;
  const folder = `${root}.certificates`;
  await writeDebian({ variant: "extract", packages: ["ca-certificates"] }, tar);
  await mkdir(folder);
  await run(["tar", "-C", folder, "-xf", tar, "./usr/share/ca-certificates"]);
  const files: string[] = [];
  for await (const file of glob("**/*.crt", { cwd: folder })) files.push(file);
  const texts = files.toSorted().map((file) => readFile(join(folder, file), "utf8"));
  return (await Promise.all(texts)).join("");
}

/** Node at the place of its official image. */
export const nodeRoot: Fill = async (root) => {
  await put(root, "usr/local/bin/node", join(repository, "node_modules/node/bin/node"));
};

/** One static program, without a shell or anything else beside it. */
export const shellLessRoot: Fill = async (root) => {
  const source = join(import.meta.dirname, "shell-less");
  await run(
    ["go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", join(root, "program"), "."],
    {
      cwd: source,
      env: { CGO_ENABLED: "0" },
    },
  );
  await mkdir(join(root, "work"));
  await run(["chown", "1000:1000", join(root, "work")]);
};

async function put(root: string, path: string, from: string): Promise<void> {
  const target = join(root, path);
  await mkdir(join(target, ".."), { recursive: true });
  await copyFile(from, target);
  await run(["chmod", "755", target]);
}

async function putText(root: string, path: string, text: string): Promise<void> {
  const target = join(root, path);
  await mkdir(join(target, ".."), { recursive: true });
  await writeFile(target, text);
}
