import { arbitraryOf, spoiled } from "./cache-arbitraries.ts";
import { component, header, inlined, literal, mapValues, type Rendered, type Schema } from "./schema.ts";

/** Renders fast-check arbitraries for annotation sets and OrasCaches, valid and invalid. */
export function renderArbitraries(schema: Schema): Rendered {
  const spec = inlined(schema, component(schema, "OrasCacheSpec"));
  const refused = mapValues(schema["x-formats"], (format) => format.refused);
  const withVariables = mapValues(schema["x-formats"], (format) => format.withVariables ?? []);
  const nameFormat = JSON.stringify(component(schema, "OrasCache")["x-name-format"]);
  return {
    path: "generated/arbitraries.ts",
    content: `${header}import fc from "fast-check";
import { type AnnotationName, annotations, type FormatName, formats, PREFIX } from "./annotations.ts";
import { names } from "../schema/names.ts";
import type { OrasCache } from "./types.ts";

/** Values that each format refuses. */
export const refusedValues: Readonly<Record<FormatName, readonly string[]>> = ${literal(refused)};

/** Values with variables that each format allows. */
export const variableValues: Readonly<Record<FormatName, readonly string[]>> = ${literal(withVariables)};

const allNames = Object.keys(annotations) as AnnotationName[];

/** Values that each format allows. Made once: compiling an expression takes far longer than drawing from it. */
export const validValues = Object.fromEntries(
  Object.entries(formats).map(([name, { pattern, maxLength }]) => [
    name,
    // Long values cost most of the time, and few of them say as much as many.
    fc
      .oneof(
        { arbitrary: fc.stringMatching(pattern, { size: "xsmall" }), weight: 9 },
        { arbitrary: fc.stringMatching(pattern), weight: 1 },
        ...variableValues[name as FormatName].map((value) => ({ arbitrary: fc.constant(value), weight: 1 })),
      )
      .filter((value) => value.length <= maxLength),
  ]),
) as Record<FormatName, fc.Arbitrary<string>>;

/** Keys and values for one annotation at these numbers. */
function entriesOf(annotation: AnnotationName, numbers: readonly number[]): fc.Arbitrary<[string, string][]> {
  const { key, format } = annotations[annotation];
  return fc.tuple(
    ...numbers.map((n) => validValues[format].map((v): [string, string] => [n === 0 ? key : \`\${key}_\${n}\`, v])),
  );
}

/** Numbers for each of the chosen annotations: those of a list that others belong to come first. */
function numbersOf(chosen: readonly AnnotationName[]): fc.Arbitrary<Map<AnnotationName, number[]>> {
  const several = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 6 });
  return fc.tuple(...chosen.map(() => several)).map((drawn) => {
    const numbers = new Map<AnnotationName, number[]>();
    for (const [i, name] of chosen.entries()) {
      const { list, oneWith } = annotations[name];
      const isList = list && !oneWith.some((other) => chosen.includes(other));
      numbers.set(name, isList ? (drawn[i] ?? []) : [0]);
    }
    for (const name of chosen) {
      const { of } = annotations[name];
      if (of !== undefined) numbers.set(name, numbers.get(of) ?? [0]);
    }
    return numbers;
  });
}

/** Valid sets of annotations: something to pull or to push, and any others. */
export const validAnnotations: fc.Arbitrary<Record<string, string>> = fc
  .tuple(
    fc.subarray(allNames),
    fc.constantFrom<AnnotationName[]>(["output-uri"], ["input-uri"], ["input-uri", "output-uri"]),
  )
  .map(([some, purpose]) => {
    const chosen = new Set<AnnotationName>([...some, ...purpose]);
    for (const name of allNames) {
      const { needs, notWith } = annotations[name];
      if (needs && !chosen.has(needs)) chosen.delete(name);
      if (notWith.some((other) => chosen.has(other))) chosen.delete(name);
    }
    return [...chosen];
  })
  .chain((chosen) =>
    numbersOf(chosen).chain((numbers) =>
      fc.tuple(...chosen.map((name) => entriesOf(name, numbers.get(name) ?? [0]))),
    ),
  )
  .map((entries) => Object.fromEntries(entries.flat()));

/** Annotations that are wrong, with the keys that a message must name. */
const wrongEntries: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.constantFrom(...allNames).chain((n) => {
    const { key, format } = annotations[n];
    return fc.constantFrom("", "a".repeat(formats[format].maxLength + 1), ...refusedValues[format]).map((value): [string, string] => [key, value]);
  }),
  fc.constantFrom(...allNames).map((n): [string, string] => [\`\${annotations[n].key}x\`, "value"]),
  fc.stringMatching(/^[a-z]{1,12}$/).filter((n) => !Object.hasOwn(annotations, n)).map((n): [string, string] => [PREFIX + n, "value"]),
  fc
    .constantFrom(...allNames.filter((n) => !annotations[n].list))
    .map((n): [string, string] => [\`\${annotations[n].key}_1\`, annotations[n].example]),
  fc
    .tuple(fc.constantFrom(...allNames.filter((n) => annotations[n].list)), fc.constantFrom("0", "01", "x", "-1", "1_1", ""))
    .map(([n, suffix]): [string, string] => [\`\${annotations[n].key}_\${suffix}\`, annotations[n].example]),
);

/** Sets of annotations that must be refused, with the keys that the answer must name. */
export const invalidAnnotations: fc.Arbitrary<{ annotations: Record<string, string>; keys: string[] }> = fc
  .tuple(validAnnotations, fc.uniqueArray(wrongEntries, { selector: ([key]) => key, minLength: 1, maxLength: 4 }))
  .map(([valid, wrong]) => ({
    annotations: { ...valid, ...Object.fromEntries(wrong) },
    keys: wrong.map(([key]) => key),
  }));

const text = (minLength: number, maxLength: number) => fc.string({ unit: "grapheme-ascii", minLength, maxLength });

/** Leaves out the fields that depend on values which others do not have. */
function onlyWith<T extends object>(rules: Readonly<Record<string, Record<string, unknown>>>): (object: T) => T {
  return (object) => {
    const given = object as Record<string, unknown>;
    const kept = Object.entries(given).filter(([field]) =>
      Object.entries(rules[field] ?? {}).every(([other, value]) => given[other] === value),
    );
    return Object.fromEntries(kept) as T;
  };
}

/** OrasCaches that the API server accepts. */
export const validOrasCache: fc.Arbitrary<OrasCache> = fc
  .record({
    apiVersion: fc.constant(names.apiVersion),
    kind: fc.constant(names.kind),
    metadata: fc.record({ name: validValues[${nameFormat}] }),
    spec: ${arbitraryOf(spec)},
  })
  .map((cache) => cache as OrasCache);

/** What makes an OrasCache invalid when it is laid over a valid one. */
const spoiled: readonly object[] = [
  ...[...refusedValues[${nameFormat}], "a".repeat(formats[${nameFormat}].maxLength + 1)].map((name) => ({ metadata: { name } })),
${spoiled(schema, spec)
  .map((value) => `  ${JSON.stringify({ spec: value })},`)
  .join("\n")}
];

/** OrasCaches that the API server refuses. */
export const invalidOrasCache: fc.Arbitrary<object> = fc
  .tuple(validOrasCache, fc.constantFrom(...spoiled))
  .map(([cache, over]) => laidOver(cache, over) as object);

function laidOver(below: unknown, above: unknown): unknown {
  if (!isObject(below) || !isObject(above)) return above;
  const both = Object.entries(above).map(([key, value]) => [key, laidOver(below[key], value)]);
  return { ...below, ...Object.fromEntries(both) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
`,
  };
}
