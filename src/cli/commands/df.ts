import { type Command, Option } from "commander";
import type { OutputFormat } from "../formats.ts";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

/** `oras-operator df`: what takes the space of a cache. */
export function dfCommand(): Command {
  return cacheCommand("df", ["", "-o json"])
    .description("show how much space the artifacts of each repository take")
    .addOption(
      new Option("-o, --output <format>", "form of the list")
        .choices(["table", "json", "yaml"])
        .default("table"),
    )
    .action(async ({ output, ...options }: RemoteOptions & { readonly output: OutputFormat }) => {
      // Loaded here only: the other commands answer at once without it.
      const { listAll } = await import("../remote/list.ts");
      const { formatUsage, usageOf } = await import("../artifacts/usage.ts");
      const { formatData } = await import("../show/output.ts");
      const { storageNow } = await import("../remote/fullness.ts");
      const how = { everywhere: false, withOrigins: false, withRoom: true };
      const { listed, of } = await listAll(undefined, options, how);
      const { storage, measured } =
        of === undefined ? { storage: undefined, measured: undefined } : storageNow(of.cache, of.room);
      process.stdout.write(
        output === "json" || output === "yaml"
          ? formatData({ ...usageOf(listed), storage }, output)
          : formatUsage(listed, storage, measured),
      );
    });
}
