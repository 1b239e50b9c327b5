import { names } from "../../schema/names.ts";
import {
  annotationNodes,
  component,
  data,
  formatName,
  formats,
  isList,
  mapValues,
  type Rendered,
  type Schema,
} from "./schema.ts";

/** Renders the annotations and the forms of their values. src/annotations/table.ts says what is what. */
export function renderAnnotations(schema: Schema): Rendered {
  const { dependentRequired = {}, dependentSchemas = {} } = component(schema, "Annotations");
  const annotations = annotationNodes(schema).map(([name, node]) => [
    name,
    {
      name,
      key: names.prefix + name,
      list: isList(node),
      of: node["x-of"],
      needs: dependentRequired[name]?.[0],
      notWith: Object.keys(dependentSchemas[name]?.properties ?? {}).filter(
        (other) => dependentSchemas[name]?.properties?.[other] === false,
      ),
      oneWith: Object.keys(dependentSchemas).filter((other) => {
        const limit = dependentSchemas[other]?.properties?.[name];
        return typeof limit === "object" && "maxItems" in limit;
      }),
      format: formatName(node),
      default: node.default,
      defaultText: node["x-default-text"] ?? `"${node.default}"`,
      description: node.description,
      example: node.examples?.[0],
    },
  ]);
  const forms = mapValues(formats(schema), ({ pattern, maxLength, title, "x-variables": variables }) => ({
    pattern,
    maxLength,
    allowed: title,
    variables: variables !== undefined,
  }));
  return data("generated/annotations.ts", { formats: forms, annotations: Object.fromEntries(annotations) });
}
