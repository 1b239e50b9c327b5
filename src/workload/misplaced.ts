import { names } from "../../schema/names.ts";
import type { Problem } from "../annotations/problems.ts";
import {
  annotationsOf,
  isForUs,
  isMistyped,
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
  const { apiVersion = "", kind } = object as { apiVersion?: string; kind?: string };
  const group = apiVersion.includes("/") ? apiVersion.slice(0, apiVersion.indexOf("/")) : "";
  const place = places.find((each) => each.kind === kind && each.group === group);
  if (place === undefined || isControlled(object)) return [];
  return [
    ...unread(object, place),
    ...[...new Set(["metadata", ...place.read])].flatMap((path) => inMetadata(object, place, path)),
  ];
}

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
    ...(["annotations", "labels"] as const).flatMap((field) =>
      keysOf(field === "labels" ? labels : annotations)
        .filter(isMistyped)
        .map((key) => problem("MistypedPrefix", path, key, sentences.mistyped, field)),
    ),
  ]);
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
