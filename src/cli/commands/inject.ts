import { type Command, Option } from "commander";
import { programName } from "../name.ts";
import { type OfflineSettings, offlineDefaults } from "../settings.ts";
import { namespaceOption, readingCommand } from "./options.ts";

interface Options extends OfflineSettings {
  readonly filename: string[];
  readonly output: "yaml" | "json";
}

/** `oras-operator inject`: prints a file's objects as the webhook would change them. */
export function injectCommand(): Command {
  return readingCommand("inject")
    .description("print the objects of files with every annotated Pod and Job injected")
    .option(...namespaceOption)
    .addOption(
      new Option("-o, --output <format>", "form of the objects").choices(["yaml", "json"]).default("yaml"),
    )
    .option("--agent-image <image>", "image of the added containers", offlineDefaults.agentImage)
    .option(
      "--scripts-image <image>",
      "image of the added container that runs a script of oras-entrypoint",
      offlineDefaults.scriptsImage,
    )
    .option("--cluster-domain <domain>", "DNS domain of the cluster", offlineDefaults.clusterDomain)
    .addOption(
      new Option(
        "--pod-shape <shape>",
        "auto: for a cluster that meets the conditions of the option pod-shape",
      )
        .choices(["auto", "init"])
        .default(offlineDefaults.podShape),
    )
    .addHelpText(
      "after",
      `
Templates in CronJobs, Deployments and the like are checked and printed as they are: the
operator injects their Pods and Jobs when they are created.

Exit codes:
  0  every object is printed
  1  nothing is printed: the cluster would refuse an object, or a file has to be rendered first
  2  the command was used wrongly, or something cannot be read

Examples:
  ${programName} inject -f job.yaml
  kubectl kustomize overlays/prod | ${programName} inject -f -
  ${programName} inject -n runs -f - < job.yaml | kubectl apply -n runs -f -`,
    )
    .action(async (_: string[], { filename, output, ...settings }: Options) => {
      // Loaded here only: the other commands answer at once without it.
      const { formatDocuments, injectFiles } = await import("../inject.ts");
      const { documents, warnings, notes } = await injectFiles(filename, settings);
      for (const warning of warnings) console.error(`Warning: ${warning}`);
      for (const note of notes) console.error(note);
      process.stdout.write(formatDocuments(documents, output));
    });
}
