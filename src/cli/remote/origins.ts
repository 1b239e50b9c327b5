import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { keepsArtifacts } from "../../cache/storage.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import { subjectOfTag } from "../../common/fallback-tag.ts";
import { leftOf, pushesOf } from "../../controllers/outcomes.ts";
import { listed } from "../../kube/list.ts";
import { resources } from "../../kube/resources.ts";
import type { Inventory } from "../../retention/facts.ts";
import { timeOf } from "../../retention/times.ts";
import type { Tagged } from "../artifacts/inputs.ts";
import { hiddenIn, type Listed, listArtifacts, withFrom } from "../artifacts/list.ts";
import { isRepository, isTag } from "../artifacts/reference.ts";
import { reasonOf } from "../output.ts";
import { inventoryOf } from "./ask-keeper.ts";
import { nameOf } from "./find-cache.ts";
import { type OpenRegistry, registryPodOf } from "./open.ts";
import type { Session } from "./session.ts";

/** Nobody waits longer for what a list can do without. */
const longestMs = 20_000;

/**
 * The artifacts of a registry, with where they are from as far as it can be known: the keeper of a cache knows when they were pushed,
 * and the Pods that are still there what they pushed. What cannot be asked is not known; a keeper that does not answer is a note.
 *
 * @param open - the registry
 * @param about - see listArtifacts
 */
export async function listWithOrigins(
  { registry, prefix, of }: OpenRegistry,
  about: Omit<Parameters<typeof listArtifacts>[1], "prefix" | "hidden">,
): Promise<{ readonly listed: readonly Listed[]; readonly notes: readonly string[] }> {
  const notes: string[] = [];
  const hidden = hiddenIn(of?.cache);
  const [artifacts, inventory, pushes] = await Promise.all([
    listArtifacts(registry, { ...about, prefix, hidden }),
    of && keepsArtifacts(of.cache as StoredOrasCache)
      ? inventoryOf(of.session, of.cache).catch((error: unknown) => {
          notes.push(silenceOf(of.session, of.cache, error));
          return undefined;
        })
      : undefined,
    of ? pushesIn(of.session).catch(() => []) : [],
  ]);
  const pushed = pushTimes(inventory);
  const steps = stepsOf(pushes);
  const listed = artifacts.map((item) => {
    const digest = item.manifest?.digest;
    // A tag that has moved meanwhile is another artifact.
    const key = `${prefix}${item.repository}:${item.tag}@${digest}`;
    const step = steps.get(key) ?? stepOfParts(`${prefix}${item.repository}`, item, pushes);
    return { ...item, ...pushed.get(key), ...(step !== undefined && { step }) };
  });
  if (inventory) return { listed: withFrom(listed, namesIn(inventory, prefix, hidden)), notes };
  // Of one repository alone, what else there is tells what its inputs are called.
  const isPart = about.repository !== undefined && of !== undefined && of.cache.spec?.deploy !== false;
  const unnamed = unnamedIn(listed);
  const others =
    isPart && unnamed > 0
      ? await listArtifacts(registry, { ...about, repository: undefined, prefix, hidden })
      : [];
  return {
    listed: withFrom(
      listed,
      Map.groupBy(others, ({ manifest }) => manifest?.digest ?? ""),
    ),
    notes,
  };
}

function unnamedIn(listed: readonly Listed[]): number {
  const known = new Set(listed.map(({ manifest }) => manifest?.digest));
  return listed.flatMap(({ manifest }) => manifest?.inputs ?? []).filter((digest) => !known.has(digest))
    .length;
}

/** What digests are called, also in repositories that are not listed. */
function namesIn(
  { manifests }: Inventory,
  prefix: string,
  hidden: readonly string[],
): ReadonlyMap<string, readonly Tagged[]> {
  const named = manifests
    .filter(({ repository }) => repository.startsWith(prefix) && isRepository(repository))
    .map((each) => ({ ...each, repository: each.repository.slice(prefix.length) }))
    .filter(({ repository }) => !hidden.includes(repository))
    .flatMap(({ repository, digest, tags }) =>
      tags
        .filter(({ name }) => isTag(name) && subjectOfTag(name) === undefined)
        .map(({ name: tag, pushed }) => {
          const time = timeOf(pushed);
          return { digest, repository, tag, pushed: time === undefined ? undefined : new Date(time) };
        }),
    );
  return Map.groupBy(named, ({ digest }) => digest);
}

function silenceOf({ namespace, kubectlOptions }: Session, cache: OrasCache, error: unknown): string {
  return (
    `The keeper of the cache ${nameOf(cache)} in the namespace ${namespace} does not say when artifacts were pushed: ` +
    `${reasonOf(error)}. AGE is when an artifact was made, where it says that. If this stays so, read the keeper's log: ` +
    `kubectl ${kubectlOptions} logs ${registryPodOf(cache)} -c ${names.keeperContainer}`
  );
}

/** By `repository:tag@digest`, with the whole repository. */
function pushTimes(inventory: Inventory | undefined): ReadonlyMap<string, Pick<Listed, "pushed">> {
  const found = new Map<string, { pushed: Date }>();
  for (const { repository, digest, tags } of inventory?.manifests ?? [])
    for (const { name, pushed } of tags) {
      const time = timeOf(pushed);
      if (time !== undefined) found.set(`${repository}:${name}@${digest}`, { pushed: new Date(time) });
    }
  return found;
}

interface StepPush {
  /** `repository:tag`, with the whole repository. */
  readonly name: string;
  readonly digest: string;
  readonly step: string;
  readonly time: number;
}

async function pushesIn({ client, namespace }: Session): Promise<StepPush[]> {
  const signal = AbortSignal.timeout(longestMs);
  const found: StepPush[] = [];
  for await (const pod of listed<V1Pod>(client, resources.pods, { namespace, signal }))
    for (const { artifact, digest, finishedAt } of [...pushesOf(pod), ...leftOf(pod)]) {
      const name = artifact.slice(artifact.indexOf("/") + 1);
      found.push({ name, digest, step: stepOf(pod), time: finishedAt.getTime() });
    }
  return found;
}

/** By `repository:tag@digest`, who pushed it last. */
function stepsOf(pushes: readonly StepPush[]): ReadonlyMap<string, string> {
  const inOrder = pushes.toSorted((a, b) => a.time - b.time);
  return new Map(inOrder.map(({ name, digest, step }) => [`${name}@${digest}`, step]));
}

/** An index is made by the operator, of what the Pods of one Job have pushed. */
function stepOfParts(
  repository: string,
  { manifest }: Listed,
  pushes: readonly StepPush[],
): string | undefined {
  const parts = new Set(manifest?.listed ?? []);
  if (parts.size === 0) return undefined;
  const isPart = ({ name, digest }: StepPush) => parts.has(digest) && name.startsWith(`${repository}:`);
  const [step, ...others] = new Set(pushes.filter(isPart).map((push) => push.step));
  return others.length === 0 ? step : undefined;
}

/** As `status` takes it. */
function stepOf({ metadata }: V1Pod): string {
  const job = metadata?.ownerReferences?.find(({ kind, controller }) => controller && kind === "Job");
  return job === undefined ? `pod/${metadata?.name}` : `job/${job.name}`;
}
