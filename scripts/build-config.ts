import { execFile } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { parseArgs, promisify } from "node:util";
import { parseAllDocuments, stringify } from "yaml";
import { controlPlaneProgram } from "../dev/cluster/binaries.ts";
import { repository } from "../dev/cluster/paths.ts";
import { names } from "../schema/names.ts";
import { optionTable } from "../schema/options.ts";

const usage = `Usage: node scripts/build-config.ts [--dev] [--arch arm64]

Writes the manifests of the operator into examples/dist:
  (nothing)      oras-operator.yaml       the release
  --dev          oras-operator-dev.yaml   for developing: logs everything
  --arch arm64   oras-operator-arm.yaml   images for, and nodes of, that architecture

The environment variables IMG, AGENT_IMG and SCRIPTS_IMG name other images.`;

/** An object of a manifest. */
export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly [field: string]: unknown;
}

/** What to build. */
export interface Build {
  /** Folder of config/. */
  readonly overlay: "default" | "dev" | "certmanager";
  readonly operatorImage?: string | undefined;
  readonly agentImage?: string | undefined;
  readonly scriptsImage?: string | undefined;
  /** As nodes call it in the label kubernetes.io/arch. */
  readonly arch?: string | undefined;
}

interface Deployment {
  spec: {
    template: {
      spec: {
        nodeSelector?: Record<string, string>;
        containers: { image: string; env: { name: string; value?: string }[] }[];
      };
    };
  };
}

/**
 * Builds the objects of an overlay of config/.
 *
 * @param build - what
 * @returns the objects, in the order in which they can be applied
 */
export async function buildConfig(build: Build): Promise<Manifest[]> {
  const kubectl = await controlPlaneProgram("kubectl");
  const { stdout } = await promisify(execFile)(kubectl, [
    "kustomize",
    join(repository, "config", build.overlay),
  ]);
  const objects = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  for (const object of objects) if (object.kind === "Deployment") set(object as unknown as Deployment, build);
  return objects;
}

/** Sets images and architecture of the operator. */
function set(deployment: Deployment, build: Build): void {
  const pod = deployment.spec.template.spec;
  const images = new Map(
    optionTable.flatMap(({ key, env }) =>
      key === "agentImage" || key === "scriptsImage" ? [[env, build[key]] as const] : [],
    ),
  );
  for (const container of pod.containers) {
    if (build.operatorImage) container.image = build.operatorImage;
    for (const variable of container.env) {
      const image = images.get(variable.name);
      if (image) variable.value = image;
    }
  }
  if (build.arch) pod.nodeSelector = { ...pod.nodeSelector, "kubernetes.io/arch": build.arch };
}

async function main(): Promise<void> {
  const { values: flags } = parseArgs({
    options: {
      dev: { type: "boolean", default: false },
      arch: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (flags.help) return console.log(usage);
  const { dev, arch } = flags;
  const suffix = arch === undefined ? "" : `-${arch}`;
  const objects = await buildConfig({
    overlay: dev ? "dev" : "default",
    operatorImage: process.env["IMG"] || `${names.operatorImage}${suffix}`,
    agentImage: process.env["AGENT_IMG"] || `${names.agentImage}${suffix}`,
    scriptsImage: process.env["SCRIPTS_IMG"] || `${names.scriptsImage}${suffix}`,
    arch,
  });
  const ending = [dev ? "-dev" : "", arch === undefined ? "" : arch === "arm64" ? "-arm" : suffix].join("");
  const path = join(repository, "examples/dist", `${names.operatorName}${ending}.yaml`);
  await mkdir(join(repository, "examples/dist"), { recursive: true });
  const documents = objects.map((object) =>
    stringify(object, { lineWidth: 0, aliasDuplicateObjects: false, version: "1.1" }),
  );
  await writeFile(path, `# Built by make build-config. DO NOT EDIT.\n${documents.join("---\n")}`);
  console.log(
    `${relative(process.cwd(), path)} is written. Next: kubectl apply -f ${relative(process.cwd(), path)}`,
  );
}

if (import.meta.main) {
  await main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
