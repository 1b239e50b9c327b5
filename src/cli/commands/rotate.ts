import type { Command } from "commander";
import type { Where } from "../remote/session.ts";
import { cacheArgumentCommand } from "./remote.ts";

/** `oras-operator rotate`: another login for a cache. */
export function rotateCommand(): Command {
  return cacheArgumentCommand("rotate", ["oras"])
    .description("give a cache another login; the one before stays valid for 24 hours")
    .argument("<cache>", "name of the OrasCache")
    .action(async (cache: string, options: Where) => {
      // Loaded here only: the other commands answer at once without it.
      const { rotate } = await import("../remote/rotate.ts");
      console.log(await rotate(cache, options));
    });
}
