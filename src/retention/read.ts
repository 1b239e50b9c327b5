import type { Inventory, Manifest } from "./facts.ts";

/** How a pass of the keeper ended. */
export interface SweepPass {
  readonly began: string;
  /** In bytes. */
  readonly freed: number;
  /** Why it did not do all. */
  readonly failure?: string | undefined;
}

/** Reads manifests as they come: a registry may have a hundred thousand. */
export interface ManifestReader {
  /**
   * Takes the next line of the keeper's answer.
   *
   * @throws where it cannot be read, or where there are more than can be planned with
   */
  readonly line: (text: string) => void;
  readonly count: () => number;
  /** @throws where something is missing at the end, or the keeper could not read all */
  readonly end: () => Inventory;
}

const longestName = 1_000;
/**
 * What a plan can be made with in the memory of an operator: a manifest counts as four, each of its tags, blobs, inputs and
 * children as one. A hundred thousand artifacts of steps are some 900,000.
 */
const mostWeight = 1_000_000;
/** Of a text that no other manifest has. */
const bytesOfOne = 200;
const begin = '{"manifests":[';

type Fields = Readonly<Record<string, unknown>>;

/**
 * Reads the manifests of a keeper's answer, of which each stands on a line of its own. Whoever may make Pods can write a keeper:
 * what is not as it should be ends the pass, because what is left out of a plan would look as if nobody needed it.
 */
export function manifestReader(): ManifestReader {
  const manifests: Manifest[] = [];
  const share = sharer();
  let weight = 0;
  let last: Fields | undefined;
  const add = (text: string) => {
    const manifest = fieldsOf(jsonOf(text));
    if (!isManifest(manifest)) throw unreadable(manifests.length + 1);
    weight += weightOf(manifest);
    if (weight > mostWeight)
      throw new Error(
        `the registry has more than retention can plan with, after ${manifests.length} manifests; delete artifacts by ` +
          "other means, or spread them over more OrasCaches",
      );
    manifests.push(share(manifest));
  };
  return {
    line: (text) => {
      if (last !== undefined) throw unreadable();
      const isFirst = manifests.length === 0 && text.startsWith(begin);
      const rest = isFirst ? text.slice(begin.length) : text;
      if (rest.startsWith("]")) last = fieldsOf(jsonOf(begin + rest));
      else if (isFirst) add(rest);
      else if (rest.startsWith(",") && manifests.length > 0) add(rest.slice(1));
      else throw unreadable();
    },
    count: () => manifests.length,
    end: () => {
      const { problem, pullsSince } = last ?? {};
      if (!isText(problem)) throw unreadable();
      if (problem !== "") throw new Error(`the keeper cannot read the volume: ${problem.slice(0, 300)}`);
      // Keepers of earlier versions do not say it.
      const since = isText(pullsSince) ? Date.parse(pullsSince) : Number.NaN;
      return { manifests, pullsSince: Number.isNaN(since) ? undefined : since };
    },
  };
}

function unreadable(number?: number): Error {
  if (number === undefined) return new Error("the keeper's list of manifests cannot be read");
  return new Error(`number ${number} of the keeper's manifests cannot be read`);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Texts and blobs that many manifests have are held once; other fields than those that are used are not held. */
function sharer(): (manifest: Manifest) => Manifest {
  const texts = new Map<string, string>();
  const blobs = new Map<string, Manifest["blobs"][number]>();
  const shared = (text: string) => {
    const known = texts.get(text);
    if (known !== undefined) return known;
    texts.set(text, text);
    return text;
  };
  const sharedBlob = ({ digest, size }: Manifest["blobs"][number]) => {
    const known = blobs.get(digest);
    if (known?.size === size) return known;
    const blob = { digest: shared(digest), size };
    blobs.set(blob.digest, blob);
    return blob;
  };
  return ({
    repository,
    digest,
    pushed,
    listed,
    tags,
    pulled,
    keep,
    subject,
    children,
    inputs,
    memo,
    blobs: its,
  }) => ({
    repository: shared(repository),
    digest: shared(digest),
    pushed,
    ...(listed === undefined ? {} : { listed: shared(listed) }),
    tags: tags.map((tag) => ({ name: tag.name, pushed: tag.pushed === pushed ? pushed : tag.pushed })),
    ...(pulled === undefined ? {} : { pulled }),
    ...(keep === true ? { keep } : {}),
    ...(subject === undefined ? {} : { subject: shared(subject) }),
    ...(children === undefined ? {} : { children: children.map(shared) }),
    ...(inputs === undefined ? {} : { inputs: inputs.map(shared) }),
    ...(memo === undefined ? {} : { memo: { said: memo.said, signature: memo.signature } }),
    blobs: its.map(sharedBlob),
  });
}

function weightOf({ tags, blobs, memo, children = [], inputs = [] }: Manifest): number {
  const said = memo === undefined ? 0 : Math.ceil(memo.said.length / bytesOfOne);
  return 4 + tags.length + blobs.length + children.length + inputs.length + said;
}

function isManifest(fields: Fields): fields is Fields & Manifest {
  const { repository, digest, pushed, listed, pulled, tags, subject, children, inputs, memo, blobs } = fields;
  return (
    [repository, digest].every(isName) &&
    isText(pushed) &&
    [listed, pulled].every((time) => time === undefined || isText(time)) &&
    isList(tags, (tag) => isName(tag["name"]) && isText(tag["pushed"])) &&
    isList(blobs, (blob) => isText(blob["digest"]) && isCount(blob["size"])) &&
    (subject === undefined || isText(subject)) &&
    (memo === undefined || [fieldsOf(memo)["said"], fieldsOf(memo)["signature"]].every(isText)) &&
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
