import * as kubernetes from "@kubernetes/client-node";
import { mapChildren, mapValues, type Schema, type SchemaNode } from "./schema.ts";

/** A type of Kubernetes as @kubernetes/client-node, which is made from the OpenAPI of Kubernetes, describes it. */
interface Model {
  getAttributeTypeMap(): readonly { readonly baseName: string; readonly type: string }[];
}

const models = kubernetes as unknown as Readonly<Record<string, Model | undefined>>;

/** Texts of the OpenAPI that are quantities: a number is one, too. */
const quantities = new Set(["V1ResourceFieldSelector.divisor"]);

/**
 * A schema in which each `x-model` has the fields of that type of Kubernetes. They have types and no descriptions, for the
 * CRD must stay small, and nothing is required: what values are allowed is for the API server to say, when the Pod's
 * template is written. Of a quantity that is none it does not say where it stands, so these have their pattern.
 *
 * @param schema - after it was checked
 */
export function withModels(schema: Schema): Schema {
  const { AnyQuantity: quantity } = schema.components.schemas;
  if (quantity === undefined) throw new Error("components.schemas.AnyQuantity is missing");
  const schemas = mapValues(schema.components.schemas, (node) => expanded(node, quantity));
  return { ...schema, components: { ...schema.components, schemas } };
}

function expanded(node: SchemaNode, quantity: SchemaNode): SchemaNode {
  const model = node["x-model"];
  return model === undefined
    ? mapChildren(node, (child) => expanded(child, quantity))
    : { ...node, ...objectOf(model, quantity) };
}

function objectOf(name: string, quantity: SchemaNode): SchemaNode {
  const fields = models[name]?.getAttributeTypeMap();
  if (fields === undefined) throw new Error(`x-model: @kubernetes/client-node has no type ${name}`);
  return {
    type: "object",
    properties: Object.fromEntries(
      fields.map(({ baseName, type }) => [
        baseName,
        quantities.has(`${name}.${baseName}`) ? quantity : typeOf(type, quantity),
      ]),
    ),
  };
}

/** The types as the generator of the client writes them. */
function typeOf(type: string, quantity: SchemaNode): SchemaNode {
  const item = /^Array<(.+)>$/.exec(type)?.[1];
  if (item !== undefined) return { type: "array", items: typeOf(item, quantity) };
  const value = /^\{ \[key: string\]: (.+); \}$/.exec(type)?.[1];
  if (value !== undefined) return { type: "object", additionalProperties: typeOf(value, quantity) };
  if (type === "number") return { type: "integer" };
  return type === "string" || type === "boolean" ? { type } : objectOf(type, quantity);
}
