import fc from "fast-check";
import type { KubeClient } from "../../src/kube/client.ts";

/** A schema of the API server's OpenAPI, as far as values are drawn from it. */
interface Served {
  readonly $ref?: string;
  readonly allOf?: readonly Served[];
  readonly oneOf?: readonly Served[];
  readonly type?: string;
  readonly format?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Served>>;
  readonly items?: Served;
  readonly additionalProperties?: Served;
}

/** The fields of a type of Kubernetes by name, each with values that it may have. */
export type ServedFields = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/**
 * Reads from an API server which fields its types have.
 *
 * @param client - of that API server
 * @param path - of the group and version, such as `api/v1`
 * @returns a function that gives the fields of a type, such as `io.k8s.api.core.v1.PodStatus`; it throws if there is none
 */
export async function servedFields(
  client: KubeClient,
  path: string,
): Promise<(type: string) => ServedFields> {
  const document = await client.request<{ components: { schemas: Record<string, Served> } }>({
    path: `/openapi/v3/${path}`,
  });
  const { schemas } = document.components;
  return (type) => {
    const properties = schemas[type]?.properties;
    if (!properties) throw new Error(`the API server serves no type ${type} under ${path}`);
    return Object.fromEntries(
      Object.entries(properties).map(([name, schema]) => [name, valuesOf(schemas, schema, 3)]),
    );
  };
}

/** Deeper than some levels nothing is drawn: schemas refer to themselves. */
function valuesOf(schemas: Record<string, Served>, schema: Served, depth: number): fc.Arbitrary<unknown> {
  const name = schema.$ref?.split("/").at(-1);
  const whole = (name === undefined ? undefined : schemas[name]) ?? schema.allOf?.[0] ?? schema.oneOf?.[0];
  if (whole) return valuesOf(schemas, whole, depth);
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type) {
    case "boolean":
      return fc.boolean();
    case "integer":
    case "number":
      return fc.integer({ min: 0, max: 9 });
    case "string":
      return schema.format === "date-time" ? times : texts;
    default:
      return depth === 0
        ? fc.constant(schema.type === "array" ? [] : {})
        : manyOf(schemas, schema, depth - 1);
  }
}

const times = fc.constantFrom("2026-01-01T00:00:00Z", "2025-01-01T00:00:00Z");
const texts = fc.constantFrom("a", "b", "10.0.0.9", "1", "True", "example.com/a", "Failed", "Never");

/** Values of a schema of lists, of maps, or of objects with fields. */
function manyOf(
  schemas: Record<string, Served>,
  { items, properties, additionalProperties }: Served,
  depth: number,
): fc.Arbitrary<unknown> {
  const below = (one: Served) => valuesOf(schemas, one, depth);
  if (items) return fc.array(below(items), { minLength: 1, maxLength: 2 });
  if (properties) {
    return fc.record(Object.fromEntries(Object.entries(properties).map(([k, v]) => [k, below(v)])));
  }
  return additionalProperties
    ? fc.dictionary(fc.constantFrom("a", "b"), below(additionalProperties), { minKeys: 1 })
    : fc.constant({});
}
