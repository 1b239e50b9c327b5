import { distance } from "fastest-levenshtein";
import { names } from "../../schema/names.ts";
import { resolveKey } from "../annotations/keys.ts";
import type { Problem } from "../annotations/problems.ts";
import { annotations } from "../annotations/table.ts";
import {
  annotationsOf,
  isForUs,
  lookAlike,
  mistypedStart,
  type Place,
  places,
  sentences,
  writtenLabels,
} from "./places.ts";

interface Metadata {
  readonly annotations?: Record<string, unknown> | null;
  readonly labels?: Record<string, unknown> | null;
  readonly ownerReferences?: readonly { controller?: boolean }[] | null;
}

/**
 * Finds what an author wrote for the operator where nobody reads it: annotations of what only makes Pods, labels,
 * keys under another prefix. It has no effect, so each is worth a warning, not an error.
 *
 * @param object - of any kind, as it was submitted
 * @returns nothing for kinds that make no Pods
 */
export function findMisplaced(object: object): Problem[] {
  const place = placeOf(object);
  if (place === undefined) return [];
  return [...unread(object, place), ...allMetadata(place).flatMap((path) => inMetadata(object, place, path))];
}

/**
 * Finds more keys that were probably meant for the operator than the policies of a cluster look for: those under a
 * prefix that is nearly right, and names without a prefix.
 *
 * @param object - of any kind, as it was submitted
 * @returns nothing that {@link findMisplaced} says already
 */
export function findNearMisses(object: object): Problem[] {
  const place = placeOf(object);
  if (place === undefined) return [];
  return allMetadata(place).flatMap((at) =>
    metadataAt(object, at).flatMap(([path, metadata]) =>
      fieldsOfKeys.flatMap((field) =>
        keysOf(metadata[field])
          .filter((key) => !isMistyped(key) && isNearMiss(key))
          .map((key) => problem("MistypedPrefix", path, key, sentences.mistyped, field)),
      ),
    ),
  );
}

/** The place of an object that an author wrote. */
function placeOf(object: object): Place | undefined {
  const { apiVersion = "", kind } = object as { apiVersion?: string; kind?: string };
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const place = places.find((each) => each.kind === kind && each.group === group);
  return isControlled(object) ? undefined : place;
}

function allMetadata(place: Place): string[] {
  return [...new Set(["metadata", ...place.read])];
}

const fieldsOfKeys = ["annotations", "labels"] as const;

/** What a controller wrote follows from another object, which is where its author can change it. */
function isControlled(object: object): boolean {
  const { metadata } = object as { metadata?: Metadata | null };
  return metadata?.ownerReferences?.some(({ controller }) => controller) ?? false;
}

function unread(object: object, place: Place): Problem[] {
  if (place.read.includes("metadata")) return [];
  return metadataAt(object, "metadata").flatMap(([path, { annotations }]) =>
    keysOf(annotations)
      .filter(isForUs)
      .map((key) => problem("AnnotationNotRead", path, key, said(sentences.unread, place))),
  );
}

function inMetadata(object: object, place: Place, at: string): Problem[] {
  return metadataAt(object, at).flatMap(([path, { annotations, labels }]) => [
    ...keysOf(labels)
      .filter((key) => key.startsWith(names.prefix) && !writtenLabels.includes(key))
      .map((key) => problem("LabelNotRead", path, key, said(sentences.label, place), "labels")),
    ...fieldsOfKeys.flatMap((field) =>
      keysOf(field === "labels" ? labels : annotations)
        .filter(isMistyped)
        .map((key) => problem("MistypedPrefix", path, key, sentences.mistyped, field)),
    ),
  ]);
}

const known = Object.keys(annotations);
const alike = new RegExp(lookAlike(known));
const domain = names.prefix.slice(0, -1);
/** More letters than this in another place make another name. */
const mostDifferences = 2;
/** The distance to a longer text would cost more than it is worth. */
const longestPrefix = domain.length + mostDifferences;

/** Whether a key was meant for the operator, but has another prefix. Upper case is allowed in keys, and another key. */
function isMistyped(key: string): boolean {
  const lower = key.toLowerCase();
  return !key.startsWith(names.prefix) && (lower.startsWith(mistypedStart) || alike.test(lower));
}

/** Whether a key that has not our prefix, nor looks like it, may still be meant for the operator. */
function isNearMiss(key: string): boolean {
  if (key.startsWith(names.prefix)) return false;
  const lower = key.toLowerCase();
  const slash = lower.indexOf("/");
  if (slash < 0) return alike.test(names.prefix + lower);
  const [prefix, name] = [lower.slice(0, slash), lower.slice(slash + 1)];
  const slot = resolveKey(names.prefix + name);
  if (prefix.length <= longestPrefix && distance(prefix, domain) <= mostDifferences)
    return !("code" in slot) || slot.code !== "UnknownAnnotation" || slot.meant !== undefined;
  return !("code" in slot) && isOfThisProject(prefix);
}

/** A prefix that is no other project's: the API group, and the domain with parts missing or more in it. */
function isOfThisProject(prefix: string): boolean {
  if (prefix === names.group) return true;
  const [, project = ""] = /^oras(?:-operator)?\.(.*)$/.exec(prefix) ?? [];
  return [prefix, project].some((text) => text.startsWith("converged"));
}

function said(sentence: string, place: Place): string {
  return sentence.replaceAll("{kind}", place.kind).replaceAll("{at}", annotationsOf(place));
}

function problem(
  code: Problem["code"],
  metadata: string,
  key: string,
  sentence: string,
  field = "annotations",
): Problem {
  return { code, path: `${metadata}.${field}[${JSON.stringify(key)}]`, message: sentence };
}

function keysOf(map: Record<string, unknown> | null | undefined): string[] {
  return Object.keys(map ?? {});
}

/** The metadata at a path, each with its own path: a list on the way gives several. */
function metadataAt(object: object, path: string): [string, Metadata][] {
  let found: [string, unknown][] = [["", object]];
  for (const step of path.split(".")) {
    const field = step.replace("[]", "");
    found = found.flatMap(([at, value]): [string, unknown][] => {
      const next = (value as Record<string, unknown> | null | undefined)?.[field];
      const here = at === "" ? field : `${at}.${field}`;
      if (!step.endsWith("[]")) return [[here, next]];
      return Array.isArray(next) ? next.map((item, i) => [`${here}[${i}]`, item]) : [];
    });
  }
  return found.filter((each): each is [string, Metadata] => typeof each[1] === "object" && each[1] !== null);
}
