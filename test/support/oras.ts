import { buildModule } from "../../dev/cluster/binaries.ts";

/** The environment in which the stock `oras` CLI is found, which does not run without a home directory. */
export async function stockOras(): Promise<NodeJS.ProcessEnv> {
  return { PATH: `${await buildModule("oras")}:/usr/bin:/bin`, HOME: "/nonexistent" };
}
