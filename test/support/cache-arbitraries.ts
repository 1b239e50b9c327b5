import fc from "fast-check";
import { dependencies, nameFormat } from "../../scripts/render/rules.ts";
import { component, inlined, mapValues, type Schema, type SchemaNode } from "../../scripts/render/schema.ts";
import { OrasCache } from "../../src/cache/model.ts";

/** OrasCaches by the schema: those that the API server accepts, and those that it refuses. */
export function cacheArbitraries(schema: Schema) {
  const spec = inlined(schema, component(schema, "OrasCacheSpec"));
  const name = { "x-format": component(schema, "OrasCache")["x-name-format"] as string };
  const validOrasCache = fc
    .record({ name: arbitraryOf(inlined(schema, { type: "string", ...name })), spec: arbitraryOf(spec) })
    .map((drawn) => new OrasCache({ metadata: { name: drawn.name as string }, spec: drawn.spec as object }));
  const format = nameFormat(schema);
  const spoilt = [
    ...[...(format?.refused ?? []), "a".repeat((format?.maxLength ?? 0) + 1)].map((wrong) => ({
      metadata: { name: wrong },
    })),
    ...spoilings(schema, spec).map((value) => ({ spec: value })),
  ];
  const invalidOrasCache = fc
    .tuple(validOrasCache, fc.constantFrom<object>(...spoilt))
    .map(([cache, over]) => laidOver(cache.toJSON(), over) as object);
  return { validOrasCache, invalidOrasCache };
}

/** Valid values of a schema without references. */
function arbitraryOf(node: SchemaNode): fc.Arbitrary<unknown> {
  if (Array.isArray(node.type)) return fc.oneof(...node.type.map((type) => arbitraryOf({ ...node, type })));
  if (node.enum) return fc.constantFrom(...node.enum);
  switch (node.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.integer({ min: node.minimum ?? 0, max: node.maximum ?? 2 ** 31 - 1 });
    case "array":
      return listOf(node);
    case "object":
      return objectOf(node);
    default:
      return textOf(node);
  }
}

function textOf({ pattern, minLength = 0, maxLength = 64 }: SchemaNode): fc.Arbitrary<string> {
  const most = Math.min(maxLength, 64);
  if (pattern === undefined) return fc.string({ unit: "grapheme-ascii", minLength, maxLength: most });
  return fc.stringMatching(new RegExp(pattern, "u"), { size: "xsmall" }).filter((v) => v.length <= maxLength);
}

function listOf(node: SchemaNode): fc.Arbitrary<unknown[]> {
  const limits = { minLength: node.minItems ?? 0, maxLength: Math.min(node.maxItems ?? 3, 3) };
  const keys = node["x-kubernetes-list-map-keys"] as string[] | undefined;
  const items = arbitraryOf(node.items ?? {});
  if (!keys && node["x-kubernetes-list-type"] !== "set") return fc.array(items, limits);
  const selector = (item: unknown) =>
    keys ? JSON.stringify(keys.map((key) => (item as Record<string, unknown>)[key])) : item;
  return fc.uniqueArray(items, { ...limits, selector });
}

function objectOf(node: SchemaNode): fc.Arbitrary<object> {
  if (typeof node.additionalProperties === "object") {
    const key = fc.stringMatching(/^[a-z]([-a-z0-9]{0,8}[a-z0-9])?$/);
    return fc.dictionary(key, arbitraryOf(node.additionalProperties), { maxKeys: 3 });
  }
  const rules = Object.fromEntries(dependencies(node).map(({ field, values }) => [field, values]));
  const properties = mapValues(node.properties ?? {}, arbitraryOf);
  return fc.record(properties, { requiredKeys: node.required ?? [] }).map((given) => {
    // Fields that depend on values which others do not have are left out.
    const kept = Object.entries(given).filter(([field]) =>
      Object.entries(rules[field] ?? {}).every(([other, value]) => given[other] === value),
    );
    return Object.fromEntries(kept);
  });
}

/** What makes a valid object invalid when it is laid over it, at the depth where the schema is. */
function spoilings(schema: Schema, node: SchemaNode): unknown[] {
  const wrongType = [node.type].flat().includes("string") ? [["not", "text"]] : ["neither"];
  const format = schema["x-formats"][node["x-format"] ?? ""];
  const inside = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    spoilings(schema, child).map((value) => ({ [name]: value })),
  );
  const dependent = dependencies(node).flatMap(({ field, values, example }) =>
    Object.entries(values).flatMap(([other, value]) =>
      typeof value === "boolean" ? [{ [field]: example, [other]: !value }] : [],
    ),
  );
  return [
    ...wrongType,
    ...(format?.refused ?? []),
    ...(node.enum ? ["something-else"] : []),
    ...(node.minimum === undefined ? [] : [node.minimum - 1]),
    ...(node.maximum === undefined ? [] : [node.maximum + 1]),
    ...(node.minLength ? [""] : []),
    ...inside,
    ...(node.items ? spoilings(schema, node.items).map((value) => [value]) : []),
    ...dependent,
  ];
}

function laidOver(below: unknown, above: unknown): unknown {
  if (!isObject(below) || !isObject(above)) return above;
  const both = Object.entries(above).map(([key, value]) => [key, laidOver(below[key], value)]);
  return { ...below, ...Object.fromEntries(both) };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
