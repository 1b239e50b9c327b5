import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { names } from "../../schema/names.ts";
import { readGoModule } from "../cluster/modules.ts";
import { pauseImage, repository } from "../cluster/paths.ts";
import type { ImageConfig } from "./oci.ts";
import {
  busyboxRoot,
  type Debian,
  type Fill,
  nodeRoot,
  orasRoot,
  registryRoot,
  shellLessRoot,
} from "./roots.ts";

/** An image that is made here under the name of one that a machine without a network cannot pull. */
export interface StandIn {
  /** Short name, of its file in the cache. */
  readonly id: string;
  /** Full names; none for one that only serves to build others. */
  readonly names: readonly string[];
  /** There is no such public image. */
  readonly invented?: true;
  readonly config: ImageConfig;
  /** What is in it: a Debian system, or what is written into a folder. */
  readonly content: { readonly debian: Debian } | { readonly folder: Fill };
  /** What its content depends on, beside this entry and the code of `folder`. */
  readonly depends: readonly string[];
}

const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Everything that is made here, in the order in which it is made. */
export async function standIns(): Promise<StandIn[]> {
  const registry = await moduleVersion("registry");
  const oras = await moduleVersion("oras");
  return [
    {
      id: "debian",
      names: [
        "docker.io/library/ubuntu:22.04",
        "docker.io/library/ubuntu:latest",
        "docker.io/library/debian:bookworm",
        "docker.io/library/perl:5.34.0",
      ],
      config: { Env: [path], Cmd: ["bash"] },
      content: { debian: { variant: "essential", packages: ["perl"] } },
      depends: [],
    },
    {
      id: "busybox",
      names: ["docker.io/library/busybox:1.36", "docker.io/library/busybox:latest"],
      config: { Env: [path], Cmd: ["sh"] },
      content: { folder: busyboxRoot },
      depends: [],
    },
    {
      id: "shell-less",
      names: ["docker.io/library/shell-less:test"],
      invented: true,
      config: { User: "1000:1000", WorkingDir: "/work", Entrypoint: ["/program"] },
      content: { folder: shellLessRoot },
      depends: [await shellLessSource()],
    },
    {
      id: "pause",
      names: [pauseImage],
      config: { User: "65535:65535", Entrypoint: ["/program", "pause"] },
      content: { folder: shellLessRoot },
      depends: [await shellLessSource()],
    },
    {
      id: "registry",
      names: [names.registryImage],
      config: {
        // Upstream's entrypoint is a script that adds "serve" to the path of a configuration.
        Entrypoint: ["/bin/registry", "serve"],
        Cmd: ["/etc/distribution/config.yml"],
        Env: [path, "OTEL_TRACES_EXPORTER=none"],
      },
      content: { folder: registryRoot },
      depends: [registry],
    },
    {
      id: "oras",
      names: [`ghcr.io/oras-project/oras:${oras}`],
      config: { Env: [path], WorkingDir: "/workspace", Entrypoint: ["/bin/oras"] },
      content: { folder: orasRoot },
      depends: [oras],
    },
    {
      id: "operator-base",
      names: [],
      config: { Env: [path] },
      content: { debian: { variant: "extract", packages: ["libc6", "libgcc-s1", "libstdc++6"] } },
      depends: [],
    },
    {
      id: "node",
      names: [],
      config: { Env: [path] },
      content: { folder: nodeRoot },
      depends: [process.version],
    },
  ];
}

/** Names of the images that the Dockerfile makes, as scripts/build-config.ts writes them into the manifests. */
export const ourImages = {
  operator: process.env["IMG"] || names.operatorImage,
  agent: process.env["AGENT_IMG"] || names.agentImage,
  scripts: process.env["SCRIPTS_IMG"] || names.scriptsImage,
} as const;

async function moduleVersion(name: string): Promise<string> {
  const file = join(repository, "dev/cluster/modules", name, "go.mod");
  return readGoModule(await readFile(file, "utf8"), file).version;
}

function shellLessSource(): Promise<string> {
  return readFile(join(import.meta.dirname, "shell-less/main.go"), "utf8");
}
