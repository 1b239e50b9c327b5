import { Command, Option } from "commander";
import type { Where } from "../remote/session.ts";
import { cacheCommand } from "./remote.ts";

interface Options extends Where {
  readonly cache?: string;
  readonly output: "table" | "json" | "yaml" | "name";
}

/** `oras-operator retention`: what is deleted by the rules of a cache. */
export function retentionCommand(): Command {
  return new Command("retention").description("see what spec.retention deletes").addCommand(planCommand());
}

function planCommand(): Command {
  return cacheCommand("retention plan", ["", "oras -o json"])
    .description("say what the next pass of retention would delete by now, and why; nothing is deleted")
    .argument("[cache]", "name of the OrasCache, where the namespace has several")
    .addOption(
      new Option("-o, --output <format>", "form of the plan")
        .choices(["table", "json", "yaml", "name"])
        .default("table"),
    )
    .exitOverride()
    .action(async (cache: string | undefined, { output, cache: named, ...where }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { formatPlan, planRetention } = await import("../remote/plan-retention.ts");
      process.stdout.write(formatPlan(await planRetention(cache ?? named, where), output));
    });
}
