import type { Inventory, Manifest } from "./facts.ts";

/** How a pass of the keeper ended. */
export interface SweepPass {
  readonly began: string;
  /** In bytes. */
  readonly freed: number;
  /** Why it did not do all. */
  readonly failure?: string | undefined;
}

const longestName = 1_000;

type Fields = Readonly<Record<string, unknown>>;

/**
 * The manifests of a keeper's answer, and since when it knows of pulls. Whoever may make Pods can write a keeper: what is not as it should be ends the pass,
 * because what is left out of a plan would look as if nobody needed it.
 *
 * @param answer - JSON
 * @throws where it is not whole
 */
export function readManifests(answer: unknown): Inventory {
  const { manifests, problem, pullsSince } = fieldsOf(answer);
  if (!Array.isArray(manifests)) throw new Error("the keeper's list of manifests cannot be read");
  if (problem !== "") throw new Error(`the keeper cannot read the volume: ${String(problem).slice(0, 300)}`);
  const wrong = manifests.findIndex((manifest) => !isManifest(fieldsOf(manifest)));
  if (wrong >= 0) throw new Error(`number ${wrong + 1} of the keeper's manifests cannot be read`);
  // Keepers of earlier versions do not say it.
  const since = isText(pullsSince) ? Date.parse(pullsSince) : Number.NaN;
  return { manifests: manifests as Manifest[], pullsSince: Number.isNaN(since) ? undefined : since };
}

function isManifest({
  repository,
  digest,
  pushed,
  listed,
  pulled,
  tags,
  subject,
  children,
  inputs,
  blobs,
}: Fields): boolean {
  return (
    [repository, digest].every(isName) &&
    isText(pushed) &&
    [listed, pulled].every((time) => time === undefined || isText(time)) &&
    isList(tags, (tag) => isName(tag["name"]) && isText(tag["pushed"])) &&
    isList(blobs, (blob) => isText(blob["digest"]) && isCount(blob["size"])) &&
    (subject === undefined || isText(subject)) &&
    [children, inputs].every((list) => list === undefined || (Array.isArray(list) && list.every(isText)))
  );
}

function isList(value: unknown, is: (item: Fields) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => is(fieldsOf(item)));
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

/** A registry has shorter ones. They stand in messages, which the API server takes up to a length. */
function isName(value: unknown): boolean {
  return isText(value) && value.length <= longestName;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/**
 * How the last pass of a keeper ended.
 *
 * @param answer - JSON
 * @returns undefined while one runs
 */
export function passOf(answer: unknown): SweepPass | "none" | undefined {
  const { sweeping, lastPass } = fieldsOf(answer);
  if (sweeping !== false) return undefined;
  const { began, freed, failure } = fieldsOf(lastPass);
  if (!isText(began) || !isCount(freed)) return "none";
  return { began, freed, failure: isText(failure) && failure !== "" ? failure.slice(0, 300) : undefined };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
