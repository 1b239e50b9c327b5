import type { Logger } from "pino";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../cache/types.ts";
import { fallbackTagOf } from "../common/fallback-tag.ts";
import type { KubeClient } from "../kube/client.ts";
import { sentenceOf } from "../kube/errors.ts";
import { keyOf } from "../kube/objects.ts";
import type { Reflector } from "../kube/reflector.ts";
import { nameOf } from "../lineage/choose-statement.ts";
import { type Made, readStatement } from "../lineage/read-statement.ts";
import { bundleType, readBundle } from "../lineage/statement-media.ts";
import { readBlob } from "../registry/blobs.ts";
import { longestManifest, readManifest } from "../registry/manifests.ts";
import { type Referrer, type Repository, referrersIn } from "../registry/referrers.ts";
import type { CacheAccess } from "./cache-access.ts";
import { cacheIn } from "./outcomes.ts";
import type { StepPod } from "./step-pods.ts";
import { type EarlierMaker, type Maker, makerOf, stepOf } from "./tag-makers.ts";
import { jobOf } from "./tell-step.ts";

/** What reading who made an artifact needs. */
export interface EarlierSettings {
  readonly client: KubeClient;
  readonly log: Logger;
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly access: CacheAccess;
  readonly signal: AbortSignal;
}

/** The operator keeps fifty of an artifact; others may have added theirs. */
const mostRead = 60;
/** What it is wanted for is told without it. */
const longestMs = 10_000;

/**
 * Reads in the registry of an OrasCache who has made an artifact: its Pod may have gone before this leader came. Statements are not
 * verified: whoever could write a false one can push what is replaced, too.
 *
 * @param settings - see there
 */
export function createEarlierMakers(settings: EarlierSettings): EarlierMaker {
  const { client, log, caches, access, signal } = settings;
  return async (pod, { artifact, replaced }) => {
    const namespace = pod.metadata?.namespace ?? "";
    const cacheOf = (name: string) => caches.store.get(`${namespace}/${name}`);
    const found = cacheIn(artifact, namespace, (name) => cacheOf(name) !== undefined);
    if (replaced === undefined || found === undefined) return undefined;
    const cache = cacheOf(found.name);
    if (!cache?.spec.deploy) return undefined;
    try {
      const registry = await access.to(cache);
      if (registry === undefined) return undefined;
      const repository = found.path.slice(0, found.path.lastIndexOf(":"));
      const within = AbortSignal.any([signal, AbortSignal.timeout(longestMs)]);
      const made = await madeAs(found.path, { ...registry, repository, signal: within }, replaced);
      return made && makerIn(made, pod, await createdAt(client, pod));
    } catch (error) {
      // The next leader tells of it.
      if (signal.aborted) throw error;
      access.forget(cache);
      log.warn(
        { cache: keyOf(cache), artifact, error: sentenceOf(error) },
        "it is not known who made it before",
      );
      return undefined;
    }
  };
}

/** The last statement about a manifest under a name: several steps may make the same bytes. */
async function madeAs(name: string, repository: Repository, digest: string): Promise<Made | undefined> {
  const index = await readManifest(repository, repository.repository, fallbackTagOf(digest));
  const own = index === undefined ? [] : referrersIn(index).filter(isOwn);
  // Each is added behind the others.
  for (const { digest: of } of own.slice(-mostRead).reverse()) {
    const made = await statementIn(repository, of, digest);
    if (made !== undefined && !made.isLeft && nameOf(made) === name) return made;
  }
  return undefined;
}

function isOwn({ annotations }: Referrer): boolean {
  return annotations?.[names.invocationAnnotation] !== undefined;
}

async function statementIn(
  repository: Repository,
  referrer: string,
  subject: string,
): Promise<Made | undefined> {
  const manifest = await readManifest(repository, repository.repository, referrer);
  if (manifest === undefined) return undefined;
  const { artifactType, layers } = JSON.parse(manifest.bytes.toString()) as {
    readonly artifactType?: unknown;
    readonly layers?: readonly { readonly digest?: unknown }[];
  };
  const digest = layers?.[0]?.digest;
  if (typeof digest !== "string") return undefined;
  const text = (await readBlob(repository, repository.repository, digest, longestManifest))?.toString();
  if (text === undefined) return undefined;
  return readStatement(artifactType === bundleType ? readBundle(text).statement : text, subject);
}

/** When the Job of a Pod was created, as RFC 3339 in whole seconds. */
async function createdAt(client: KubeClient, pod: StepPod): Promise<string | undefined> {
  const created = (await jobOf(client, pod))?.metadata?.creationTimestamp as string | Date | undefined;
  return created === undefined ? undefined : `${new Date(created).toISOString().slice(0, 19)}Z`;
}

/**
 * Who has made an artifact, as a statement tells.
 *
 * @param made - the statement
 * @param pod - that has replaced the artifact
 * @param created - when its Job was created: what a Pod of that name made before, an earlier Job has made
 */
export function makerIn(
  { step = "", invocation = "", completionIndex, finishedOn }: Made,
  pod: StepPod,
  created: string | undefined,
): Maker {
  const [kind, name = ""] = step.split("/");
  const isBefore = created !== undefined && finishedOn !== undefined && finishedOn < created;
  return {
    pod: invocation,
    step: stepOf(kind === "job" ? "Job" : "Pod", name),
    index: completionIndex === undefined ? undefined : `${completionIndex}`,
    life: kind !== "job" || isBefore ? invocation : makerOf(pod).life,
  };
}
