import { mapValues, type Schema } from "./schema.ts";

/** A name in braces; repetitions of a pattern are numbers in braces. */
const placeholder = /\{([a-zA-Z]+)\}/g;

/**
 * The schema with its placeholders replaced: names of other names (and `{release}`, the product's version) in
 * names and in defaults of options, `{maxLength}` in what a format allows.
 *
 * @param schema - as written
 * @param version - of the product
 */
export function withoutPlaceholders(schema: Schema, version: string): Schema {
  const names = resolvedNames(schema, version);
  const { schemas } = schema.components;
  const options = schemas["ManagerOptions"];
  const filled = mapValues(options?.properties ?? {}, (option) =>
    option.default === undefined ? option : { ...option, default: fill(option.default, names) },
  );
  return {
    ...schema,
    "x-names": Object.fromEntries(Object.entries(names).filter(([key]) => key !== "release")),
    "x-formats": mapValues(schema["x-formats"], (format) => ({
      ...format,
      allowed: String(fill(format.allowed, { maxLength: format.maxLength })),
    })),
    components: {
      schemas: { ...schemas, ...(options ? { ManagerOptions: { ...options, properties: filled } } : {}) },
    },
  };
}

/** Placeholders of a text that stand for nothing. */
export function unknownPlaceholders(text: unknown, known: readonly string[]): string[] {
  if (typeof text !== "string") return [];
  return [...text.matchAll(placeholder)].flatMap(([, key]) => (key && !known.includes(key) ? [key] : []));
}

/** Names may refer to each other in any order, as long as it is not in a circle. */
function resolvedNames(schema: Schema, version: string): Record<string, string | number> {
  let names: Record<string, string | number> = { ...schema["x-names"], release: version };
  for (const _ of Object.keys(names))
    names = mapValues(names, (name) => fill(name, names) as string | number);
  return names;
}

function fill(value: unknown, scope: Record<string, string | number>): unknown {
  if (typeof value !== "string") return value;
  return value.replaceAll(placeholder, (written, key: string) => String(scope[key] ?? written));
}
