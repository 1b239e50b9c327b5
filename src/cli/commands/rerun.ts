import type { Command } from "commander";
import type { RerunOptions } from "../steps/rerun.ts";
import { remoteCommand } from "./remote.ts";

/** `oras-operator rerun`: steps once more. */
export function rerunCommand(): Command {
  return remoteCommand("rerun", ["job/count", "job/count --downstream", "job/count --refresh"])
    .description("run steps again: delete them and create them as they were")
    .argument("<steps...>", "job/NAME or pod/NAME")
    .option("--downstream", "and all that reads what they make, directly or through others", false)
    .option("--refresh", "although their results are remembered (memoize: refresh)", false)
    .action(async (steps: string[], options: RerunOptions) => {
      // Loaded here only: the other commands answer at once without it.
      const { rerun } = await import("../steps/rerun.ts");
      await rerun(steps, options, (line) => console.log(line));
    });
}
