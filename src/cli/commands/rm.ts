import type { Command } from "commander";
import type { RemoveOptions } from "../remote/remove.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator rm`: artifacts that are not needed any more. */
export function rmCommand(): Command {
  return cacheCommand("rm", [
    "dinosaur/bones:v1",
    "--older-than 7d --dry-run",
    "--older-than 72h dinosaur/bones",
  ])
    .description("remove artifacts: a tag, or with a digest all of its tags")
    .argument(
      "[artifacts...]",
      "REPOSITORY:TAG or REPOSITORY@sha256:…; with --older-than a repository, or none for all",
    )
    .option(
      "--older-than <duration>",
      "remove all that are older, such as 7d or 72h; of unknown age are kept",
    )
    .option("--dry-run", "say what would be removed")
    .action(async (artifacts: string[], options: RemoveOptions) => {
      // Loaded here only: the other commands answer at once without it.
      const { remove } = await import("../remote/remove.ts");
      await remove(artifacts, options, (line) => console.log(line));
    });
}
