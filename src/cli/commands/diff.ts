import { type Command, Option } from "commander";
import { exits } from "../exits.ts";
import { CliError, describeError } from "../output.ts";
import type { RemoteOptions } from "../remote/with-registry.ts";
import { cacheCommand } from "./remote.ts";

interface Options extends RemoteOptions {
  readonly output: "table" | "json" | "yaml" | "name";
}

/** `oras-operator diff`: what two artifacts have in different ways. */
export function diffCommand(): Command {
  return cacheCommand("diff", [
    "dinosaur/bones:v1 dinosaur/bones:v2",
    "dinosaur/bones:v1 oci://ghcr.io/acme/bones:v1 -o name",
  ])
    .description(
      "compare the files of two artifacts; as for diff, exit code 1 says that they differ, 2 trouble",
    )
    .argument("<first>", "artifact")
    .argument("<second>", "artifact")
    .addOption(
      new Option("-o, --output <format>", "form of the list")
        .choices(["table", "json", "yaml", "name"])
        .default("table"),
    )
    .action(async (first: string, second: string, { output, ...options }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { compareArtifacts } = await import("../remote/compare.ts");
      const { formatDifferences } = await import("../artifacts/diff.ts");
      try {
        const found = await compareArtifacts(first, second, options);
        process.stdout.write(formatDifferences(found, output));
        if (found.length > 0) process.exitCode = differ;
      } catch (error) {
        if (error instanceof CliError && error.exitCode !== exits.failed) throw error;
        // 1 would say that they were compared.
        throw new CliError(describeError(error), exits.usage, { cause: error });
      }
    });
}

/** Of diff(1). */
const differ = 1;
