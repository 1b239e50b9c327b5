import { names } from "../../schema/names.ts";
import { annotationNodes, data, mapValues, type Rendered, type Schema } from "./schema.ts";

/** Renders the annotations and the forms of their values. src/annotations/table.ts says what is what. */
export function renderAnnotations(schema: Schema): Rendered {
  const annotations = annotationNodes(schema).map(([name, node]) => [
    name,
    {
      name,
      key: names.prefix + name,
      list: node["x-list"] ?? false,
      of: node["x-of"],
      needs: node["x-needs"],
      notWith: node["x-not-with"] ?? [],
      oneWith: node["x-one-with"] ?? [],
      format: node["x-format"],
      default: node.default,
      defaultText: node["x-default-text"] ?? `"${node.default}"`,
      description: node.description,
      example: node.examples?.[0],
    },
  ]);
  const formats = mapValues(schema["x-formats"], ({ pattern, maxLength, allowed, withVariables }) => ({
    pattern,
    maxLength,
    allowed,
    variables: withVariables !== undefined,
  }));
  return data("generated/annotations.ts", { formats, annotations: Object.fromEntries(annotations) });
}
