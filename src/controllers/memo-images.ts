import { digestIn } from "../lineage/volumes.ts";
import type { Lookup } from "../registry/lookup.ts";
import { isPod, type Workload } from "../workload/workload.ts";
import type { KeysSettings } from "./memo-keys.ts";

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
