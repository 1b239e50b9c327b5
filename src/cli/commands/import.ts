import { Command, InvalidArgumentError } from "commander";
import type { ImportOptions } from "../../workflow/import/manifests.ts";
import { programName } from "../name.ts";

/** `oras-operator import`: workflows of other tools as Jobs. */
export function importCommand(): Command {
  const command = new Command("import").description("print Jobs that run a workflow of another tool");
  command.addCommand(
    importingCommand("wfformat", [
      "montage.json > jobs.yaml",
      "montage.json --scale 0.001 --run 17 > jobs.yaml",
    ])
      .description("of WfCommons: a file in WfFormat 1.4, 1.5 or 1.6")
      .option(
        "--scale <number>",
        "let stand-ins run instead of the programs; sizes of files times this",
        positive,
      )
      .action(async (file: string, options: ImportOptions) => {
        const { importWfFormat } = await import("../import.ts");
        process.stdout.write(await importWfFormat(file, options));
      }),
  );
  command.addCommand(
    importingCommand("snakemake-dag", ["dag.txt --image ghcr.io/acme/tools:6 --run 17 > jobs.yaml"])
      .description("what snakemake --dry-run --printshellcmds --forceall has printed")
      .action(async (file: string, options: ImportOptions) => {
        const { importSnakemake } = await import("../import.ts");
        process.stdout.write(await importSnakemake(file, options));
      }),
  );
  return command;
}

/** A command that imports from one tool. */
function importingCommand(name: string, examples: readonly string[]): Command {
  return new Command(name)
    .exitOverride()
    .argument("<file>", "path, http(s) URL, or - for standard input")
    .option("-n, --namespace <namespace>", "namespace of the Jobs; else kubectl decides")
    .option("--cache <name>", "name of the OrasCache, where it is not the default")
    .option("--image <image>", "image of the steps that the file names none for")
    .option("--prefix <name>", "what repositories and names of Jobs begin with; else the workflow's name")
    .option("--run <name>", "name of this run, which goes into tags and names of Jobs")
    .addHelpText(
      "after",
      `
The comment above the Jobs has the commands that put the files which no step makes.

Exit codes:
  0  the Jobs are printed
  1  nothing is printed: not everything in the file can be a step
  2  the command was used wrongly, or the file cannot be read

Examples:
${examples.map((example) => `  ${programName} import ${name} ${example}`).join("\n")}`,
    );
}

function positive(text: string): number {
  const number = Number(text);
  if (text.trim() !== "" && number > 0 && Number.isFinite(number)) return number;
  throw new InvalidArgumentError("Write a number above 0, such as 0.001.");
}
