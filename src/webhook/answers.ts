import type { V1LimitRange } from "@kubernetes/client-node";
import type { CachesIn } from "../cache/cache-at.ts";
import type { OrasCache } from "../cache/types.ts";
import type { Answers, KnownImage, Questions } from "../injection/admission-types.ts";
import type { Lookup } from "../registry/lookup.ts";
import type { PullSecretsOf } from "./pull-secrets.ts";

/** Where the answers to the questions of a review come from. */
export interface Sources {
  /** The OrasCache of that name, as the operator's watch last saw it. */
  readonly cache: (namespace: string, name: string) => OrasCache | undefined;
  /** All OrasCaches of a namespace, as the same watch last saw them. */
  readonly cachesIn?: CachesIn;
  /** Name of the Secret with the login of a cache, which may not exist yet; undefined where its registry asks for none. */
  readonly loginOf?: (namespace: string, name: string, cache: OrasCache | undefined) => string | undefined;
  /** The same of the Secret by which nodes pull from a cache that is there, with spec.nodeAddress. */
  readonly nodeLoginOf?: (cache: OrasCache, namespace: string, name: string) => string | undefined;
  /** The LimitRanges of a namespace, as the operator's watch last saw them. */
  readonly limitRanges: (namespace: string) => readonly V1LimitRange[];
  /** Whether Pods may have no init container: see Answers. Absent where the installation does not want it. */
  readonly hookShape?: (() => boolean) | undefined;
  /** Finds out what images run; absent where the installation does not want it. */
  readonly lookup?: Lookup | undefined;
  /** Names of the pull secrets that Pods get of a ServiceAccount; without it, none. */
  readonly pullSecretsOf?: PullSecretsOf;
}

/**
 * Answers the questions of `prepare`, for a review of a size in bytes: at once, unless a registry has to be asked, because
 * a promise would cost as much as all the rest of a review.
 */
export type Answerer = (questions: Questions, reviewBytes: number) => Answers | Promise<Answers>;

/** Of one review. */
const mostImages = 4;
/** Of all reviews that wait for registries. Read, each takes some times as much memory. */
const mostWaitingBytes = 8 * 2 ** 20;
/** Of one namespace: its Pods choose whom the operator waits for. */
const mostWaitingOfOne = mostWaitingBytes / 4;
const tooMany = { unknown: `the operator asks for ${mostImages} images of a Pod at most` };
const busy = { unknown: "the operator is asking registries for many other Pods; try again" };
const tooLarge = {
  unknown: `the operator asks registries for objects of ${mostWaitingOfOne / 2 ** 20} MiB of JSON at most`,
};

/**
 * Makes what answers questions. Registries are asked for as many images, and as many reviews wait for them, as memory
 * is set aside for, of one namespace a quarter: what is beyond that is unknown at once.
 *
 * @param sources - see there
 */
export function createAnswerer(sources: Sources): Answerer {
  const { lookup, pullSecretsOf } = sources;
  let waitingBytes = 0;
  const waitingOf = new Map<string, number>();
  const add = (namespace: string, bytes: number) => {
    waitingBytes += bytes;
    const own = (waitingOf.get(namespace) ?? 0) + bytes;
    if (own > 0) waitingOf.set(namespace, own);
    else waitingOf.delete(namespace);
  };

  const lookUp = async (questions: Questions, reviewBytes: number, ask: Lookup) => {
    const { namespace, images, architecture, serviceAccount } = questions;
    if (reviewBytes > mostWaitingOfOne) return all(images, async () => tooLarge);
    const own = (waitingOf.get(namespace) ?? 0) + reviewBytes;
    if (own > mostWaitingOfOne || waitingBytes + reviewBytes > mostWaitingBytes) {
      return all(images, async () => busy);
    }
    add(namespace, reviewBytes);
    try {
      const given = serviceAccount && (await pullSecretsOf?.(namespace, serviceAccount));
      const secrets = { namespace, names: given || questions.pullSecrets };
      return await all(images, async (image, i) =>
        i < mostImages ? ask(image, architecture, secrets) : tooMany,
      );
    } finally {
      add(namespace, -reviewBytes);
    }
  };

  return (questions, reviewBytes) => {
    const { namespace, cache, images } = questions;
    const found = cache === undefined ? undefined : sources.cache(namespace, cache);
    const known: Answers = {
      cache: found,
      ...(sources.cachesIn && { cachesIn: sources.cachesIn }),
      cacheLogin: cache === undefined ? undefined : sources.loginOf?.(namespace, cache, found),
      ...(cache !== undefined && found?.spec?.nodeAddress
        ? { nodeLogin: sources.nodeLoginOf?.(found, namespace, cache) }
        : {}),
      limitRanges: sources.limitRanges(namespace),
      ...(sources.hookShape && { hookShape: sources.hookShape() }),
    };
    if (images.length === 0 || lookup === undefined) return known;
    return lookUp(questions, reviewBytes, lookup).then((found) => ({ ...known, images: found }));
  };
}

async function all(
  images: readonly string[],
  find: (image: string, index: number) => Promise<KnownImage>,
): Promise<ReadonlyMap<string, KnownImage>> {
  return new Map(await Promise.all(images.map(async (image, i) => [image, await find(image, i)] as const)));
}
