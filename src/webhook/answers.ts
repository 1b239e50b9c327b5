import type { V1LimitRange } from "@kubernetes/client-node";
import type { OrasCache } from "../cache/types.ts";
import type { Answers, KnownImage, Questions } from "../injection/admission-types.ts";
import type { Lookup } from "../registry/lookup.ts";

/** Where the answers to the questions of a review come from. */
export interface Sources {
  /** The OrasCache of that name, as the operator's watch last saw it. */
  readonly cache: (namespace: string, name: string) => OrasCache | undefined;
  /** The LimitRanges of a namespace, as the operator's watch last saw them. */
  readonly limitRanges: (namespace: string) => readonly V1LimitRange[];
  /** Finds out what images run; absent where the installation does not want it. */
  readonly lookup?: Lookup | undefined;
}

/**
 * Answers the questions of a review.
 *
 * @param questions - of `prepare`
 * @param sources - see there
 * @returns at once, unless a registry has to be asked: a promise would cost as much as all the rest of a review
 */
export function answer(questions: Questions, sources: Sources): Answers | Promise<Answers> {
  const { namespace, cache, images } = questions;
  const known: Answers = {
    cache: cache === undefined ? undefined : sources.cache(namespace, cache),
    limitRanges: sources.limitRanges(namespace),
  };
  if (images.length === 0 || sources.lookup === undefined) return known;
  return lookUp(questions, sources.lookup).then((found) => ({ ...known, images: found }));
}

async function lookUp(
  { namespace, images, architecture, pullSecrets }: Questions,
  lookup: Lookup,
): Promise<ReadonlyMap<string, KnownImage>> {
  const secrets = { namespace, names: pullSecrets };
  return new Map(
    await Promise.all(
      images.map(async (image) => [image, await lookup(image, architecture, secrets)] as const),
    ),
  );
}
