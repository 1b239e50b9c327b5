import { parseArgs } from "node:util";
import { chooseCluster } from "./cluster/choose.ts";
import { ensurePackages, packages } from "./cluster/packages.ts";
import { ClusterError, say, step } from "./cluster/progress.ts";
import { type Built, makeStandIn, remember } from "./images/archives.ts";
import { standIns } from "./images/catalog.ts";
import { makeOurs } from "./images/dockerfile.ts";
import { loadAll } from "./images/load.ts";

const { values: flags } = parseArgs({
  options: {
    load: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) {
  console.log(`node scripts/images.ts [--only ID…] [--load]
Builds the operator's images and stand-ins for the public ones that examples and tests use; all of it without a
container registry. What is up to date is not built again.
  --only ID   only this image and what it is made of; may be repeated
  --load      make them known to the cluster's nodes too`);
} else {
  await main().catch((error: unknown) => {
    if (!(error instanceof ClusterError)) throw error;
    console.error(`error: ${error.message}`);
    process.exitCode = 1;
  });
}

async function main(): Promise<void> {
  await step("Debian packages", () => ensurePackages(packages.images));
  const catalog = await standIns();
  const known = [...catalog.map(({ id }) => id), "tools", "operator"];
  const unknown = flags.only.filter((id) => !known.includes(id));
  if (unknown.length > 0)
    throw new ClusterError(`unknown image ${unknown.join(", ")}; known: ${known.join(", ")}`);
  const wanted = (id: string) => flags.only.length === 0 || flags.only.includes(id);
  const made = new Map<string, Built>();
  const standIn = async (id: string): Promise<Built> => {
    const image = catalog.find((candidate) => candidate.id === id);
    if (!image) throw new ClusterError(`the catalog has no image ${id}`);
    const built = made.get(id) ?? (await makeStandIn(image));
    made.set(id, built);
    return built;
  };
  for (const { id } of catalog) if (wanted(id)) await standIn(id);
  if (wanted("tools") || wanted("operator")) {
    const [oras, workshop] = [await standIn("oras"), await standIn("workshop")];
    const [node, base] = [await standIn("node"), await standIn("operator-base")];
    // buildah looks every stage's base up, also of those that the target does not need.
    const bases = { ORAS_IMAGE: oras, WORKSHOP: workshop, NODE_IMAGE: node, OPERATOR_BASE: base };
    if (wanted("tools")) made.set("tools", await makeOurs("tools", bases));
    if (wanted("operator")) made.set("operator", await makeOurs("operator", bases));
  }
  await remember([...made.values()]);
  const named = [...made.values()].filter(({ names, id }) => names.length > 0 && wanted(id));
  for (const { names } of named) for (const name of names) console.log(name);
  if (!flags.load) return;
  const loaded = await loadAll(await chooseCluster(), named);
  say(loaded > 0 ? `${loaded} images loaded into the cluster` : "the cluster has them all");
}
