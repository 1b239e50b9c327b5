import { component, header, literal, type Rendered, type Source } from "./schema.ts";

/** Values that each format refuses; the empty string is refused by all of them. */
const wrongValues: Record<string, string[]> = {
  artifact: [
    "Upper/case:tag",
    "no-tag",
    "https://host/repo:tag",
    "a//b:t",
    "a:b:c",
    "a@sha256:123",
    " a:b",
    "a:b\n",
  ],
  path: ["$(HOME)/x", "a\nb", "\u0007"],
  "cache-name": ["My-Cache", "a.b", "1a", "-a", "a".repeat(53)],
  "object-name": ["A", "a_b", "-a", "a/b"],
  "container-name": ["A", "a_b", "-a", "a".repeat(64)],
  image: ["-x", "a b", "a$b"],
  registry: ["ftp://host", "host/path", "user@host", "a b"],
  "script-url": [
    "http://example.com/x",
    "https://example.com/x#sha256=12",
    "file:///x",
    "https://example.com/a b",
  ],
  boolean: ["yes", "True", "1"],
};

/** Renders fast-check arbitraries for annotation sets and OrasCaches, valid and invalid. */
export function renderArbitraries(source: Source): Rendered {
  const { schema } = source;
  const spec = component(schema, "OrasCacheSpec").properties ?? {};
  const fields = Object.entries(spec).map(([name, node]) => {
    if (node.$ref)
      return `  ${name}: fc.record({ orasEnv: name, registryHttp: name }, { requiredKeys: [] }),`;
    if (node.type === "boolean") return `  ${name}: fc.boolean(),`;
    if (node.type === "integer") return `  ${name}: fc.integer({ min: 1, max: 3 }),`;
    return `  ${name}: ${node.pattern ? `fc.stringMatching(new RegExp(${JSON.stringify(node.pattern)}, "u")).filter((v) => v.length <= ${node.maxLength ?? 512})` : "name"},`;
  });
  return {
    path: "generated/arbitraries.ts",
    content: `${header(source)}import fc from "fast-check";
import { type AnnotationName, annotations, type FormatName, formats, PREFIX } from "./annotations.ts";
import { names } from "./names.ts";
import type { OrasCache } from "./types.ts";

const wrongValues: Record<FormatName, readonly string[]> = ${literal(wrongValues)};

const allNames = Object.keys(annotations) as AnnotationName[];
const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,20}[a-z0-9])?$/);

/** Values that each format allows. Made once: compiling an expression takes far longer than drawing from it. */
export const validValues = Object.fromEntries(
  Object.entries(formats).map(([name, { pattern, maxLength }]) => [
    name,
    fc.stringMatching(pattern).filter((value) => value.length <= maxLength),
  ]),
) as Record<FormatName, fc.Arbitrary<string>>;

/** Keys and values for one annotation; a list gets several numbers. */
function entriesOf(annotation: AnnotationName): fc.Arbitrary<[string, string][]> {
  const { key, list, format } = annotations[annotation];
  const value = validValues[format];
  if (!list) return value.map((v) => [[key, v]]);
  return fc
    .uniqueArray(fc.tuple(fc.integer({ min: 0, max: 200 }), value), { selector: ([n]) => n, minLength: 1, maxLength: 6 })
    .map((items) => items.map(([n, v]): [string, string] => [n === 0 ? key : \`\${key}_\${n}\`, v]));
}

/** Valid sets of annotations: something to pull or to push, and any others. */
export const validAnnotations: fc.Arbitrary<Record<string, string>> = fc
  .tuple(
    fc.subarray(allNames),
    fc.constantFrom<AnnotationName[]>(["output-uri"], ["input-uri"], ["input-uri", "output-uri"]),
  )
  .map(([some, purpose]) => {
    const chosen = new Set<AnnotationName>([...some, ...purpose]);
    if (!chosen.has("output-uri")) for (const n of ["output-path", "output-pipe"] as const) chosen.delete(n);
    return [...chosen];
  })
  .chain((chosen) => fc.tuple(...chosen.map(entriesOf)))
  .map((entries) => Object.fromEntries(entries.flat()));

/** Annotations that are wrong, with the keys that a message must name. */
const wrongEntries: fc.Arbitrary<[string, string]> = fc.oneof(
  fc.constantFrom(...allNames).chain((n) => {
    const { key, format } = annotations[n];
    return fc.constantFrom("", ...wrongValues[format]).map((value): [string, string] => [key, value]);
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

const spec = fc.record({
${fields.join("\n")}
}, { requiredKeys: [] });

/** OrasCaches that the API server accepts. */
export const validOrasCache: fc.Arbitrary<OrasCache> = fc
  .tuple(name, spec)
  .map(([n, { registry, ...rest }]) => ({
    apiVersion: names.apiVersion,
    kind: names.kind,
    metadata: { name: n },
    spec: rest.deploy === false && registry !== undefined ? { ...rest, registry } : rest,
  }) as OrasCache);

/** OrasCaches that the API server refuses. */
export const invalidOrasCache: fc.Arbitrary<object> = fc
  .tuple(
    validOrasCache,
    fc.constantFrom<(cache: OrasCache) => object>(
      (c) => ({ ...c, metadata: { name: "has.a.dot" } }),
      (c) => ({ ...c, metadata: { name: "a".repeat(53) } }),
      (c) => ({ ...c, metadata: { name: "1st" } }),
      (c) => ({ ...c, spec: { ...c.spec, deploy: true, registry: "ghcr.io" } }),
      (c) => ({ ...c, spec: { ...c.spec, deploy: "no" } }),
      (c) => ({ ...c, spec: { ...c.spec, image: "" } }),
      (c) => ({ ...c, spec: { ...c.spec, image: 1 } }),
    ),
  )
  .map(([cache, spoil]) => spoil(cache));
`,
  };
}
