import type { Dependent, Rule, SchemaNode } from "./schema.ts";

/** The rules of an object: what depends on what, and those that are written out. */
export function rulesOf(node: SchemaNode): Rule[] {
  return [...dependencies(node), ...(node["x-kubernetes-validations"] ?? [])];
}

function dependencies(node: SchemaNode): Rule[] {
  return Object.entries(dependents(node)).map(([field, dependent]) => {
    const { cel, words } = conditions(dependent);
    return {
      rule: `!has(self.${field}) || (${cel.join(" && ")})`,
      message: `${field} may only be set where ${words.join(" and ")}`,
      fieldPath: `.${field}`,
    };
  });
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

/** What a field of an object is, what it may be and where it may be set, in sentences. */
export function explanation(parent: SchemaNode, field: string): string {
  const { description, title } = parent.properties?.[field] ?? {};
  const dependent = dependents(parent)[field];
  return [
    ...(description === undefined ? [] : [description]),
    ...(title === undefined ? [] : [`Allowed: ${title}.`]),
    ...(dependent ? [`Only where ${conditions(dependent).words.join(" and ")}.`] : []),
  ].join(" ");
}
