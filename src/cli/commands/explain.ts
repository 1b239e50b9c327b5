import { Command } from "commander";
import { programName } from "../name.ts";

/** `oras-operator explain`: whatever a user meets, in the form of `kubectl explain`. */
export function explainCommand(): Command {
  return new Command("explain")
    .description(
      "explain annotations, fields and conditions of an OrasCache, variables, exit codes, reasons, codes and options",
    )
    .argument(
      "[name]",
      "annotation (with or without its prefix), field, condition, reason, variable, exit code, code or option",
    )
    .addHelpText(
      "after",
      `
Examples:
  ${programName} explain
  ${programName} explain input-uri
  ${programName} explain spec.secrets.orasEnv
  ${programName} explain 181
  ${programName} explain NoCommand
  ${programName} explain ImagePullFailed
  ${programName} explain log-level
  ${programName} explain '$(JOB_NAME)'`,
    )
    .action(async (name: string | undefined) => {
      // Loaded here only: the other commands answer at once without it.
      const { explainAll, explainOne } = await import("../explain/explain.ts");
      const width = process.stdout.columns;
      console.log(name === undefined ? explainAll(width) : explainOne(name, width));
    });
}
