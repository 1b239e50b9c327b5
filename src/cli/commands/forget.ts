import type { Command } from "commander";
import type { ForgetOptions } from "../steps/forget.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator forget`: results of steps that are not to be taken again. */
export function forgetCommand(): Command {
  return cacheCommand("forget", ["job/count", "--all"])
    .description("forget what steps have made, so that equal steps run again")
    .argument("[steps...]", "job/NAME or pod/NAME")
    .option("--all", "forget the results of all steps of the cache")
    .action(async (steps: string[], options: ForgetOptions) => {
      // Loaded here only: the other commands answer at once without it.
      const { forget } = await import("../steps/forget.ts");
      console.log(await forget(steps, options));
    });
}
