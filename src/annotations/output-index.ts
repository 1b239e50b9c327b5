import { keyOf } from "./keys.ts";
import { type Problem, quoted } from "./problems.ts";
import { type ArtifactReference, addressOf, type Registry } from "./reference.ts";
import type { Settings } from "./settings.ts";
import { variablesOf } from "./variables.ts";

const index = "$(JOB_COMPLETION_INDEX)";
const indexKey = keyOf({ name: "output-index", number: 0 });
const outputKey = keyOf({ name: "output-uri", number: 0 });
/** The operator, which writes the index, does not know what they stand for. */
const ofPods = ["POD_NAME", "POD_UID", "NODE_NAME"];

/**
 * What is wrong with the index of a step's outputs, as far as its annotations say it: it needs outputs that differ by the index alone,
 * and stands beside them.
 *
 * @param settings - of the step
 */
export function checkOutputIndex({ outputIndex, output, pushOn, registry }: Settings): Problem[] {
  if (outputIndex === undefined || output === undefined) return [];
  const problems = [...checkParts(output), ...checkName(outputIndex, output, registry)];
  if (pushOn !== "failure") return problems;
  const path = keyOf({ name: "push-on", number: 0 });
  const message = `found "failure", with which Pods that succeed push nothing that ${indexKey} could list.`;
  return [...problems, { code: "IndexWithoutParts", path, message }];
}

function checkParts(output: ArtifactReference): Problem[] {
  const told = (message: string): Problem => ({ code: "IndexWithoutParts", path: outputKey, message });
  const problems = variablesOf(output.repository, output.version)
    .filter((name) => ofPods.includes(name))
    .map((name) =>
      told(`found $(${name}), which only the Pod knows, so that ${indexKey} cannot list the artifact.`),
    );
  if (!output.version.includes(index))
    problems.push(
      told(
        `found ${quoted(output.version)} without ${index}; ${indexKey} lists the artifacts of all indexes.`,
      ),
    );
  return problems;
}

function checkName(
  outputIndex: ArtifactReference,
  output: ArtifactReference,
  registry: Registry | undefined,
): Problem[] {
  const repositoryOf = (one: ArtifactReference) => addressOf(registry, { ...one, version: "" });
  const told = (message: string): Problem => ({ code: "IndexMisnamed", path: indexKey, message });
  const problems = variablesOf(outputIndex.repository, outputIndex.version)
    .filter((name) => ofPods.includes(name) || name === "JOB_COMPLETION_INDEX")
    .map((name) =>
      told(`found $(${name}), which is another one in each Pod; there is one index of all of them.`),
    );
  if (repositoryOf(outputIndex) !== repositoryOf(output))
    problems.push(
      told(
        `found ${quoted(placeOf(outputIndex))}; allowed is the repository of ${outputKey}, ${quoted(placeOf(output))}.`,
      ),
    );
  else if (problems.length === 0 && isPart(outputIndex, output, (one) => addressOf(registry, one)))
    problems.push(
      told(`found ${quoted(outputIndex.version)}, which is the tag of one of the artifacts, too.`),
    );
  return problems;
}

function placeOf({ host, repository }: ArtifactReference): string {
  return host === undefined ? repository : `oci://${host}/${repository}`;
}

/**
 * Whether an artifact is what a Pod of some index pushes.
 *
 * @param artifact - without a variable of the index
 * @param output - of the step
 * @param whole - see addressOf
 */
export function isPart(
  artifact: ArtifactReference,
  output: ArtifactReference,
  whole: (reference: ArtifactReference) => string,
): boolean {
  const [first = "", ...others] = whole(output)
    .split(index)
    .map((text) => text.replaceAll(/[^\w:-]/g, "\\$&"));
  if (others.length === 0) return false;
  return new RegExp(`^${first}(0|[1-9][0-9]*)${others.join("(?:\\1)")}$`).test(whole(artifact));
}
