import { parseArgs } from "node:util";
import { chooseCluster } from "./cluster/choose.ts";
import { ClusterError, say } from "./cluster/progress.ts";
import { buildImages } from "./images/build.ts";
import { loadAll } from "./images/load.ts";

const { values: flags } = parseArgs({
  options: {
    load: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: [] },
    help: { type: "boolean", default: false },
  },
});

if (flags.help) {
  console.log(`node dev/images.ts [--only ID…] [--load]
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
  const cluster = await chooseCluster();
  const built = await buildImages(flags.only, cluster.hasDocker);
  for (const { names } of built) for (const name of names) console.log(name);
  if (!flags.load) return;
  const loaded = await loadAll(cluster, built);
  say(loaded.length > 0 ? `loaded into the cluster: ${loaded.join(", ")}` : "the cluster has them all");
}
