import { names } from "../../../schema/names.ts";
import { describeObject, type ManifestObject } from "../manifests/objects.ts";
import type { Path } from "../manifests/path.ts";
import { type Finding, findingAt, type Level } from "../report/finding.ts";
import type { OfflineSettings } from "../settings.ts";
import { type Surroundings, surroundingsOf } from "../surroundings.ts";
import { type Artifact, artifactsOf, pathOfCache, type StepArtifacts } from "./artifacts.ts";
import { inputCycles } from "./cycles.ts";
import { hasVariable, inputsNotMade } from "./inputs.ts";
import { pathOfAnnotations, type Step } from "./steps.ts";
import { suggestion } from "./suggestion.ts";
import { quotasOfWaiting, ticksThatWait } from "./waiting.ts";

/** What was looked at. */
export interface Found {
  /** Of all files. */
  readonly objects: readonly ManifestObject[];
  /** OrasCaches and LimitRanges of the cluster, if it was asked. */
  readonly inCluster?: readonly ManifestObject[] | undefined;
}

/**
 * What can be seen only where all files are looked at together.
 *
 * @param found - see there
 * @param running - the steps that nothing is wrong with
 * @param around - the OrasCaches of all of it
 * @param settings - of the installation
 */
export function checkAcross(
  found: Found,
  running: readonly Step[],
  around: Surroundings,
  { clusterDomain }: OfflineSettings,
): Finding[] {
  const steps = running.map((step) => artifactsOf(step, around, clusterDomain));
  return [
    ...sameObjects(found.objects),
    ...sameOutputs(steps.flatMap((step) => step.outputs)),
    ...inputCycles(steps),
    // Only a cache that is made with the steps is empty.
    ...inputsNotMade(steps, surroundingsOf(found.objects)),
    ...cachesNotThere(found, steps),
    ...ticksThatWait(steps),
    ...quotasOfWaiting(found.objects, steps),
  ];
}

/** A base and its overlays, or two overlays, hold the same objects, and only one of them is applied. */
function sameObjects(objects: readonly ManifestObject[]): Finding[] {
  const seen = new Map<string, ManifestObject>();
  return objects.flatMap((object) => {
    if (object.name === "") return [];
    const first = firstOf(seen, `${object.kustomization} ${identityOf(object)}`, object);
    if (first === object) return [];
    const path = ["metadata", "name"];
    const message = `found ${describeObject(object)} a second time; the first is in ${placeOf(first, path)}.`;
    return [findingAt(object, path, { level: "warning", code: "SameObject", message })];
  });
}

/** Of an object that is there twice only the last counts, which is reported already. */
function sameOutputs(outputs: readonly Artifact[]): Finding[] {
  const seen = new Map<string, Artifact>();
  return outputs.flatMap((output) => {
    if (hasVariable(output.name)) return [];
    const { object } = output.step;
    const first = firstOf(seen, `${object.kustomization} ${output.address}`, output);
    if (first === output || isSecondOf(first.step.object, object)) return [];
    const other = `${describeObject(first.step.object)} (${placeOf(first.step.object, first.path)})`;
    const message = `found ${output.name}, which ${other} pushes too.`;
    return [findingAt(object, output.path, { level: "warning", code: "SameOutput", message })];
  });
}

/** Told once per cache, where it is used first. */
function cachesNotThere({ objects, inCluster }: Found, steps: readonly StepArtifacts[]): Finding[] {
  const places = inCluster === undefined ? "these files" : "these files and the cluster";
  const using = steps.filter(({ inputs, outputs }) => [...inputs, ...outputs].some(({ inCache }) => inCache));
  const groups = Map.groupBy(using, ({ step, cache }) => `${step.object.namespace}/${cache}`);
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first?.cache === undefined) return [];
    const { step, cache } = first;
    const { namespace } = step.object;
    const known = [...objects, ...(inCluster ?? [])]
      .filter((object) => object.kind === names.kind && object.namespace === namespace)
      .map(({ name }) => name);
    if (known.includes(cache)) return [];
    // One that the cluster has need not be in the files; but where some are, this one is hardly elsewhere.
    const level: Level = known.length === 0 && inCluster === undefined ? "info" : "warning";
    const users = others.length === 0 ? "" : ` (${others.length + 1} steps use it)`;
    const path = pathOfCache(step);
    const wanted = path === undefined ? `"${cache}" (the default)` : `"${cache}"`;
    const message = `found no ${names.kind} ${wanted} for the namespace "${namespace}" in ${places}${users}${suggestion(cache, [...new Set(known)])}`;
    return [
      findingAt(step.object, path ?? pathOfAnnotations(step), { level, code: "CacheNotInFiles", message }),
    ];
  });
}

function firstOf<T>(seen: Map<string, T>, key: string, value: T): T {
  const first = seen.get(key) ?? value;
  seen.set(key, first);
  return first;
}

/** Whether an object replaces another: both are of the same kind, namespace and name. */
function isSecondOf(first: ManifestObject, second: ManifestObject): boolean {
  return first !== second && first.name !== "" && identityOf(first) === identityOf(second);
}

function identityOf({ apiVersion, kind, namespace, name }: ManifestObject): string {
  // Two versions of a group are one object.
  return [apiVersion.split("/").slice(0, -1).join(), kind, namespace, name].join(" ");
}

function placeOf({ file, at }: ManifestObject, path: Path): string {
  return `${file}:${at(path).line}`;
}
