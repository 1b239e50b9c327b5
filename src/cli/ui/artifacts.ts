import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../../schema/names.ts";
import { visible } from "../../annotations/problems.ts";
import { cacheHost } from "../../cache/address.ts";
import { pushesOf } from "../../controllers/outcomes.ts";
import type { ArtifactFacts, StepFacts } from "../../lineage/graph.ts";
import type { Held, Transferred } from "../../page/protocol.ts";
import { readManifest } from "../artifacts/manifest.ts";
import { parseArtifact } from "../artifacts/reference.ts";
import { type Objects, stepsOf } from "../graph/steps.ts";
import { CliError } from "../output.ts";
import { findArtifact } from "../remote/find-artifact.ts";
import { findCache } from "../remote/find-cache.ts";
import { openCache } from "../remote/open.ts";
import type { Session } from "../remote/session.ts";
import { use } from "../remote/with-registry.ts";

const mostFiles = 50;

/** Where an artifact is: in a cache of the namespace, or in another registry. */
type Place =
  | { readonly cache: string; readonly path: string }
  | { readonly host: string; readonly path: string };

/**
 * What an artifact's address says.
 *
 * @param address - host, repository, and tag or digest
 * @param objects - of the namespace, whose caches count
 */
export function placeOf(
  address: string,
  { namespace, caches }: Pick<Objects, "namespace" | "caches">,
): Place {
  const slash = address.indexOf("/");
  const host = address.slice(0, slash);
  const [path = ""] = address.slice(slash + 1).split(" of ", 1);
  const known = caches.find(({ metadata, spec }) => {
    const hostOf = cacheHost({ name: metadata?.name ?? "", namespace }, spec, names.clusterDomain);
    return spec?.deploy !== false && hostOf === host;
  });
  // Without the right to see OrasCaches only its usual form is known.
  const [pod = "", service = "", ...domain] = host.split(".");
  const isUsual = pod === `${service}-0` && domain.join(".").startsWith(`${namespace}.svc.`);
  const cache = known?.metadata?.name ?? (isUsual ? service : undefined);
  return cache === undefined ? { host, path } : { cache, path };
}

/**
 * The command that gets an artifact.
 *
 * @param address - see placeOf
 * @param objects - of the namespace
 * @param session - whose options it has
 */
export function getCommand(
  address: string,
  objects: Pick<Objects, "namespace" | "caches">,
  { kubectlOptions }: Pick<Session, "kubectlOptions">,
): string {
  const place = placeOf(address, objects);
  if ("cache" in place)
    return `kubectl oras-cache get ${kubectlOptions} --cache ${place.cache} ${quoted(place.path)}`;
  return `oras pull ${quoted(`${place.host}/${place.path}`)}`;
}

/** For a shell: what is no plain word stands in quotes. */
export function quoted(word: string): string {
  return /^[\w./:@+-]+$/.test(word) ? visible(word) : `'${visible(word).replaceAll("'", String.raw`'\''`)}'`;
}

/**
 * The artifacts of a step, with what its Pods say of them.
 *
 * @param step - as the graph has it
 * @param pods - of the step
 * @param objects - of the namespace
 * @param session - of the person
 */
export function transfersOf(
  step: Pick<StepFacts, "inputs" | "outputs"> & Partial<Pick<StepFacts, "leaves" | "state">>,
  pods: readonly V1Pod[],
  objects: Objects,
  session: Session,
): {
  readonly inputs: Transferred[];
  readonly outputs: Transferred[];
  readonly left: Transferred[];
} {
  const pushes = new Map(
    pods.flatMap(pushesOf).map((push) => [push.artifact.slice(push.artifact.indexOf("/") + 1), push]),
  );
  const shown = ({ address, reference, pushed }: ArtifactFacts): Transferred => {
    const push = pushes.get(address.slice(address.indexOf("/") + 1));
    return {
      ...{ id: address, reference: visible(reference), digest: pushed?.digest },
      ...{ bytes: push?.bytes, seconds: push?.seconds },
      command: getCommand(address, objects, session),
    };
  };
  return {
    ...{ inputs: step.inputs.map(shown), outputs: step.outputs.map(shown) },
    left: leftFor(step).map(shown),
  };
}

/** What is there; of a step that has failed without a Pod that says so, what may be there. */
function leftFor({
  leaves = [],
  state,
}: Partial<Pick<StepFacts, "leaves" | "state">>): readonly ArtifactFacts[] {
  const pushed = leaves.filter((artifact) => artifact.pushed !== undefined);
  return pushed.length > 0 || state !== "failed" ? pushed : leaves;
}

/**
 * What the registry of a cache of the namespace says of an artifact. No other registry is asked: others may have written its
 * name, and it would learn that somebody looks.
 *
 * @param session - of the person
 * @param objects - of the namespace
 * @param address - of the artifact
 */
export async function heldOf(session: Session, objects: Objects, address: string): Promise<Held> {
  const place = placeOf(address, objects);
  const isKnown = stepsOf(objects).some(({ inputs, outputs, leaves = [] }) =>
    [...inputs, ...outputs, ...leaves].some((artifact) => artifact.address === address),
  );
  if (!isKnown) return { unread: "No step here names it." };
  const command = getCommand(address, objects, session);
  if (!("cache" in place))
    return {
      command,
      unread: `${visible(place.host)} is no registry of this namespace, so it was not asked.`,
    };
  try {
    const cache = await findCache(session, place.cache);
    if (cache.spec?.deploy === false)
      return { command, unread: "Its cache is a remote registry, which was not asked." };
    const named = parseArtifact(place.path);
    return await use(await openCache(session, cache), async (open) => {
      const { digest, bytes, parts } = readManifest(await findArtifact(open, named), place.path);
      return { command, digest, bytes, files: parts.slice(0, mostFiles).map(({ path }) => visible(path)) };
    });
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return { command, unread: error.message };
  }
}
