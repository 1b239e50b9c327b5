import { Command } from "commander";
import { applyPatch } from "rfc6902";
import { stringify } from "yaml";
import { filenameOption, kubectlYaml, namespaceOption, readManifests } from "./documents.ts";
import { CliError } from "./output.ts";
import { type OfflineSettings, offlineDefaults, reviewOffline } from "./review.ts";

/** `oras-operator inject`: prints a file's objects as the webhook would change them. */
export function injectCommand(): Command {
  return new Command("inject")
    .description("print the objects of files with every annotated Pod and Job injected")
    .requiredOption(...filenameOption)
    .option(...namespaceOption)
    .option("--tools-image <image>", "image of the added containers", offlineDefaults.toolsImage)
    .option("--cluster-domain <domain>", "DNS domain of the cluster", offlineDefaults.clusterDomain)
    .addHelpText(
      "after",
      "\nExamples:\n  oras-operator inject -f job.yaml\n  oras-operator inject -n runs -f - < job.yaml | kubectl apply -n runs -f -",
    )
    .action(async (options: OfflineSettings & { filename: string[] }) => {
      process.stdout.write(await injectFiles(options.filename, options));
    });
}

/**
 * Injects files.
 *
 * @param places - paths, or `-`
 * @param settings - of the installation
 * @returns YAML, one document per document of the files
 * @throws CliError naming every problem of every object
 */
export async function injectFiles(places: readonly string[], settings: OfflineSettings): Promise<string> {
  const { documents, objects } = await readManifests(places, settings.namespace);
  const denials: string[] = [];
  for (const object of objects) {
    const verdict = reviewOffline(object, objects, settings);
    for (const warning of verdict.warnings) console.error(`Warning: ${object.where}: ${warning}`);
    if (verdict.kind === "denied") denials.push(`${object.where}: ${verdict.message}`);
    else if (verdict.patch) applyPatch(object.value, [...verdict.patch]);
  }
  if (denials.length > 0) throw new CliError(denials.join("\n"), 1);
  return documents.map((value) => stringify(value, { version: kubectlYaml.version })).join("---\n");
}
