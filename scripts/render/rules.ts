import { component, type Dependent, formatOf, type Schema, type SchemaNode } from "./schema.ts";

/** A validation rule of a CustomResourceDefinition, in CEL. */
export interface Rule {
  readonly rule: string;
  readonly message: string;
  readonly fieldPath?: string;
}

/** Every rule of an object: those that follow from what depends on what, then those that are written in CEL. */
export function rulesOf(node: SchemaNode): Rule[] {
  const derived = Object.entries(dependents(node)).map(([field, dependent]) => {
    const { cel, words } = conditions(dependent);
    return {
      rule: `!has(self.${field}) || (${cel.join(" && ")})`,
      message: `${field} may only be set where ${words.join(" and ")}`,
      fieldPath: `.${field}`,
    };
  });
  return [...derived, ...(node["x-kubernetes-validations"] ?? [])];
}

/** What must hold where a field is set, by the field: what it requires, and the values that others must have. */
export function dependents(node: SchemaNode): Record<string, Dependent> {
  const required = Object.entries(node.dependentRequired ?? {}).map(([field, others]) => [
    field,
    { required: others },
  ]);
  return { ...Object.fromEntries(required), ...node.dependentSchemas };
}

/** The same as CEL and in words. What a default fills in is there when the API server tries a rule. */
function conditions({ required = [], properties = {} }: Dependent): { cel: string[]; words: string[] } {
  const set = required.filter((name) => properties[name] === undefined);
  const values = Object.entries(properties).map(([name, value]) => {
    if (value === false) return { cel: `!has(self.${name})`, words: `${name} is not set` };
    const wanted = JSON.stringify((value as { const: unknown }).const);
    const cel = required.includes(name)
      ? `has(self.${name}) && self.${name} == ${wanted}`
      : `(!has(self.${name}) || self.${name} == ${wanted})`;
    return { cel, words: `${name} is ${wanted}` };
  });
  const all = [...set.map((name) => ({ cel: `has(self.${name})`, words: `${name} is set` })), ...values];
  return { cel: all.map(({ cel }) => cel), words: all.map(({ words }) => words) };
}

/** Where a field may be set, in words. */
export function onlyWhere(node: SchemaNode, field: string): string | undefined {
  const dependent = dependents(node)[field];
  return dependent && conditions(dependent).words.join(" and ");
}

/** The rule for the name of an OrasCache. Only at the root does CEL see the name. */
export function nameRules(schema: Schema): Rule[] {
  const format = formatOf(schema, nameNode(schema));
  if (!format) return [];
  const { pattern, maxLength, allowed } = format;
  return [
    {
      rule: `self.metadata.name.size() <= ${maxLength} && self.metadata.name.matches(r'${pattern}')`,
      message: `metadata.name: allowed is ${allowed}`,
    },
  ];
}

/** The schema of the name of an OrasCache. */
export function nameNode(schema: Schema): SchemaNode {
  return component(schema, "OrasCache").properties?.["metadata"]?.properties?.["name"] ?? {};
}
