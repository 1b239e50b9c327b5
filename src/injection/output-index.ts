import { basename } from "node:path/posix";
import { names } from "../../schema/names.ts";
import { keyOf } from "../annotations/keys.ts";
import { isAnnotated } from "../annotations/map.ts";
import { type Problem, quoted } from "../annotations/problems.ts";
import { formatRegistry, registryOf } from "../annotations/reference.ts";
import { makesOutput, type Settings, usesScripts } from "../annotations/settings.ts";
import { annotations } from "../annotations/table.ts";
import { variablesOf } from "../annotations/variables.ts";
import type { Warning } from "../annotations/warning.ts";
import type { Places } from "../cache/cache-at.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import { mostParts } from "../workflow/output-index.ts";
import { isPod, ownAnnotations, type Workload } from "../workload/workload.ts";

/**
 * Why the operator could not write the index of a step's outputs: it sees Jobs that carry the annotations themselves, and writes to
 * the registries that it runs.
 *
 * @param workload - the step
 * @param settings - what its author asked for
 * @param connection - to its registry, where that is known
 * @param places - which registries are those of OrasCaches
 */
export function checkIndexOf(
  workload: Workload,
  { outputIndex, output }: Settings,
  connection: Connection | undefined,
  { cacheOf }: Pick<Places, "cacheOf">,
): Problem[] {
  if (outputIndex === undefined) return [];
  const path = keyOf({ name: "output-index", number: 0 });
  const told = (message: string): Problem => ({ code: "IndexNotWritten", path, message });
  const problems: Problem[] = [];
  if (isPod(workload) || !isAnnotated(ownAnnotations(workload)))
    problems.push(
      told(`found on a ${isPod(workload) ? "Pod" : "Pod template"}; allowed is an Indexed Job itself.`),
    );
  const isRemote = connection && (!inCluster(connection) || outputIndex.host !== undefined);
  if (isRemote && output) {
    const registry = registryOf(connection, outputIndex);
    const found = cacheOf(registry);
    const allowed = found
      ? `, which is that of ${names.kind} ${quoted(found.name)}; allowed is ${annotations["oras-cache"].key} with the name of one of this namespace.`
      : "; the operator writes to those of OrasCaches alone.";
    problems.push(told(`found the registry ${quoted(formatRegistry(registry))}${allowed}`));
  }
  const { completions } = specOf(workload);
  if (typeof completions === "number" && completions > mostParts)
    problems.push(told(`found ${completions} completions; an index has ${mostParts} at most.`));
  return problems;
}

function specOf({ object }: Workload): { readonly completions?: unknown } {
  return (object as { readonly spec?: { readonly completions?: unknown } }).spec ?? {};
}

const tellsApart = ["JOB_COMPLETION_INDEX", "POD_NAME", "POD_UID"];

/** Parts that have different files of one name: no client pulls an index of them. */
export function warnAboutParts(settings: Settings): Warning[] {
  if (settings.outputIndex === undefined || usesScripts(settings)) return [];
  return settings.launchers
    .filter((launcher) => makesOutput(settings, launcher))
    .flatMap(({ number, outputPath, outputPipe }): Warning[] => {
      const written = outputPath ?? outputPipe;
      const isPipe = outputPath === undefined && outputPipe !== undefined;
      const path = keyOf({ name: isPipe ? "output-pipe" : "output-path", number });
      const told = (message: string): Warning[] => [{ code: "PartsOfOneName", path, message }];
      const title = nameOf(written);
      if (!variablesOf(title).some((name) => tellsApart.includes(name)))
        return told(
          `${title === undefined ? "the files of the working directory" : quoted(title)} may have the same name in each Pod, and an index of different files of one name cannot be pulled; $(JOB_COMPLETION_INDEX) keeps them apart.`,
        );
      // Only a directory can be written so.
      if (settings.format !== "image" || written?.endsWith("/")) return [];
      const file = isPipe ? "the file of output-pipe" : `${quoted(title ?? "")}, if it is a file,`;
      return told(
        `in an image ${file} has no name of its own, and an index of several such images cannot be pulled; a directory with $(JOB_COMPLETION_INDEX) in its name keeps them apart, with "/" at the end of output-path.`,
      );
    });
}

/** What the output is called in its artifact; of the contents of a directory nothing says it. */
function nameOf(path: string | undefined): string | undefined {
  return path === undefined || /(^|\/)\.$/.test(path) ? undefined : basename(path);
}
