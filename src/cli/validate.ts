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
  const objects = (await readManifest(file)).flatMap((value) => objectsOf(file, value));
  return objects.flatMap((object) => {
    const steps = stepsOf(object);
    if (object.kind !== names.kind && steps.length === 0) return [];
    const problems =
      object.kind === names.kind
        ? checkCache(object)
        : steps.flatMap((step) => checkStep(step, objects, settings));
    if (problems.length === 0) console.log(`${object.where}: ok`);
    return problems.map((problem) => `${object.where}: ${problem}`);
  });
}

/** The Pods and Jobs that an object is or makes: a webhook sees those of a CronJob or a Deployment much later. */
function stepsOf(object: ManifestObject): ManifestObject[] {
  if (object.kind === "Pod" || object.kind === "Job") return [object];
  const { spec } = object.value as { spec?: { template?: Template; jobTemplate?: Template } };
  if (spec?.jobTemplate) return [{ ...object, kind: "Job", value: spec.jobTemplate }];
  if (!Array.isArray(spec?.template?.spec?.["containers"])) return [];
  const ownerReferences = [{ apiVersion: "v1", kind: object.kind, name: "", uid: "", controller: true }];
  const metadata = { ...spec.template.metadata, ownerReferences };
  return [{ ...object, kind: "Pod", value: { ...spec.template, metadata } }];
}

interface Template extends Record<string, unknown> {
  readonly metadata?: object;
  readonly spec?: Record<string, unknown>;
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
