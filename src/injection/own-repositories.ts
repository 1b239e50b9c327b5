import { names } from "../../schema/names.ts";
import { resolveKey } from "../annotations/keys.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { type Problem, quoted } from "../annotations/problems.ts";
import { type ArtifactReference, formatPlainReference, type Registry } from "../annotations/reference.ts";
import type { Settings } from "../annotations/settings.ts";
import { annotations as annotationTable } from "../annotations/table.ts";
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
 * @param nameOf - see addressOf
 */
export function checkOwnRepositories(
  { inputs, output, failure }: Pick<Settings, "inputs" | "output" | "failure">,
  connection: Connection,
  cache: OrasCache | undefined,
  annotations: AnnotationMap,
  nameOf: (registry: Registry) => string,
): Problem[] {
  const memo = memoRepositoryOf(cache?.spec);
  // Whoever writes the address of a registry may mean that of another cache.
  const ofOthers = inCluster(connection) ? [] : [names.memoRepository];
  const kept = new Set([memo, names.stateRepository, ...ofOthers]);
  const problem = (path: string, reference: ArtifactReference, instead: string): Problem[] => {
    const repository = repositoryIn(reference, connection, nameOf);
    if (repository === undefined || !kept.has(repository)) return [];
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

/** The repository of an artifact as the registry of an OrasCache knows it; undefined where it is in another registry. */
function repositoryIn(
  reference: ArtifactReference,
  connection: Connection,
  nameOf: (registry: Registry) => string,
): string | undefined {
  const plain = formatPlainReference(connection, { ...reference, version: "" });
  const [host = "", ...path] = plain.split("/");
  const named = nameOf({ host, plainHttp: connection.plainHttp });
  const isOfCache = isOwnHost(named) || (inCluster(connection) && named === connection.host);
  return isOfCache ? path.join("/") : undefined;
}

/** Whether a host is the registry of an OrasCache, of any namespace: hosts are the same in every case. */
function isOwnHost(host: string): boolean {
  const [service = "", ...rest] = host.toLowerCase().replace(/:\d+$/, "").split(".");
  if (service.endsWith("-0") && `${rest[0]}-0` === service) return true;
  return service.endsWith(names.registryServiceSuffix) && rest[1] === "svc";
}
