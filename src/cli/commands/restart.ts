import type { Command } from "commander";
import type { RestartOptions } from "../remote/restart.ts";
import { cacheArgumentCommand } from "./remote.ts";

/** `oras-operator restart`: a new Pod for a registry. */
export function restartCommand(): Command {
  return cacheArgumentCommand("restart", ["oras", "oras --yes"])
    .description("restart the registry of a cache, with its latest settings")
    .argument("<cache>", "name of the OrasCache")
    .option("-y, --yes", "do not ask, also where the artifacts are lost then")
    .action(async (cache: string, options: RestartOptions) => {
      // Loaded here only: the other commands answer at once without it.
      const { restart } = await import("../remote/restart.ts");
      console.log(await restart(cache, options));
    });
}
