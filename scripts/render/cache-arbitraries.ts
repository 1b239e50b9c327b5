import { dependencies } from "./rules.ts";
import type { Schema, SchemaNode } from "./schema.ts";

/**
 * The TypeScript expression of an arbitrary for valid values of a schema. It uses `validValues` (by format),
 * `text` and `onlyWith` of the generated file.
 *
 * @param node - without references
 */
export function arbitraryOf(node: SchemaNode): string {
  if (Array.isArray(node.type)) {
    return `fc.oneof(${node.type.map((type) => arbitraryOf({ ...node, type })).join(", ")})`;
  }
  if (node.enum) return `fc.constantFrom(${node.enum.map((value) => JSON.stringify(value)).join(", ")})`;
  switch (node.type) {
    case "boolean":
      return "fc.boolean()";
    case "integer":
    case "number":
      return `fc.integer({ min: ${node.minimum ?? 0}, max: ${node.maximum ?? 2 ** 31 - 1} })`;
    case "array":
      return listOf(node);
    case "object":
      return objectOf(node);
    default:
      return textOf(node);
  }
}

function textOf(node: SchemaNode): string {
  if (node["x-format"] !== undefined) return `validValues[${JSON.stringify(node["x-format"])}]`;
  if (node.pattern === undefined)
    return `text(${node.minLength ?? 0}, ${Math.min(node.maxLength ?? 64, 64)})`;
  return `fc.stringMatching(new RegExp(${JSON.stringify(node.pattern)}, "u")).filter((v) => v.length <= ${node.maxLength ?? 4096})`;
}

function listOf(node: SchemaNode): string {
  const limits = `minLength: ${node.minItems ?? 0}, maxLength: ${Math.min(node.maxItems ?? 3, 3)}`;
  const keys = node["x-kubernetes-list-map-keys"] as string[] | undefined;
  const isSet = keys !== undefined || node["x-kubernetes-list-type"] === "set";
  if (!isSet) return `fc.array(${arbitraryOf(node.items ?? {})}, { ${limits} })`;
  const same = keys ? `JSON.stringify([${keys.map((key) => `item.${key}`).join(", ")}])` : "item";
  return `fc.uniqueArray(${arbitraryOf(node.items ?? {})}, { ${limits}, selector: (item) => ${same} })`;
}

function objectOf(node: SchemaNode): string {
  if (typeof node.additionalProperties === "object") {
    return `fc.dictionary(validValues["object-name"], ${arbitraryOf(node.additionalProperties)}, { maxKeys: 3 })`;
  }
  if (!node.properties) return "fc.constant({})";
  const fields = Object.entries(node.properties).map(([name, child]) => `${name}: ${arbitraryOf(child)}`);
  const record = `fc.record({ ${fields.join(", ")} }, { requiredKeys: ${JSON.stringify(node.required ?? [])} })`;
  const rules = Object.fromEntries(dependencies(node).map(({ field, values }) => [field, values]));
  return Object.keys(rules).length === 0 ? record : `${record}.map(onlyWith(${JSON.stringify(rules)}))`;
}

/**
 * Ways to make a valid object invalid: each is what to lay over it, at the depth where the schema is.
 *
 * @param schema - for the formats
 * @param node - without references
 */
export function spoiled(schema: Schema, node: SchemaNode): unknown[] {
  const wrongType = ([node.type].flat() as string[]).includes("string") ? [["not", "text"]] : ["neither"];
  const format = schema["x-formats"][node["x-format"] ?? ""];
  const inside = Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
    spoiled(schema, child).map((value) => ({ [name]: value })),
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
    ...(node.items ? spoiled(schema, node.items).map((value) => [value]) : []),
    ...dependent,
  ];
}
