import { names } from "../../generated/names.ts";
import { optionDefaults } from "../../generated/options.ts";
import type { OrasCache } from "../../generated/types.ts";
import type { Surroundings, Verdict } from "../injection/admission-types.ts";
import { admit } from "../injection/admit.ts";
import type { ManifestObject } from "./documents.ts";

/** Installation settings that the offline commands take as options. */
export interface OfflineSettings {
  readonly toolsImage: string;
  readonly clusterDomain: string;
}

/** The defaults of the installation. */
export const offlineDefaults: OfflineSettings = {
  toolsImage: optionDefaults.toolsImage,
  clusterDomain: optionDefaults.clusterDomain,
};

/**
 * Answers for a manifest what the webhook would answer for its creation. Caches are those in the same file.
 *
 * @param object - any object; other kinds than Pod and Job are untouched
 * @param all - every object of the file
 * @param settings - of the installation that would inject
 */
export function reviewOffline(
  object: ManifestObject,
  all: readonly ManifestObject[],
  settings: OfflineSettings,
): Verdict {
  const around: Surroundings = {
    ...settings,
    cache: (namespace, name) => findCache(all, namespace, name),
    // Unknown without a cluster: nothing is used that the oldest supported version would drop.
    kubernetesMinor: names.minimumKubernetesMinor,
    openshift: false,
  };
  const group = object.kind === "Job" ? "batch" : "";
  return admit(
    {
      uid: "offline",
      kind: { group, version: "v1", kind: object.kind },
      operation: "CREATE",
      namespace: object.namespace,
      object: object.value,
    },
    around,
  );
}

function findCache(all: readonly ManifestObject[], namespace: string, name: string): OrasCache | undefined {
  const found = all.find(
    (other) =>
      other.kind === names.kind &&
      other.namespace === namespace &&
      (other.value["metadata"] as { name?: string } | undefined)?.name === name,
  );
  return found?.value as OrasCache | undefined;
}
