import { type Command, Option } from "commander";
import { exits } from "../exits.ts";
import type { OutputFormat } from "../formats.ts";
import type { Where } from "../remote/session.ts";
import { remoteCommand } from "./remote.ts";

/** `oras-operator check`: whether the installation is well. */
export function checkCommand(): Command {
  return remoteCommand("check", ["", "-n runs"])
    .description(
      "look whether the operator is installed well: versions, certificate, webhook, policies, images",
    )
    .addOption(
      new Option("-o, --output <format>", "form of the results")
        .choices(["table", "json", "yaml"])
        .default("table"),
    )
    .action(async ({ output, ...where }: Where & { readonly output: OutputFormat }) => {
      // Loaded here only: the other commands answer at once without it.
      const { checkInstallation } = await import("../installation/check.ts");
      const { formatTable } = await import("../show/table.ts");
      const { formatData } = await import("../show/output.ts");
      const results = await checkInstallation(where);
      const rows = results.map(({ about, state, detail }) => [state, about, detail]);
      process.stdout.write(
        output === "json" || output === "yaml"
          ? formatData({ results }, output)
          : formatTable(["", "CHECK", "FOUND"], rows),
      );
      if (results.some(({ state }) => state === "bad")) process.exitCode = exits.failed;
    });
}
