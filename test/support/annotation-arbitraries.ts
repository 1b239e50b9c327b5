import fc from "fast-check";
import { mapValues } from "../../scripts/render/schema.ts";
import type {
  AnnotationDefinition,
  AnnotationName,
  Format,
  FormatName,
} from "../../src/annotations/table.ts";

/** What of src/annotations/table.ts is drawn from. */
export interface Tables {
  readonly annotations: Readonly<Record<AnnotationName, AnnotationDefinition>>;
  readonly formats: Readonly<Record<FormatName, Format>>;
}

/** Values of each format that the schema lists: those that are refused, and those that hold variables. */
export type Samples = Readonly<
  Record<string, { readonly "x-refused"?: readonly string[]; readonly "x-variables"?: readonly string[] }>
>;

/** Values of each format. Made once: compiling an expression takes far longer than drawing from it. */
export function valuesOf(
  formats: Tables["formats"],
  samples: Samples,
): Record<FormatName, fc.Arbitrary<string>> {
  return mapValues(formats as Record<string, Format>, ({ pattern, maxLength }, name) => {
    // fast-check draws from no class that it has no characters of: what it draws from a wider one is looked at.
    const drawn = new RegExp(pattern.source.replaceAll(/\\p\{\w+\}/g, ""), "u");
    const matching = (constraints: { size?: "xsmall" }) =>
      drawn.source === pattern.source
        ? fc.stringMatching(pattern, constraints)
        : fc.stringMatching(drawn, constraints).filter((value) => pattern.test(value));
    // Long values cost most of the time, and few of them say as much as many.
    return fc
      .oneof(
        { arbitrary: matching({ size: "xsmall" }), weight: 9 },
        { arbitrary: matching({}), weight: 1 },
        ...(samples[name]?.["x-variables"] ?? []).map((value) => ({
          arbitrary: fc.constant(value),
          weight: 1,
        })),
      )
      .filter((value) => value.length <= maxLength);
  }) as Record<FormatName, fc.Arbitrary<string>>;
}

/** Sets of annotations, valid and invalid. */
export function annotationArbitraries(tables: Tables, samples: Samples) {
  const valid = validAnnotations(tables, valuesOf(tables.formats, samples));
  return { validAnnotations: valid, invalidAnnotations: invalidAnnotations(tables, samples, valid) };
}

/** Valid sets: something to pull or to push, and any others. */
function validAnnotations(
  { annotations }: Tables,
  values: Record<FormatName, fc.Arbitrary<string>>,
): fc.Arbitrary<Record<string, string>> {
  // One that belongs to the output and its object: test/property/output-index.test.ts.
  const allNames = (Object.keys(annotations) as AnnotationName[]).filter((name) => name !== "output-index");

  /** Keys and values for one annotation at these numbers. */
  const entriesOf = (name: AnnotationName, numbers: readonly number[]): fc.Arbitrary<[string, string][]> => {
    const { key, format } = annotations[name];
    // A step that asks for memoization is refused for what its Pod reads: test/unit/injection/memo.test.ts.
    if (name === "memoize") return fc.constant([[key, "off"]]);
    // So is one whose input is a volume, for its OrasCache: test/unit/injection/input-volume.test.ts.
    if (name === "input-as") return fc.constant([[key, "files"]]);
    return fc.tuple(
      ...numbers.map((n) => values[format].map((v): [string, string] => [n === 0 ? key : `${key}_${n}`, v])),
    );
  };

  const purpose = fc.constantFrom<AnnotationName[]>(
    ["output-uri"],
    ["input-uri"],
    ["input-uri", "output-uri"],
  );
  return fc
    .tuple(fc.subarray(allNames), purpose)
    .map(([some, wanted]) => {
      const chosen = new Set<AnnotationName>([...some, ...wanted]);
      for (const name of allNames) {
        const { needs, notWith } = annotations[name];
        if (needs && !chosen.has(needs)) chosen.delete(name);
        if (notWith.some((other) => chosen.has(other))) chosen.delete(name);
      }
      return [...chosen];
    })
    .chain((chosen) =>
      numbersOf(annotations, chosen).chain((numbers) =>
        fc.tuple(...chosen.map((name) => entriesOf(name, numbers.get(name) ?? [0]))),
      ),
    )
    .map((entries): Record<string, string> => Object.fromEntries(entries.flat()))
    .filter((map) => {
      const of = (name: AnnotationName) => map[annotations[name].key];
      const isOutput = of("failure-uri") !== undefined && of("failure-uri") === of("output-uri");
      return !isOutput && !(of("format") === "image" && of("compression") === "zstd");
    });
}

/** Numbers for each of the chosen annotations: those of a list that others belong to are theirs too. */
function numbersOf(
  annotations: Tables["annotations"],
  chosen: readonly AnnotationName[],
): fc.Arbitrary<Map<AnnotationName, readonly number[]>> {
  const several = fc.uniqueArray(fc.integer({ min: 0, max: 200 }), { minLength: 1, maxLength: 6 });
  return fc.tuple(...chosen.map(() => several)).map((drawn) => {
    const own = new Map(
      chosen.map((name, i): [AnnotationName, readonly number[]] => {
        const { list, oneWith } = annotations[name];
        const isList = list && !oneWith.some((other) => chosen.includes(other));
        return [name, (isList && drawn[i]) || [0]];
      }),
    );
    return new Map(
      chosen.map((name) => {
        const { of = name } = annotations[name];
        return [name, own.get(of) ?? [0]];
      }),
    );
  });
}

/** Sets that must be refused, with the keys that the answer must name. */
function invalidAnnotations(
  { annotations, formats }: Tables,
  samples: Samples,
  valid: fc.Arbitrary<Record<string, string>>,
): fc.Arbitrary<{ annotations: Record<string, string>; keys: string[] }> {
  const all = Object.values(annotations);
  const definition = fc.constantFrom(...all);
  const list = fc.constantFrom(...all.filter((a) => a.list));
  const wrongValue = definition.chain(({ key, format }) => {
    const tooLong = "a".repeat(formats[format].maxLength + 1);
    return fc
      .constantFrom("", tooLong, ...(samples[format]?.["x-refused"] ?? []))
      .map((value) => [key, value]);
  });
  const unknownName = fc.stringMatching(/^[a-z]{1,12}$/).filter((name) => !Object.hasOwn(annotations, name));
  const prefix = definition.map(({ key, name }) => key.slice(0, -name.length));
  const wrongEntry = fc.oneof(
    wrongValue,
    definition.map(({ key }) => [`${key}x`, "value"]),
    fc.tuple(prefix, unknownName).map(([start, name]) => [start + name, "value"]),
    fc.constantFrom(...all.filter((a) => !a.list)).map(({ key, example }) => [`${key}_1`, example]),
    fc
      .tuple(list, fc.constantFrom("0", "01", "x", "-1", "1_1", ""))
      .map(([{ key, example }, suffix]) => [`${key}_${suffix}`, example]),
  ) as fc.Arbitrary<[string, string]>;
  return fc
    .tuple(valid, fc.uniqueArray(wrongEntry, { selector: ([key]) => key, minLength: 1, maxLength: 4 }))
    .map(([map, wrong]) => ({
      annotations: { ...map, ...Object.fromEntries(wrong) },
      keys: wrong.map(([key]) => key),
    }));
}
