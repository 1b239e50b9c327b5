// Pins what a release takes from elsewhere, as it is there now: node dev/pin.ts
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import packageLock from "../package-lock.json" with { type: "json" };
import { names } from "../schema/names.ts";
import { buildModule } from "./cluster/binaries.ts";
import { attempt, run } from "./cluster/command.ts";
import { say } from "./cluster/progress.ts";
import { currentPackages } from "./release/debian.ts";
import { nodePackage } from "./release/node.ts";
import {
  type Architecture,
  type ForeignImage,
  type NodePackage,
  type Pins,
  pinsFile,
  readPins,
} from "./release/pins.ts";

const pins: Pins = {
  debian: await each(currentPackages),
  node: await each(currentNode),
  registry: await currentRegistry(),
};
await writeFile(pinsFile, `${JSON.stringify(pins, null, 2)}\n`);

/** The version that everything here runs with. */
async function currentNode(architecture: Architecture): Promise<NodePackage> {
  const name = nodePackage(architecture);
  const { version } = packageLock.packages["node_modules/node"];
  const integrity = (await run(["npm", "view", `${name}@${version}`, "dist.integrity"])).trim();
  return { name, version, integrity };
}

/** The image under its tag, which its makers build anew; what is pinned stays where Docker Hub cannot be reached. */
async function currentRegistry(): Promise<ForeignImage> {
  const name = names.registryImage;
  const oras = join(await buildModule("oras"), "oras");
  const { code, stdout, stderr } = await attempt([oras, "resolve", name]);
  if (code === 0) return { name, digest: stdout.trim() };
  const { registry } = await readPins();
  const digest = registry.name === name ? registry.digest : "";
  say(`${name} ${digest === "" ? "is not pinned" : `stays ${digest}`}: ${stderr.trim()}`);
  return { name, digest };
}

async function each<T>(of: (architecture: Architecture) => Promise<T>): Promise<Record<Architecture, T>> {
  const [amd64, arm64] = await Promise.all([of("amd64"), of("arm64")]);
  return { amd64, arm64 };
}
