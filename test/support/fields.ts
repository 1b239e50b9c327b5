import * as models from "@kubernetes/client-node";

/** A field of an object of Kubernetes that can be long: a text, a list or a map. */
export interface Field {
  /** Keys from the object on; of lists on the way the first item. */
  readonly path: readonly (string | number)[];
  readonly kind: "string" | "list" | "map";
  /** Fields of the list's items that are texts; none where the items are texts. */
  readonly texts: readonly string[];
}

interface Attribute {
  readonly baseName: string;
  readonly type: string;
}

/**
 * Every field of a kind that can be long, as the API's own model has them.
 *
 * @param type - such as `V1Pod`
 */
export function fieldsOf(type: string, path: Field["path"] = []): Field[] {
  return attributesOf(type).flatMap(({ baseName, type: of }): Field[] => {
    const here = [...path, baseName];
    const item = /^Array<(.*)>$/.exec(of)?.[1];
    if (item !== undefined) {
      const texts = attributesOf(item).filter((a) => a.type === "string");
      return [
        { path: here, kind: "list", texts: texts.map((a) => a.baseName) },
        ...fieldsOf(item, [...here, 0]),
        ...(item === "string" ? [{ path: [...here, 0], kind: "string" as const, texts: [] }] : []),
      ];
    }
    if (of.startsWith("{")) return [{ path: here, kind: "map", texts: [] }];
    if (of === "string" || of === "IntOrString") return [{ path: here, kind: "string", texts: [] }];
    return fieldsOf(of, here);
  });
}

function attributesOf(type: string): readonly Attribute[] {
  const model = (models as Record<string, unknown>)[type] as
    | { getAttributeTypeMap?: () => Attribute[] }
    | undefined;
  return model?.getAttributeTypeMap?.() ?? [];
}

/**
 * An object with a field set; everything on the way is copied, and made where it is not there.
 *
 * @param value - is not changed
 */
export function withField<T>(value: T, path: Field["path"], leaf: unknown): T {
  const [key, ...rest] = path;
  if (key === undefined) return leaf as T;
  const copy: unknown = Array.isArray(value) ? [...value] : { ...value };
  const below = (value as Record<string | number, unknown> | undefined)?.[key];
  const start = below ?? (typeof rest[0] === "number" ? [] : {});
  (copy as Record<string | number, unknown>)[key] = withField(start, rest, leaf);
  return copy as T;
}
