import { Command } from "commander";
import { names } from "../../schema/names.ts";
import { type AnnotationMap, isAnnotated } from "../annotations/keys.ts";
import { filenameOption, type ManifestObject, namespaceOption, readManifests } from "./documents.ts";
import { CliError } from "./output.ts";
import { type OfflineSettings, offlineDefaults, reviewOffline } from "./review.ts";

/** `oras-operator validate`: says what the cluster would refuse, without a cluster. */
export function validateCommand(): Command {
  return new Command("validate")
    .description("check the annotated Pods and Jobs and the OrasCaches of files")
    .requiredOption(...filenameOption)
    .option(...namespaceOption)
    .addHelpText(
      "after",
      "\nExamples:\n  oras-operator validate -f job.yaml\n  oras-operator validate -n runs -f cache.yaml steps/",
    )
    .action(async ({ filename, namespace }: { filename: string[]; namespace: string }) => {
      const problems = await validateFiles(filename, { ...offlineDefaults, namespace });
      if (problems.length > 0) throw new CliError(problems.join("\n"), 1);
    });
}

/**
 * Validates files, printing a line for each object that is right.
 *
 * @param places - paths, or `-`
 * @param settings - of the installation
 * @returns a message for each object that would be refused
 */
export async function validateFiles(places: readonly string[], settings: OfflineSettings): Promise<string[]> {
  const { objects } = await readManifests(places, settings.namespace);
  // Loaded here only: it compiles a JSON Schema, and the other commands answer at once without it.
  const { describeField, validateOrasCache } = await import("../cache/validate.ts");
  const checked = objects.filter((object) => object.kind === names.kind || stepsOf(object).length > 0);
  if (checked.length === 0) console.log("nothing to check: no OrasCache, and nothing that makes Pods");
  return checked.flatMap((object) => {
    warnOfUnread(object);
    const problems =
      object.kind === names.kind
        ? validateOrasCache(object.value).map(describeField)
        : stepsOf(object).flatMap((step) => checkStep(step, objects, settings));
    if (problems.length === 0) console.log(`${object.where}: ok`);
    return problems.map((problem) => `${object.where}: ${problem}`);
  });
}

/** Nobody reads the annotations of what only makes Pods or Jobs: no webhook sees it. */
function warnOfUnread({ where, kind, value }: ManifestObject): void {
  const { metadata, spec } = value as { metadata?: { annotations?: AnnotationMap }; spec?: object };
  if (kind === "Pod" || kind === "Job" || !isAnnotated(metadata?.annotations)) return;
  const place = spec && "jobTemplate" in spec ? "spec.jobTemplate" : "spec.template";
  console.error(`Warning: ${where}: annotations of a ${kind} are not read; write them in ${place}.metadata`);
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

function checkStep(
  object: ManifestObject,
  all: readonly ManifestObject[],
  settings: OfflineSettings,
): string[] {
  const verdict = reviewOffline(object, all, settings);
  for (const warning of verdict.warnings) console.error(`Warning: ${object.where}: ${warning}`);
  return verdict.kind === "denied" ? [verdict.message] : [];
}
