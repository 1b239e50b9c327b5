import fc from "fast-check";
import { withField } from "./fields.ts";

/** The API server's description of its kinds. */
export interface OpenApi {
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

interface Schema {
  readonly $ref?: string;
  readonly allOf?: readonly Schema[];
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly additionalProperties?: Schema;
}

type Path = readonly (string | number)[];

/** A value that has no parts. */
export interface Leaf {
  /** Keys from the object on; of lists on the way the first item, of maps `*`. */
  readonly path: Path;
  readonly values: fc.Arbitrary<unknown>;
  readonly isRequired: boolean;
  /** Where values have to be that the objects on the way cannot be without. */
  readonly beside: readonly Path[];
}

/**
 * Every leaf of a kind.
 *
 * @param api - as the API server serves it
 * @param name - of the kind, such as `io.k8s.api.core.v1.PodSpec`
 */
export function leavesOf(api: OpenApi, name: string): readonly Leaf[] {
  const whole = (schema: Schema): Schema => {
    const { $ref = schema.allOf?.[0]?.$ref } = schema;
    return $ref === undefined ? schema : whole(api.components.schemas[$ref.split("/").at(-1) ?? ""] ?? {});
  };
  const below = (of: Schema, path: Path, isRequired: boolean, beside: readonly Path[]): Leaf[] => {
    const { type, properties, required = [], items, additionalProperties } = whole(of);
    if (items) return below(items, [...path, 0], isRequired, beside);
    if (additionalProperties) return below(additionalProperties, [...path, "*"], false, beside);
    if (!properties) return [{ path, values: valuesOf(type), isRequired, beside }];
    const texts = required.filter((each) => whole(properties[each] ?? {}).type === "string");
    const needed = [...beside, ...texts.map((each) => [...path, each])];
    return Object.entries(properties).flatMap(([each, schema]) =>
      below(schema, [...path, each], required.includes(each), needed),
    );
  };
  return below({ $ref: name }, [], false, []);
}

const text = fc.stringMatching(/^[a-z]{6,12}$/);

function valuesOf(type: string | undefined): fc.Arbitrary<unknown> {
  if (type === "boolean") return fc.boolean();
  if (type === "integer") return fc.integer();
  if (type === "object") return fc.record({ f: text });
  return type === "string" ? text : fc.oneof(text, fc.integer());
}

/** An object with the values that a leaf needs beside it; with the leaf as well, where there is a value. */
export function withLeaf(object: object, { path, beside }: Leaf, value?: unknown): object {
  const whole = beside
    .filter((each) => at(object, each) === undefined && `${each}` !== `${path}`)
    .reduce((made, each) => withField(made, each, "needed"), object);
  return value === undefined ? whole : withField(whole, path, value);
}

/** What stands at a path, if anything does. */
export function at(object: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, key) => (value as Record<string, unknown> | undefined)?.[key], object);
}
