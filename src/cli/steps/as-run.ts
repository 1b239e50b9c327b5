import { isOurs } from "../../annotations/map.ts";
import { readAnnotations } from "../../annotations/parse.ts";
import { quoted, visible } from "../../annotations/problems.ts";
import { annotations } from "../../annotations/table.ts";
import { ourAnnotations } from "../checks/artifacts.ts";
import { pathOfAnnotations, stepsOf } from "../checks/steps.ts";
import { exits } from "../exits.ts";
import { describeObject, type ManifestObject } from "../manifests/objects.ts";
import type { Path } from "../manifests/path.ts";
import { CliError } from "../output.ts";

/** How a run of a workflow is named. */
export interface RunOptions {
  readonly run: string;
  /** Whether names of Jobs and Pods begin with it, too. */
  readonly prefix: boolean;
}

/**
 * Makes manifests those of one run: each step has the annotation `run`.
 *
 * @param objects - are changed, and with them the documents that they are parts of
 * @param options - the run
 * @returns how many steps it has
 * @throws CliError with every object that it cannot be done for
 */
export function makeRun(objects: readonly ManifestObject[], { run, prefix }: RunOptions): number {
  const { key } = annotations.run;
  const { problems } = readAnnotations({ [key]: run });
  const [wrong] = problems.filter(({ path }) => path === key);
  if (wrong !== undefined) throw new CliError(visible(`--run: ${wrong.message}`), exits.usage);
  const steps = objects.flatMap(stepsOf).filter((step) => Object.keys(ourAnnotations(step)).some(isOurs));
  if (steps.length === 0)
    throw new CliError(
      "The files have no step: no Job or Pod has an annotation of the operator.",
      exits.usage,
    );
  for (const step of steps) setAt(step.object.value, [...pathOfAnnotations(step), key], run);
  if (prefix) for (const object of new Set(steps.map((step) => step.object))) rename(object, run);
  return steps.length;
}

function rename(object: ManifestObject, run: string): void {
  const metadata = object.value["metadata"] as Record<string, unknown> | undefined;
  const field = object.name === "" ? "generateName" : "name";
  const name = `${run}-${metadata?.[field]}`;
  if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?-?$/.test(name) || name.length > longestName) {
    const message = `--prefix: ${describeObject(object)} cannot be named ${quoted(name)}; allowed are up to ${longestName} of a-z, 0-9 and -, beginning and ending with a letter or digit. Choose another --run, or leave --prefix out.`;
    throw new CliError(visible(message), exits.usage);
  }
  setAt(object.value, ["metadata", field], name);
}

/** Of a Job: the names of its Pods are made of it. */
const longestName = 63;

function setAt(root: Record<string, unknown>, path: Path, value: string): void {
  const last = path.at(-1) as string;
  const parent = path.slice(0, -1).reduce<Record<string | number, unknown>>((at, field) => {
    at[field] ??= {};
    return at[field] as Record<string, unknown>;
  }, root);
  parent[last] = value;
}
