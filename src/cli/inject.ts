import { Command } from "commander";
import { applyPatch } from "rfc6902";
import { stringify } from "yaml";
import { kubectlYaml, objectsOf, readManifest } from "./documents.ts";
import { CliError } from "./output.ts";
import { type OfflineSettings, offlineDefaults, reviewOffline } from "./review.ts";

/** `oras-operator inject`: prints a file's objects as the webhook would change them. */
export function injectCommand(): Command {
  return new Command("inject")
    .description("print the objects of a file with every annotated Pod and Job injected")
    .requiredOption("-f, --filename <file>", "YAML file, or - for standard input")
    .option("--tools-image <image>", "image of the added containers", offlineDefaults.toolsImage)
    .option("--cluster-domain <domain>", "DNS domain of the cluster", offlineDefaults.clusterDomain)
    .addHelpText(
      "after",
      "\nExamples:\n  oras-operator inject -f job.yaml\n  oras-operator inject -f - < job.yaml | kubectl apply -f -",
    )
    .action(async (options: OfflineSettings & { filename: string }) => {
      process.stdout.write(await injectFile(options.filename, options));
    });
}

/**
 * Injects a file.
 *
 * @param file - path, or `-`
 * @param settings - of the installation
 * @returns YAML, one document per document of the file
 * @throws CliError naming every problem of every object
 */
export async function injectFile(file: string, settings: OfflineSettings): Promise<string> {
  const values = await readManifest(file);
  const objects = values.flatMap((value) => objectsOf(file, value));
  const denials: string[] = [];
  for (const object of objects) {
    const verdict = reviewOffline(object, objects, settings);
    for (const warning of verdict.warnings) console.error(`Warning: ${object.where}: ${warning}`);
    if (verdict.kind === "denied") denials.push(`${object.where}: ${verdict.message}`);
    else if (verdict.patch) applyPatch(object.value, [...verdict.patch]);
  }
  if (denials.length > 0) throw new CliError(denials.join("\n"), 1);
  return values.map((value) => stringify(value, { version: kubectlYaml.version })).join("---\n");
}
