import { names } from "../../schema/names.ts";
import { keyOf } from "../annotations/keys.ts";
import type { AnnotationMap } from "../annotations/map.ts";
import { quoted } from "../annotations/problems.ts";
import { type ArtifactReference, addressOf, hostOf, type Registry } from "../annotations/reference.ts";
import {
  bringsInputs,
  hostsOf,
  makesOutput,
  type Settings,
  usesScripts,
  waitsForInputs,
  withKnown,
} from "../annotations/settings.ts";
import { type AnnotationName, annotations } from "../annotations/table.ts";
import type { Values } from "../annotations/variables.ts";
import type { Warning } from "../annotations/warning.ts";
import type { Places } from "../cache/cache-at.ts";
import type { Connection } from "../cache/connection.ts";
import type { OrasCache } from "../cache/types.ts";
import { warnAboutInputVolume } from "./check-input-volume.ts";
import { needsCache } from "./registry.ts";

/** Where a step is. */
interface Surroundings {
  readonly places: Places;
  readonly namespace: string;
  readonly known: Values;
}

/**
 * Annotations that contradict each other, have no effect, or do something that is hardly meant together.
 *
 * @param map - as they are written
 * @param settings - what they say
 * @param connection - to the step's registry
 * @param cache - the step's OrasCache, if it exists
 * @param around - which registries are those of OrasCaches, the step's namespace, and what variables stand for
 */
export function warnAboutAnnotations(
  map: AnnotationMap,
  settings: Settings,
  connection: Connection | undefined,
  cache: OrasCache | undefined,
  { places, namespace, known }: Surroundings,
): Warning[] {
  return [
    ...cacheNotUsed(map, settings, cache, { places, namespace }),
    ...registryNotUsed(settings, places),
    ...compressionNotUsed(map, settings),
    ...containersWithoutOutput(settings),
    ...outputIsInput(map, withKnown(settings, known), connection, places),
    ...inputsElsewhere(settings),
    ...warnAboutInputVolume(settings, cache),
  ];
}

/** A registry is for the whole step, so nothing is left that could use the cache, but for its host. */
function cacheNotUsed(
  map: AnnotationMap,
  settings: Settings,
  cache: OrasCache | undefined,
  { places, namespace }: Omit<Surroundings, "known">,
): Warning[] {
  const { key } = annotations["oras-cache"];
  if (map[key] === undefined || needsCache(settings, cache)) return [];
  const { registry } = settings;
  const named = registry ? [registry] : (hostsOf(settings) ?? []).map((host) => ({ host, plainHttp: false }));
  const isOfCache = named.every((one) => {
    const found = places.cacheOf(one);
    return found?.name === settings.cache && found.namespace === namespace;
  });
  const because = registry
    ? `${annotations.registry.key} names ${isOfCache ? "its registry by a host" : "a registry"}`
    : `each artifact names its ${isOfCache ? "registry by a host" : "own registry"}`;
  const not = isOfCache ? "gives the step neither its login nor its defaults" : "is not used";
  const message = `${names.kind} ${quoted(settings.cache)} ${not}, because ${because}.`;
  return [{ code: "CacheNotUsed", path: key, message }];
}

/** Of the same host it says whether that is spoken to in plain HTTP. */
function registryNotUsed(settings: Settings, { nameOf }: Places): Warning[] {
  const hosts = hostsOf(settings);
  const { registry } = settings;
  if (registry === undefined || hosts === undefined) return [];
  const { plainHttp } = registry;
  const sameBy = (name: (one: Registry) => string) =>
    hosts.find((host) => name({ host, plainHttp }) === name({ host: registry.host, plainHttp }));
  if (sameBy(hostOf) !== undefined) return [];
  const other = sameBy(nameOf);
  const because =
    other === undefined
      ? "each artifact names another registry"
      : `each artifact names its registry itself: oci://${other}/ is the same one, over HTTPS`;
  const message = `${quoted(registry.host)} is not used, because ${because}.`;
  return [{ code: "RegistryNotUsed", path: annotations.registry.key, message }];
}

/** What a script of the author's own makes of it is its business. */
function compressionNotUsed(map: AnnotationMap, settings: Settings): Warning[] {
  const { key } = annotations.compression;
  if (map[key] === undefined || settings.output === undefined || usesScripts(settings)) return [];
  const makers = settings.launchers.filter((launcher) => makesOutput(settings, launcher));
  if (makers.some(({ outputPath, outputPipe }) => outputPath !== undefined || outputPipe === undefined))
    return [];
  const message = "the output is the file of output-pipe, and only directories are compressed.";
  return [{ code: "CompressionNotUsed", path: key, message }];
}

/** Who names a container wants something of it. One that reads the inputs may be wrapped for these alone. */
function containersWithoutOutput(settings: Settings): Warning[] {
  const { inputs, output, launchers } = settings;
  const somebodySaysWhat = launchers.some((l) => l.outputPath !== undefined || l.outputPipe !== undefined);
  if (output === undefined || (inputs.length > 0 && somebodySaysWhat)) return [];
  return launchers
    .filter((launcher) => !makesOutput(settings, launcher))
    .map(({ number, container = "" }) => ({
      code: "ContainerWithoutOutput",
      path: keyOf({ name: "container", number }),
      message: `nothing of container ${quoted(container)} is pushed, only its end is waited for; ${keyOf({ name: "output-path", number })} or ${keyOf({ name: "output-pipe", number })} would name its output.`,
    }));
}

function outputIsInput(
  map: AnnotationMap,
  settings: Settings,
  connection: Connection | undefined,
  { nameOf }: Places,
): Warning[] {
  const { inputs, output } = settings;
  if (output === undefined || connection === undefined) return [];
  const addressIn = (reference: ArtifactReference) => addressOf(connection, reference, nameOf);
  const pushed = addressIn(output);
  if (!inputs.some((input) => addressIn(input) === pushed)) return [];
  const { key } = annotations["output-uri"];
  if (waitsForInputs(settings)) {
    const message = `the step waits for ${quoted(map[key] ?? "")} and pushes it itself; it starts only if it is there already, or if another step pushes it.`;
    return [{ code: "WaitsForItself", path: key, message }];
  }
  const message = `${quoted(map[key] ?? "")} is an input of this step, too; when the step is retried, it reads what it pushed.`;
  return [{ code: "OutputIsInput", path: key, message }];
}

/** Every wrapped container gets the inputs: who named a directory for one hardly wants them in another's sources. */
function inputsElsewhere(settings: Settings): Warning[] {
  const { launchers } = settings;
  const named = launchers.find(({ inputPath }) => inputPath !== undefined);
  if (!bringsInputs(settings) || named === undefined) return [];
  const key = (name: AnnotationName, number: number) => keyOf({ name, number });
  return launchers
    .filter(({ inputPath }) => inputPath === undefined)
    .map(({ number, container = "" }) => ({
      code: "InputInWorkingDirectory",
      path: key("container", number),
      message: `container ${quoted(container)} unpacks the inputs in its working directory; ${key("input-path", named.number)} is for another container, ${key("input-path", number)} would be for this one.`,
    }));
}
