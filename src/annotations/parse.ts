import { closest, distance } from "fastest-levenshtein";
import { type AnnotationName, annotations, formats, PREFIX } from "../../generated/annotations.ts";
import { names } from "../../generated/names.ts";
import type { Problem, Result } from "./problems.ts";
import { parseReference, parseRegistry } from "./reference.ts";
import type { Settings } from "./settings.ts";

/** Annotations as Kubernetes stores them. */
export type AnnotationMap = Readonly<Record<string, string>>;

/**
 * Says whether an object asks for the operator: an annotation under its prefix, other than its own marker.
 *
 * @param map - the object's annotations, if it has any
 */
export function isAnnotated(map: AnnotationMap | undefined): boolean {
  return map !== undefined && Object.keys(map).some(isOurs);
}

/** Says whether a key stands under the operator's prefix and is not what the operator itself wrote. */
export function isOurs(key: string): boolean {
  return key.startsWith(PREFIX) && key !== names.markerAnnotation;
}

/** What could be read of a set of annotations: settings from the valid values, and every problem. */
export interface Reading {
  readonly settings: Settings;
  /** In the order of their keys. */
  readonly problems: readonly Problem[];
}

/**
 * Parses a step's annotations. Total: whatever the map holds, the answer is settings or every problem at once,
 * and does not depend on the order of the map's keys. Keys outside the prefix are ignored.
 *
 * @param map - annotations of a Pod or Job
 */
export function parseAnnotations(map: AnnotationMap): Result<Settings> {
  const { settings, problems } = readAnnotations(map);
  return problems.length > 0 ? { ok: false, problems } : { ok: true, value: settings };
}

/**
 * Like {@link parseAnnotations}, but also returns what the valid annotations say when others are not, so that
 * the problems of the object around them can be told in the same answer.
 *
 * @param map - annotations of a Pod or Job
 */
export function readAnnotations(map: AnnotationMap): Reading {
  const problems: Problem[] = [];
  const given = new Set<AnnotationName>();
  const values = new Map<AnnotationName, { number: number; value: string }[]>();

  for (const key of Object.keys(map).filter(isOurs).sort()) {
    const value = map[key] ?? "";
    const slot = resolveKey(key);
    if ("problem" in slot) {
      problems.push(slot.problem);
      continue;
    }
    given.add(slot.name);
    const wrong = checkValue(slot.name, key, value);
    if (wrong) problems.push(wrong);
    else values.set(slot.name, [...(values.get(slot.name) ?? []), { number: slot.number, value }]);
  }
  // A misspelled name may well be the missing input or output: one problem is enough then.
  if (!problems.some((problem) => problem.code === "UnknownAnnotation")) {
    problems.push(...checkPurpose(map, (name) => given.has(name)));
  }
  return { settings: toSettings(values), problems };
}

function toSettings(values: ReadonlyMap<AnnotationName, { number: number; value: string }[]>): Settings {
  const list = (name: AnnotationName) =>
    (values.get(name) ?? []).sort((a, b) => a.number - b.number).map((entry) => entry.value);
  const one = (name: AnnotationName): string | undefined => list(name)[0] ?? annotations[name].default;
  const output = one("output-uri");
  const registry = one("registry");
  return {
    inputs: list("input-uri").map(parseReference),
    output: output === undefined ? undefined : parseReference(output),
    inputPath: one("input-path"),
    outputPath: one("output-path"),
    outputPipe: one("output-pipe"),
    cache: one("oras-cache") ?? "",
    orasContainer: one("oras-container"),
    registry: registry === undefined ? undefined : parseRegistry(registry),
    orasEnv: one("oras-env"),
    container: one("container"),
    entrypoint: one("entrypoint"),
    orasEntrypoint: one("oras-entrypoint"),
    debug: one("debug") === "true",
    unpack: one("unpack") === "true",
  };
}

type Slot = { name: AnnotationName; number: number } | { problem: Problem };

/** Finds the annotation that a key names. A list's first element has no number, so it counts as 0. */
function resolveKey(key: string): Slot {
  const written = key.slice(PREFIX.length);
  if (isName(written)) return { name: written, number: 0 };

  const [, stem, suffix] = /^(.*?)_(.*)$/s.exec(written) ?? [];
  if (stem !== undefined && suffix !== undefined && isName(stem)) {
    if (!annotations[stem].list) {
      return { problem: { code: "NotAList", path: key, message: `${PREFIX}${stem} takes one value.` } };
    }
    // Annotation keys are at most 253 characters, so a number may be too large for exact arithmetic: six
    // digits are more than fit into the 256 KiB that all annotations of an object may have.
    if (/^[1-9][0-9]{0,5}$/.test(suffix)) return { name: stem, number: Number(suffix) };
    return {
      problem: {
        code: "BadListNumber",
        path: key,
        message: `found "_${suffix}"; allowed is the plain name, then _1, _2, and so on.`,
      },
    };
  }
  return { problem: { code: "UnknownAnnotation", path: key, message: suggest(stem ?? written) } };
}

function isName(written: string): written is AnnotationName {
  return Object.hasOwn(annotations, written);
}

/** "did you mean", when something is near enough; else where the known names are listed. */
function suggest(written: string): string {
  const nearest = closest(written, Object.keys(annotations));
  const near = distance(written, nearest) <= Math.max(2, Math.floor(nearest.length / 3));
  return near
    ? `no such annotation; did you mean ${PREFIX}${nearest}?`
    : `no such annotation; known are ${Object.keys(annotations).join(", ")}.`;
}

function checkValue(name: AnnotationName, key: string, value: string): Problem | undefined {
  const format = formats[annotations[name].format];
  const fits = value.length <= format.maxLength && format.pattern.test(value);
  if (fits) return undefined;
  const found = value.length > 100 ? `${value.slice(0, 100)}…` : value;
  return {
    code: "InvalidValue",
    path: key,
    message: `found ${JSON.stringify(found)}; allowed is ${format.allowed}.`,
  };
}

/** A set of annotations must name something to pull or to push, and where to push what it describes. */
function checkPurpose(map: AnnotationMap, has: (name: AnnotationName) => boolean): Problem[] {
  if (!isAnnotated(map)) return [];
  const input = annotations["input-uri"].key;
  const output = annotations["output-uri"].key;
  if (has("output-uri")) return [];
  const described = (["output-path", "output-pipe"] as const).filter(has);
  if (described.length > 0) {
    return described.map((name) => ({
      code: "NothingToPush",
      path: annotations[name].key,
      message: `it says what to push, but ${output} does not say as which artifact.`,
    }));
  }
  if (has("input-uri") || has("entrypoint") || has("oras-entrypoint")) return [];
  return [{ code: "NothingToDo", path: output, message: `neither ${input} nor ${output} is set.` }];
}
