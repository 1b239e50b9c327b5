import { hash as hashOf } from "node:crypto";
import { names } from "../../schema/names.ts";
import type { AnnotationMap } from "../annotations/keys.ts";

/** What the marker annotation on an injected object says. */
export interface Marker {
  /** Digest of everything that was injected. */
  readonly hash: string;
  /** Names of the wrapped containers: a webhook that runs later may prepend a container. */
  readonly containers: readonly string[];
}

/**
 * The marker for an injection.
 *
 * @param injected - everything that was added or set, as plain JSON
 * @param containers - names of the wrapped containers
 * @returns the annotation's value
 */
export function formatMarker(injected: unknown, containers: readonly string[]): string {
  const hash = hashOf("sha256", JSON.stringify(injected), "hex").slice(0, 32);
  return JSON.stringify({ hash, containers } satisfies Marker);
}

/** Whether annotations hold a marker. */
export function isMarked(annotations: AnnotationMap | undefined): boolean {
  return annotations?.[names.markerAnnotation] !== undefined;
}

/**
 * Reads a marker back.
 *
 * @param value - the annotation's value, which anybody may have edited
 * @returns undefined when it is not one of ours
 */
export function parseMarker(value: string | undefined): Marker | undefined {
  if (value === undefined) return undefined;
  try {
    const marker: unknown = JSON.parse(value);
    if (typeof marker !== "object" || marker === null) return undefined;
    const { hash, containers } = marker as Partial<Marker>;
    if (typeof hash !== "string" || !Array.isArray(containers)) return undefined;
    return containers.every((name) => typeof name === "string") ? { hash, containers } : undefined;
  } catch {
    return undefined; // not JSON: not ours
  }
}
