import { type Command, Option } from "commander";
import type { OutputFormat } from "../formats.ts";
import type { Where } from "../remote/session.ts";
import { cacheCommand } from "./remote.ts";

interface Options extends Where {
  readonly output: OutputFormat;
  readonly cache?: string;
}

/** `oras-operator status`: how a cache or a step is, on a page. */
export function statusCommand(): Command {
  return cacheCommand("status", ["", "oras", "job/breakfast", "pod/breakfast-x7k2p -o json"])
    .description("say how a cache or a step is, what it waits for, and what to do")
    .argument("[name]", "of a cache, job/NAME or pod/NAME; nothing for the only cache")
    .addOption(
      new Option("-o, --output <format>", "form of the page")
        .choices(["table", "json", "yaml"])
        .default("table"),
    )
    .action(async (name: string | undefined, { cache, ...options }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { statusPage } = await import("../status/status.ts");
      const colour = process.stdout.isTTY === true && process.stdout.hasColors();
      process.stdout.write(await statusPage(name ?? cache, options, colour));
    });
}
