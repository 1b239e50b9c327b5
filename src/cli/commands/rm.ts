import type { Command } from "commander";
import { exits } from "../exits.ts";
import { CliError } from "../output.ts";
import type { RemoveOptions } from "../remote/remove.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator rm`: artifacts that are not needed any more. */
export function rmCommand(): Command {
  return cacheCommand("rm", [
    "dinosaur/bones:v1",
    "--older-than 7d --dry-run",
    "--older-than 72h dinosaur/bones",
    "--run trial-3",
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
    .option("--run <name>", "remove the steps with this annotation run, and what they pushed under $(RUN)")
    .option("--dry-run", "say what would be removed")
    .action(async (artifacts: string[], { run, ...options }: RemoveOptions & { readonly run?: string }) => {
      // Loaded here only: the other commands answer at once without it.
      if (run !== undefined) {
        if (artifacts.length > 0 || options.olderThan !== undefined || options.cache !== undefined)
          throw new CliError(
            "--run stands alone: it says which artifacts, and of which caches.",
            exits.usage,
          );
        const { removeRun } = await import("../steps/remove-run.ts");
        return removeRun(run, options, (line) => console.log(line));
      }
      const { remove } = await import("../remote/remove.ts");
      await remove(artifacts, options, (line) => console.log(line));
    });
}
