import type { Manifest } from "./facts.ts";

/** How a pass of the keeper ended. */
export interface SweepPass {
  readonly began: string;
  /** In bytes. */
  readonly freed: number;
  /** Why it did not do all. */
  readonly failure?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The manifests of a keeper's answer. Whoever may make Pods can write a keeper: what is not as it should be ends the pass,
 * because what is left out of a plan would look as if nobody needed it.
 *
 * @param answer - JSON
 * @throws where it is not whole
 */
export function readManifests(answer: unknown): Manifest[] {
  const { manifests, problem } = fieldsOf(answer);
  if (!Array.isArray(manifests)) throw new Error("the keeper's list of manifests cannot be read");
  if (problem !== "") throw new Error(`the keeper cannot read the volume: ${String(problem).slice(0, 300)}`);
  const wrong = manifests.findIndex((manifest) => !isManifest(fieldsOf(manifest)));
  if (wrong >= 0) throw new Error(`number ${wrong + 1} of the keeper's manifests cannot be read`);
  return manifests as Manifest[];
}

function isManifest({
  repository,
  digest,
  pushed,
  listed,
  tags,
  subject,
  children,
  inputs,
  blobs,
}: Fields): boolean {
  return (
    [repository, digest, pushed].every(isText) &&
    (listed === undefined || isText(listed)) &&
    isList(tags, (tag) => isText(tag["name"]) && isText(tag["pushed"])) &&
    isList(blobs, (blob) => isText(blob["digest"]) && Number.isSafeInteger(blob["size"])) &&
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
  if (!isText(began) || typeof freed !== "number") return "none";
  return { began, freed, failure: isText(failure) && failure !== "" ? failure.slice(0, 300) : undefined };
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
