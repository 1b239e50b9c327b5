import { names } from "../../schema/names.ts";
import { resolveKey } from "../annotations/keys.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { type Problem, quoted } from "../annotations/problems.ts";
import { type ArtifactReference, registryOf } from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import { annotations as annotationTable } from "../annotations/table.ts";
import type { Places } from "../cache/cache-at.ts";
import { type Connection, inCluster } from "../cache/connection.ts";
import { memoRepositoryOf } from "../cache/memo-repository.ts";
import type { OrasCache } from "../cache/types.ts";

/**
 * Artifacts of a step in repositories that the operator keeps for itself, in the registry of an OrasCache. A step that pushed there
 * would overwrite what equal steps are to take, and one that reads there gets no files.
 *
 * @param settings - what the step's author asked for
 * @param connection - to the step's registry
 * @param cache - the step's OrasCache, if it exists
 * @param annotations - as they are written
 * @param places - which registries are those of OrasCaches
 */
export function checkOwnRepositories(
  { inputs, output, failure }: Pick<Settings, "inputs" | "output" | "failure">,
  connection: Connection,
  cache: OrasCache | undefined,
  annotations: AnnotationMap,
  places: Places,
): Problem[] {
  const problem = (path: string, reference: ArtifactReference, instead: string): Problem[] => {
    const { prefix, ...place } = registryOf(connection, reference);
    const isOwn = inCluster(connection) && reference.host === undefined;
    const owner = isOwn ? { spec: cache?.spec } : places.maybeCacheOf(place);
    const repository = prefix === undefined ? reference.repository : `${prefix}/${reference.repository}`;
    if (owner === undefined) return [];
    if (repository !== memoRepositoryOf(owner.spec) && repository !== names.stateRepository) return [];
    const message = `${quoted(repository + reference.version)} is in a repository that the operator keeps for itself; ${instead}`;
    return [{ code: "RepositoryOfOperator", path, message }];
  };
  const keys = inputKeys(annotations);
  return [
    ...inputs.flatMap((input, i) =>
      problem(
        keys[i] ?? annotationTable["input-uri"].key,
        input,
        "name the artifact itself, such as results/NAME:TAG.",
      ),
    ),
    // An index is in the repository of the output.
    ...(["output-uri", "failure-uri"] as const).flatMap((name) => {
      const pushed = name === "output-uri" ? output : failure;
      const { key } = annotationTable[name];
      return pushed ? problem(key, pushed, "write another one, such as results/NAME:TAG.") : [];
    }),
  ];
}

/** In the order of the inputs. */
function inputKeys(annotations: AnnotationMap): string[] {
  const numbered = Object.keys(annotations).flatMap((key) => {
    if (!key.startsWith(names.prefix)) return [];
    const slot = resolveKey(key);
    return "name" in slot && slot.name === "input-uri" ? [{ key, number: slot.number }] : [];
  });
  return numbered.sort((a, b) => a.number - b.number).map(({ key }) => key);
}
