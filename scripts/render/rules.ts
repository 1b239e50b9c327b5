import { component, type FormatNode, type Schema, type SchemaNode } from "./schema.ts";

/** A validation rule of a CustomResourceDefinition, in CEL. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** A field that may only be set where fields beside it have certain values. */
export interface Dependency {
  readonly field: string;
  readonly values: Record<string, unknown>;
  readonly example: unknown;
}

/** The fields of an object that depend on others. */
export function dependencies(node: SchemaNode): Dependency[] {
  return Object.entries(node.properties ?? {}).flatMap(([field, { "x-only-with": values, examples }]) =>
    values ? [{ field, values, example: examples?.[0] }] : [],
  );
}

/** Every rule of an object: those that follow from keywords of ours, then those that are written in CEL. */
export function rulesOf(node: SchemaNode): Rule[] {
  const derived = dependencies(node).map(({ field, values }) => {
    const pairs = Object.entries(values);
    const conditions = pairs.map(
      ([name, value]) => `has(self.${name}) && self.${name} == ${JSON.stringify(value)}`,
    );
    const words = pairs.map(([name, value]) => `${name} is ${JSON.stringify(value)}`).join(" and ");
    return {
      rule: `!has(self.${field}) || (${conditions.join(" && ")})`,
      message: `${field} may only be set where ${words}`,
      fieldPath: `.${field}`,
    };
  });
  return [...derived, ...(node["x-kubernetes-validations"] ?? [])];
}

/** The form that the name of an OrasCache must have. */
export function nameFormat(schema: Schema): FormatNode | undefined {
  return schema["x-formats"][component(schema, "OrasCache")["x-name-format"] ?? ""];
}

/** The rule for the name of an OrasCache. Only at the root does CEL see the name. */
export function nameRules(schema: Schema): Rule[] {
  const format = nameFormat(schema);
  if (!format) return [];
  const { pattern, maxLength, allowed } = format;
  return [
    {
      rule: `self.metadata.name.size() <= ${maxLength} && self.metadata.name.matches(r'${pattern}')`,
      message: `metadata.name: allowed is ${allowed}`,
    },
  ];
}

/**
 * Dependencies as JSON Schema.
 *
 * @param keyword - `dependencies` before 2019-09, `dependentSchemas` since
 */
export function dependencySchemas(
  node: SchemaNode,
  keyword: "dependencies" | "dependentSchemas",
): Record<string, object> {
  const entries = dependencies(node).map(({ field, values }) => {
    const names = Object.keys(values);
    return [
      field,
      {
        required: names.filter((name) => node.properties?.[name]?.default !== values[name]),
        properties: Object.fromEntries(names.map((name) => [name, { const: values[name] }])),
      },
    ] as const;
  });
  return entries.length > 0 ? { [keyword]: Object.fromEntries(entries) } : {};
}
