import { closest, distance } from "fastest-levenshtein";
import { names } from "../../../schema/names.ts";
import { describeObject, type ManifestObject } from "../manifests/objects.ts";
import type { Path } from "../manifests/path.ts";
import { type Finding, findingAt, type Level } from "../report/finding.ts";
import { type Artifact, artifactsOf, pathOfCache, type StepArtifacts } from "./artifacts.ts";
import type { Step } from "./steps.ts";

/**
 * What can be seen only where all files are looked at together.
 *
 * @param objects - of all files
 * @param running - the steps that nothing is wrong with
 */
export function checkAcross(objects: readonly ManifestObject[], running: readonly Step[]): Finding[] {
  const steps = running.map(artifactsOf);
  const outputs = steps.flatMap((step) => step.outputs);
  return [
    ...sameObjects(objects),
    ...sameOutputs(outputs),
    ...inputsNotMade(
      steps.flatMap(({ inputs }) => inputs),
      outputs,
    ),
    ...cachesNotThere(objects, steps),
  ];
}

function sameObjects(objects: readonly ManifestObject[]): Finding[] {
  const seen = new Map<string, ManifestObject>();
  return objects.flatMap((object) => {
    if (object.name === "") return [];
    const first = firstOf(seen, identityOf(object), object);
    if (first === object) return [];
    const path = ["metadata", "name"];
    const message = `found ${describeObject(object)} a second time; the first is in ${placeOf(first, path)}.`;
    return [findingAt(object, path, { level: "warning", code: "SameObject", message })];
  });
}

/** Of an object that is there twice only the last counts, which is told already. */
function sameOutputs(outputs: readonly Artifact[]): Finding[] {
  const seen = new Map<string, Artifact>();
  return outputs.flatMap((output) => {
    if (hasVariable(output.name)) return [];
    const first = firstOf(seen, `${output.store} ${output.name}`, output);
    const { object } = output.step;
    if (first === output || isSecondOf(first.step.object, object)) return [];
    const other = `${describeObject(first.step.object)} (${placeOf(first.step.object, first.path)})`;
    const message = `found ${output.name}, which ${other} pushes too.`;
    return [findingAt(object, output.path, { level: "warning", code: "SameOutput", message })];
  });
}

/**
 * An artifact may well have been pushed before. Only where the files push others of the same repository into the same
 * cache is it likely that one of the names is wrong.
 */
function inputsNotMade(inputs: readonly Artifact[], outputs: readonly Artifact[]): Finding[] {
  return inputs.flatMap((input) => {
    if (!input.inCache || hasVariable(input.name) || input.name.includes("@")) return [];
    const pushed = outputs.filter(({ store }) => store === input.store);
    const siblings = pushed.filter(({ repository }) => repository === input.repository);
    if (siblings.length === 0 || pushed.some(({ name }) => canBe(name, input.name))) return [];
    const message = `found ${input.name}, which no step of these files pushes${suggestion(
      input.name,
      siblings.map(({ name }) => name),
    )}`;
    return [findingAt(input.step.object, input.path, { level: "warning", code: "InputNotMade", message })];
  });
}

/** Told once per cache, where it is used first. */
function cachesNotThere(objects: readonly ManifestObject[], steps: readonly StepArtifacts[]): Finding[] {
  const using = steps.filter(({ inputs, outputs }) => [...inputs, ...outputs].some(({ inCache }) => inCache));
  const groups = Map.groupBy(using, ({ step, cache }) => `${step.object.namespace}/${cache}`);
  return [...groups.values()].flatMap(([first, ...others]) => {
    if (first?.cache === undefined) return [];
    const { step, cache } = first;
    const { namespace } = step.object;
    const known = objects
      .filter((object) => object.kind === names.kind && object.namespace === namespace)
      .map(({ name }) => name);
    if (known.includes(cache)) return [];
    // One that the cluster has need not be in the files; but where some are, this one is hardly elsewhere.
    const level: Level = known.length === 0 ? "info" : "warning";
    const users = others.length === 0 ? "" : ` (${others.length + 1} steps use it)`;
    const message = `found no ${names.kind} "${cache}" for the namespace "${namespace}" in these files${users}${suggestion(cache, known)}`;
    return [findingAt(step.object, pathOfCache(step), { level, code: "CacheNotInFiles", message })];
  });
}

function suggestion(written: string, known: readonly string[]): string {
  if (known.length === 0) return ".";
  const nearest = closest(written, known);
  const near = distance(written, nearest) <= Math.max(2, Math.floor(nearest.length / 3));
  return near ? `; did you mean ${nearest}?` : `; known are ${known.join(", ")}.`;
}

/** Whether a name with variables can become another: only what stands before the first one is compared. */
function canBe(name: string, other: string): boolean {
  return hasVariable(name) ? other.startsWith(name.slice(0, name.indexOf("$("))) : name === other;
}

function hasVariable(name: string): boolean {
  return name.includes("$(");
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
