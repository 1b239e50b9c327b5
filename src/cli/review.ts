import { names } from "../../schema/names.ts";
import { optionDefaults } from "../../schema/options.ts";
import type { OrasCache } from "../cache/types.ts";
import type { Installation, Verdict } from "../injection/admission-types.ts";
import { decide } from "../injection/decide.ts";
import { prepare } from "../injection/prepare.ts";
import type { ManifestObject } from "./documents.ts";

/** What the offline commands take as options. */
export interface OfflineSettings {
  /** Of objects that do not say theirs. */
  readonly namespace: string;
  readonly toolsImage: string;
  readonly clusterDomain: string;
}

/** The defaults of the installation. */
export const offlineDefaults: OfflineSettings = {
  namespace: "default",
  toolsImage: optionDefaults.toolsImage,
  clusterDomain: optionDefaults.clusterDomain,
};

/**
 * Answers for a manifest what the webhook would answer for its creation. Caches are those in the same files.
 *
 * @param object - any object; other kinds than Pod and Job are untouched
 * @param all - every object of the files
 * @param settings - of the installation that would inject
 */
export function reviewOffline(
  object: ManifestObject,
  all: readonly ManifestObject[],
  settings: OfflineSettings,
): Verdict {
  const installation: Installation = {
    ...settings,
    // Unknown without a cluster: nothing is used that the oldest supported version would drop.
    kubernetesMinor: names.minimumKubernetesMinor,
    openshift: false,
  };
  const group = object.kind === "Job" ? "batch" : "";
  const malformed = shapeProblems(object);
  if (malformed.length > 0) {
    return { kind: "denied", message: malformed.join("\n"), code: 422, warnings: [] };
  }
  const prepared = prepare(
    {
      uid: "offline",
      kind: { group, version: "v1", kind: object.kind },
      operation: "CREATE",
      namespace: object.namespace,
      object: object.value,
    },
    installation,
  );
  if (prepared.settled) return prepared.settled;
  const { namespace, cache } = prepared.questions;
  return decide(prepared, { cache: cache === undefined ? undefined : findCache(all, namespace, cache) });
}

/** What the API server refuses before a webhook sees it, as far as a webhook relies on it. */
function shapeProblems({ kind, value }: ManifestObject): string[] {
  if (kind !== "Pod" && kind !== "Job") return [];
  const { metadata, spec } = value as {
    metadata?: { annotations?: Record<string, unknown> };
    spec?: { containers?: unknown; template?: { spec?: { containers?: unknown } } };
  };
  const texts = Object.entries(metadata?.annotations ?? {}).flatMap(([key, text]) =>
    typeof text === "string"
      ? []
      : [`metadata.annotations[${key}]: found ${JSON.stringify(text)}; it must be text: quote it.`],
  );
  const path = kind === "Pod" ? "spec.containers" : "spec.template.spec.containers";
  const containers = kind === "Pod" ? spec?.containers : spec?.template?.spec?.containers;
  return Array.isArray(containers) ? texts : [...texts, `${path}: found none; a ${kind} has at least one.`];
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
