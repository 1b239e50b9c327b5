import { readManifest } from "../registry/manifests.ts";
import type { OwnRegistry } from "../registry/own.ts";
import type { IndexPart, NamedPart } from "../workflow/output-index.ts";
import { idOf } from "../workflow/step.ts";
import { completionIndexKey } from "../workload/pod.ts";
import { pushesOf } from "./outcomes.ts";
import type { StepPod } from "./step-pods.ts";

/** Some at once: a registry is asked by others, too. */
const atOnce = 8;

/** What Pods say that they have pushed, by their indexes: tags may have moved since. */
export function toldBy(pods: readonly StepPod[]): ReadonlyMap<string, string> {
  const succeeded = pods.filter(({ status }) => status?.phase === "Succeeded");
  return new Map(
    succeeded.flatMap((pod): [string, string][] => {
      const digest = pushesOf(pod).at(-1)?.digest;
      const number = pod.metadata?.labels?.[completionIndexKey];
      return digest === undefined || number === undefined ? [] : [[number, digest]];
    }),
  );
}

/** What the parts of an index are, or which of them is not in the registry. */
export async function readParts(
  registry: OwnRegistry,
  named: readonly NamedPart[],
  told: ReadonlyMap<string, string>,
): Promise<IndexPart[] | { readonly missing: string }> {
  const parts: IndexPart[] = [];
  for (let at = 0; at < named.length; at += atOnce) {
    const some = named.slice(at, at + atOnce);
    const read = await Promise.all(
      some.map(({ index, artifact: { repository, version } }) =>
        readManifest(registry, repository, told.get(`${index}`) ?? version.slice(1)),
      ),
    );
    for (const [i, { index, artifact }] of some.entries()) {
      const manifest = read[i];
      if (manifest === undefined) return { missing: idOf({ ...artifact, registry: "" }).trim() };
      parts.push({
        index,
        mediaType: manifest.mediaType,
        digest: manifest.digest,
        size: manifest.bytes.length,
      });
    }
  }
  return parts;
}
