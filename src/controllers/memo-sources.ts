import type { StoredOrasCache } from "../cache/types.ts";
import type { Reflector } from "../kube/reflector.ts";
import type { InputFile } from "../lineage/step.ts";
import { digestIn } from "../lineage/volumes.ts";
import { filesOf, partsOf } from "../memo/content.ts";
import type { Lookup } from "../registry/lookup.ts";
import { readManifest } from "../registry/manifests.ts";
import { createMemory } from "../registry/memory.ts";
import type { OwnRegistry } from "../registry/own.ts";
import { cacheOf } from "../workflow/step.ts";
import { isPod, type Workload } from "../workload/workload.ts";
import type { CacheAccess } from "./cache-access.ts";
import type { KeysSettings } from "./memo-keys.ts";

/** What reading the inputs of steps needs. */
interface InputSettings {
  readonly caches: Pick<Reflector<StoredOrasCache>, "store">;
  readonly signal: AbortSignal;
  /** How to ask the registry of a cache; undefined where it is not ready. */
  readonly accessTo: CacheAccess["to"];
}

/** What a digest names does not change. An artifact can have thousands of files, and a namespace thousands of artifacts. */
const mostBytesRemembered = 32 * 2 ** 20;
/** A namespace gets one of them. */
const parts = 4;
/** As the agent pulls. */
const [mostParts, mostPartBytes] = [10_000, 32 * 2 ** 20];

/** Of an artifact; undefined where it has none that are known. */
interface Remembered {
  readonly files: readonly InputFile[] | undefined;
}

/**
 * About how many bytes of memory the files of an artifact take.
 *
 * @param remembered - the files
 */
export function bytesOfFiles({ files = [] }: Remembered): number {
  return files.reduce(
    (sum, { title, digest, unpacked = "", marks = "" }) =>
      sum + 2 * title.length + digest.length + unpacked.length + marks.length + 160,
    160,
  );
}

/**
 * Reads what is in artifacts of caches.
 *
 * @param settings - see there
 */
export function createInputReader(settings: InputSettings): KeysSettings["filesOf"] {
  const { caches, signal, accessTo } = settings;
  const known = createMemory<Remembered>(mostBytesRemembered, parts, bytesOfFiles);
  return async (namespace, artifact, digest) => {
    const name = cacheOf(artifact);
    const cache = caches.store.get(`${namespace}/${name}`);
    if (name === undefined || cache === undefined) throw new Error(`there is no OrasCache ${name}`);
    const id = `${cache.metadata?.uid} ${artifact.repository} ${digest}`;
    const remembered = known.get(id);
    if (remembered !== undefined) return remembered.files;
    const access = await accessTo(cache);
    if (access === undefined) throw new Error(`the registry of OrasCache ${name} is not ready`);
    const manifest = await readManifest({ ...access, signal }, artifact.repository, digest);
    if (manifest === undefined) throw new Error(`${artifact.repository}@${digest} is not in the registry`);
    const files =
      filesOf(manifest.bytes) ??
      (await filesOfParts({ ...access, signal }, artifact.repository, manifest.bytes));
    known.set(id, { files }, namespace);
    return files;
  };
}

/** Of an index what its parts have, as a step gets it: undefined where it is none, or one of them is no manifest of files. */
async function filesOfParts(
  registry: OwnRegistry,
  repository: string,
  index: Buffer,
): Promise<InputFile[] | undefined> {
  const digests = partsOf(index);
  if (digests === undefined || digests.length > mostParts) return undefined;
  const known = new Map<string, readonly InputFile[]>();
  let left = mostPartBytes;
  for (const digest of new Set(digests)) {
    const part = await readManifest(registry, repository, digest);
    if (part === undefined) throw new Error(`${repository}@${digest} is not in the registry`);
    left -= part.bytes.length;
    const files = left < 0 ? undefined : filesOf(part.bytes);
    if (files === undefined) return undefined;
    known.set(digest, files);
  }
  return digests.flatMap((digest) => known.get(digest) ?? []);
}

/**
 * Asks registries what the names of images stand for.
 *
 * @param lookup - asks one; undefined where the installation does not want it
 * @param pullSecretsOf - names of the pull secrets that Pods get of a ServiceAccount
 */
export function createImageDigests(
  lookup: Lookup | undefined,
  pullSecretsOf: ((namespace: string, serviceAccount: string) => Promise<readonly string[]>) | undefined,
): KeysSettings["digestsOf"] {
  return async (image, workload) => {
    const own = digestIn(image);
    const found = lookup && (await lookup(image, architectureFor(workload), await secretsFor(workload)));
    if (found && "program" in found) {
      const { digests } = found.program;
      return own === undefined ? digests : [own, ...digests.filter((digest) => digest !== own)];
    }
    return own === undefined ? undefined : [own];
  };

  async function secretsFor(workload: Workload) {
    const namespace = workload.metadata?.namespace ?? "";
    const { imagePullSecrets, serviceAccountName } = workload.template.spec;
    const names = (imagePullSecrets ?? []).flatMap(({ name }) => name ?? []);
    const isGiven = isPod(workload) || names.length > 0 || pullSecretsOf === undefined;
    return {
      namespace,
      names: isGiven ? names : await pullSecretsOf(namespace, serviceAccountName ?? "default"),
    };
  }
}

/** The one that most nodes are; what the Pod says of it is in its key for itself. */
function architectureFor({ template }: Workload): string {
  return template.spec.nodeSelector?.["kubernetes.io/arch"] ?? "amd64";
}
