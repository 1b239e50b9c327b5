import { Command } from "commander";
import { validateOrasCache } from "../../generated/models.ts";
import { names } from "../../generated/names.ts";
import { type ManifestObject, objectsOf, readManifest } from "./documents.ts";
import { CliError } from "./output.ts";
import { type OfflineSettings, offlineDefaults, reviewOffline } from "./review.ts";

/** `oras-operator validate`: says what the cluster would refuse, without a cluster. */
export function validateCommand(): Command {
  return new Command("validate")
    .description("check the annotated Pods and Jobs and the OrasCaches of files")
    .requiredOption("-f, --filename <file...>", "YAML files, or - for standard input")
    .addHelpText(
      "after",
      "\nExamples:\n  oras-operator validate -f job.yaml\n  oras-operator validate -f *.yaml",
    )
    .action(async (options: { filename: string[] }) => {
      const problems: string[] = [];
      for (const file of options.filename) problems.push(...(await validateFile(file, offlineDefaults)));
      if (problems.length > 0) throw new CliError(problems.join("\n"), 1);
    });
}

/**
 * Validates a file, printing a line for each object that is right.
 *
 * @param file - path, or `-`
 * @param settings - of the installation
 * @returns a message for each object that would be refused
 */
export async function validateFile(file: string, settings: OfflineSettings): Promise<string[]> {
  const { documents } = await readManifest(file);
  const objects = documents.flatMap((document) => objectsOf(file, document.toJS() as unknown));
  return objects.flatMap((object) => {
    const problems = object.kind === names.kind ? checkCache(object) : checkStep(object, objects, settings);
    if (problems.length === 0) console.log(`${object.where}: ok`);
    return problems.map((problem) => `${object.where}: ${problem}`);
  });
}

function checkCache(object: ManifestObject): string[] {
  return validateOrasCache(object.value);
}

function checkStep(
  object: ManifestObject,
  all: readonly ManifestObject[],
  settings: OfflineSettings,
): string[] {
  const verdict = reviewOffline(object, all, settings);
  for (const warning of verdict.warnings) console.error(`Warning: ${object.where}: ${warning}`);
  return verdict.kind === "denied" ? [verdict.message] : [];
}
