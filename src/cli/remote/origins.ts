import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { keepsArtifacts } from "../../cache/storage.ts";
import type { OrasCache, StoredOrasCache } from "../../cache/types.ts";
import { pushesOf } from "../../controllers/outcomes.ts";
import { listed } from "../../kube/list.ts";
import { resources } from "../../kube/resources.ts";
import { timeOf } from "../../retention/times.ts";
import { hiddenIn, type Listed, listArtifacts } from "../artifacts/list.ts";
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
  const none = () => new Map<string, never>();
  const notes: string[] = [];
  const [artifacts, pushed, steps] = await Promise.all([
    listArtifacts(registry, { ...about, prefix, hidden: hiddenIn(of?.cache) }),
    of && keepsArtifacts(of.cache as StoredOrasCache)
      ? pushTimes(of.session, of.cache).catch((error: unknown) => {
          notes.push(silenceOf(of.session, of.cache, error));
          return none();
        })
      : none(),
    of ? stepsOf(of.session).catch(none) : none(),
  ]);
  const listed = artifacts.map((item) => {
    // A tag that has moved meanwhile is another artifact.
    const key = `${prefix}${item.repository}:${item.tag}@${item.manifest?.digest}`;
    return { ...item, ...pushed.get(key), ...steps.get(key) };
  });
  return { listed, notes };
}

function silenceOf({ namespace, kubectlOptions }: Session, cache: OrasCache, error: unknown): string {
  return (
    `The keeper of the cache ${nameOf(cache)} in the namespace ${namespace} does not say when artifacts were pushed: ` +
    `${reasonOf(error)}. AGE is when an artifact was made, where it says that. If this stays so, read the keeper's log: ` +
    `kubectl ${kubectlOptions} logs ${registryPodOf(cache)} -c ${names.keeperContainer}`
  );
}

/** By `repository:tag@digest`, with the whole repository. */
async function pushTimes(
  session: Session,
  cache: OrasCache,
): Promise<ReadonlyMap<string, Pick<Listed, "pushed">>> {
  const found = new Map<string, { pushed: Date }>();
  for (const { repository, digest, tags } of (await inventoryOf(session, cache)).manifests)
    for (const { name, pushed } of tags) {
      const time = timeOf(pushed);
      if (time !== undefined) found.set(`${repository}:${name}@${digest}`, { pushed: new Date(time) });
    }
  return found;
}

async function stepsOf({ client, namespace }: Session): Promise<ReadonlyMap<string, Pick<Listed, "step">>> {
  const signal = AbortSignal.timeout(longestMs);
  const found = new Map<string, { step: string; time: number }>();
  for await (const pod of listed<V1Pod>(client, resources.pods, { namespace, signal }))
    for (const { artifact, digest, finishedAt } of pushesOf(pod)) {
      const key = `${artifact.slice(artifact.indexOf("/") + 1)}@${digest}`;
      const time = finishedAt.getTime();
      if ((found.get(key)?.time ?? 0) < time) found.set(key, { step: stepOf(pod), time });
    }
  return new Map([...found].map(([key, { step }]) => [key, { step }]));
}

/** As `status` takes it. */
function stepOf({ metadata }: V1Pod): string {
  const job = metadata?.ownerReferences?.find(({ kind, controller }) => controller && kind === "Job");
  return job === undefined ? `pod/${metadata?.name}` : `job/${job.name}`;
}
