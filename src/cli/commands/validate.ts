import { type Command, Option } from "commander";
import { programName } from "../name.ts";
import { offlineDefaults } from "../settings.ts";
import { namespaceOption, readingCommand } from "./options.ts";

interface Options {
  readonly filename: string[];
  readonly namespace: string;
  readonly strict: boolean;
  readonly output: "text" | "json" | "sarif";
}

/** `oras-operator validate`: says what the cluster would refuse or warn about, without a cluster. */
export function validateCommand(): Command {
  return readingCommand("validate")
    .description("check OrasCaches, Pods, Jobs and what makes them, without a cluster")
    .option(...namespaceOption)
    .option("--strict", "end with 1 for warnings too", false)
    .addOption(
      new Option("-o, --output <format>", "form of the findings")
        .choices(["text", "json", "sarif"])
        .default("text"),
    )
    .addHelpText(
      "after",
      `
Exit codes:
  0  nothing is wrong
  1  the cluster would refuse something; with --strict, or would warn about it
  2  the command was used wrongly, or something cannot be read

Examples:
  ${programName} validate -f job.yaml
  ${programName} validate -n runs -f cache.yaml steps/ https://example.com/pod.yaml
  ${programName} validate --strict -o sarif -f . > findings.sarif
  helm template workflow | ${programName} validate -f -
  kubectl kustomize overlays/prod | ${programName} validate -f -`,
    )
    .action(async (_: string[], { filename, namespace, strict, output }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { failing, formatReport } = await import("../report/report.ts");
      const { validateFiles } = await import("../validate.ts");
      const report = await validateFiles(filename, { ...offlineDefaults, namespace });
      process.stdout.write(formatReport(report, output));
      if (failing(report, strict)) process.exitCode = 1;
    });
}
