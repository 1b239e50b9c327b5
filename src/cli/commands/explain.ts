import { Command } from "commander";

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
  oras-operator explain
  oras-operator explain input-uri
  oras-operator explain spec.secrets.orasEnv
  oras-operator explain 181
  oras-operator explain NoCommand
  oras-operator explain ImagePullFailed
  oras-operator explain log-level
  oras-operator explain '$(JOB_NAME)'`,
    )
    .action(async (name: string | undefined) => {
      // Loaded here only: the other commands answer at once without it.
      const { explainAll, explainOne } = await import("../explain/explain.ts");
      const width = process.stdout.columns;
      console.log(name === undefined ? explainAll(width) : explainOne(name, width));
    });
}
