import { type Command, Option } from "commander";
import { exits } from "../exits.ts";
import type { OutputFormat } from "../formats.ts";
import type { Where } from "../remote/session.ts";
import { remoteCommand } from "./remote.ts";

interface Options extends Where {
  readonly output: OutputFormat;
  readonly networkFrom?: string;
  readonly cache?: string;
}

/** `oras-operator check`: whether the installation is well. */
export function checkCommand(): Command {
  return remoteCommand("check", ["", "-n runs", "-n runs --network-from default --cache oras"])
    .description(
      "look whether the operator is installed well: versions, certificate, webhook, policies, images",
    )
    .option(
      "--network-from <namespace>",
      "create a Pod there for a moment, to see whether the network keeps it from the registry",
    )
    .option("--cache <name>", "name of the OrasCache for it, where the namespace has several")
    .addOption(
      new Option("-o, --output <format>", "form of the results")
        .choices(["table", "json", "yaml"])
        .default("table"),
    )
    .action(async ({ output, networkFrom, cache, ...where }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { checkInstallation } = await import("../installation/check.ts");
      const { formatTable } = await import("../show/table.ts");
      const { formatData } = await import("../show/output.ts");
      const results = await checkInstallation(
        where,
        networkFrom === undefined ? undefined : { networkFrom, cache },
      );
      const rows = results.map(({ about, state, detail }) => [state, about, detail]);
      process.stdout.write(
        output === "json" || output === "yaml"
          ? formatData({ results }, output)
          : formatTable(["", "CHECK", "FOUND"], rows),
      );
      if (results.some(({ state }) => state === "bad")) process.exitCode = exits.failed;
    });
}
