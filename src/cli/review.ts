import { names } from "../../schema/names.ts";
import type { OrasCache } from "../cache/types.ts";
import type { Installation, Verdict } from "../injection/admission-types.ts";
import { decide } from "../injection/decide.ts";
import { prepare } from "../injection/prepare.ts";
import type { ManifestObject } from "./manifests/objects.ts";
import type { OfflineSettings } from "./settings.ts";

/** What the webhook would be asked to create. */
export interface Created {
  readonly kind: string;
  readonly namespace: string;
  readonly value: object;
}

/**
 * Answers for a Pod or Job what the webhook would answer for its creation, from what manifests say.
 *
 * @param created - any object; other kinds than Pod and Job are untouched
 * @param cache - the OrasCache of that name in the object's namespace, if the manifests have it
 * @param settings - of the installation that would inject
 */
export function reviewOffline(
  created: Created,
  cache: (name: string) => OrasCache | undefined,
  settings: OfflineSettings,
): Verdict {
  const installation: Installation = {
    ...settings,
    // Unknown without a cluster: nothing is used that the oldest supported version would drop.
    kubernetesMinor: names.minimumKubernetesMinor,
    openshift: false,
  };
  const prepared = prepare(
    {
      uid: "offline",
      kind: { group: created.kind === "Job" ? "batch" : "", version: "v1", kind: created.kind },
      operation: "CREATE",
      namespace: created.namespace,
      object: withoutNulls(created.value),
    },
    installation,
  );
  if (prepared.settled) return prepared.settled;
  const asked = prepared.questions.cache;
  return decide(prepared, { cache: asked === undefined ? undefined : cache(asked) });
}

/** What is null in a manifest is absent for the API server. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([, below]) => below !== null);
  return Object.fromEntries(kept.map(([key, below]) => [key, withoutNulls(below)]));
}

/** The OrasCache of that name among objects, in a namespace. */
export function findCache(
  objects: readonly ManifestObject[],
  namespace: string,
  name: string,
): OrasCache | undefined {
  const found = objects.find(
    (each) => each.kind === names.kind && each.namespace === namespace && each.name === name,
  );
  return found?.value as OrasCache | undefined;
}
