import { Command } from "commander";

/** `oras-operator explain`: whatever a user meets, in the form of `kubectl explain`. */
export function explainCommand(): Command {
  return new Command("explain")
    .description("explain annotations, fields of an OrasCache, variables, exit codes and codes of problems")
    .argument("[name]", "annotation (with or without its prefix), field, variable, exit code or code")
    .addHelpText(
      "after",
      `
Examples:
  oras-operator explain
  oras-operator explain input-uri
  oras-operator explain spec.secrets.orasEnv
  oras-operator explain 181
  oras-operator explain NoCommand
  oras-operator explain '$(JOB_NAME)'`,
    )
    .action(async (name: string | undefined) => {
      // Loaded here only: the other commands answer at once without it.
      const { explainAll, explainOne } = await import("../explain/explain.ts");
      const width = process.stdout.columns;
      console.log(name === undefined ? explainAll(width) : explainOne(name, width));
    });
}
