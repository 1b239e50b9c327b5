import { type Command, Option } from "commander";
import { type ReportFormat, reportFormats } from "../formats.ts";
import { programName } from "../name.ts";
import type { Session } from "../remote/session.ts";
import { offlineDefaults } from "../settings.ts";
import { namespaceOption, readingCommand } from "./options.ts";

interface Options {
  readonly filename: string[];
  readonly namespace: string;
  readonly strict: boolean;
  readonly output: ReportFormat;
  readonly cluster: boolean;
  readonly context?: string;
}

/** `oras-operator validate`: says what the cluster would refuse or warn about, without a cluster unless it is to be asked. */
export function validateCommand(): Command {
  return readingCommand("validate")
    .description("check OrasCaches, Pods, Jobs and what makes them, without a cluster")
    .option(...namespaceOption)
    .option("--strict", "end with 1 for warnings too", false)
    .addOption(
      new Option("-o, --output <format>", "form of the findings").choices(reportFormats).default("text"),
    )
    .option("--cluster", "ask the cluster of your kubeconfig for its OrasCaches and LimitRanges, too", false)
    .option("--context <context>", "context of the kubeconfig, with --cluster")
    .addHelpText(
      "after",
      `
Exit codes:
  0  nothing is wrong
  1  the cluster would refuse something; with --strict, or would warn about it
  2  the command was used wrongly, or something cannot be read
  4  with --cluster: you have no right to list OrasCaches or LimitRanges
  5  with --cluster: the cluster does not answer

Examples:
  ${programName} validate -f job.yaml
  ${programName} validate -n runs -f cache.yaml steps/ https://example.com/pod.yaml
  ${programName} validate --strict -o sarif -f . > findings.sarif
  ${programName} validate --cluster -n runs -f steps/
  helm template workflow | ${programName} validate -f -
  kubectl kustomize overlays/prod | ${programName} validate -f -`,
    )
    .action(async (_: string[], options: Options, command: Command) => {
      // Loaded here only: the other commands answer at once without it.
      const { failing, formatReport } = await import("../report/report.ts");
      const { validateFiles } = await import("../validate.ts");
      const { filename, namespace, strict, output } = options;
      const session = options.cluster ? await sessionOf(options, command) : undefined;
      const settings = { ...offlineDefaults, namespace: session?.namespace ?? namespace };
      const report = await validateFiles(filename, settings, session).finally(session?.close);
      process.stdout.write(formatReport(report, output));
      if (failing(report, strict)) process.exitCode = 1;
    });
}

/** With the namespace of the kubeconfig, unless another one is written. */
async function sessionOf({ context, namespace }: Options, command: Command): Promise<Session> {
  const { openSession } = await import("../remote/session.ts");
  const isWritten = command.getOptionValueSource("namespace") === "cli";
  return openSession({
    ...(context === undefined ? {} : { context }),
    ...(isWritten ? { namespace } : {}),
  });
}
