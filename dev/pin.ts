// Pins what a release takes from elsewhere, as it is there now: node dev/pin.ts
import { writeFile } from "node:fs/promises";
import packageLock from "../package-lock.json" with { type: "json" };
import { run } from "./cluster/command.ts";
import { currentPackages } from "./release/debian.ts";
import { nodePackage } from "./release/node.ts";
import { type Architecture, type NodePackage, type Pins, pinsFile } from "./release/pins.ts";

const pins: Pins = { debian: await each(currentPackages), node: await each(currentNode) };
await writeFile(pinsFile, `${JSON.stringify(pins, null, 2)}\n`);

/** The version that everything here runs with. */
async function currentNode(architecture: Architecture): Promise<NodePackage> {
  const name = nodePackage(architecture);
  const { version } = packageLock.packages["node_modules/node"];
  const integrity = (await run(["npm", "view", `${name}@${version}`, "dist.integrity"])).trim();
  return { name, version, integrity };
}

async function each<T>(of: (architecture: Architecture) => Promise<T>): Promise<Record<Architecture, T>> {
  const [amd64, arm64] = await Promise.all([of("amd64"), of("arm64")]);
  return { amd64, arm64 };
}
