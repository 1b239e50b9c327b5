import { names } from "../../schema/names.ts";
import { annotationNodes, header, literal, type Rendered, type Schema } from "./schema.ts";

/** Renders the annotation table and the forms of values. */
export function renderAnnotations(schema: Schema): Rendered {
  const { prefix } = names;
  const table = Object.fromEntries(
    annotationNodes(schema).map(([name, node]) => [
      name,
      {
        name,
        key: prefix + name,
        list: node["x-list"] ?? false,
        of: node["x-of"],
        needs: node["x-needs"],
        notWith: node["x-not-with"] ?? [],
        oneWith: node["x-one-with"] ?? [],
        format: node["x-format"],
        ...(node.default === undefined ? {} : { default: node.default }),
        defaultText: node["x-default-text"] ?? `"${node.default}"`,
        description: node.description,
        example: node.examples?.[0],
      },
    ]),
  );
  const formats = Object.entries(schema["x-formats"])
    .map(
      ([name, { pattern, maxLength, allowed, withVariables }]) =>
        `  ${JSON.stringify(name)}: {\n    pattern: new RegExp(${JSON.stringify(pattern)}, "u"),\n    maxLength: ${maxLength},\n    allowed: ${JSON.stringify(allowed)},\n    variables: ${withVariables !== undefined},\n  },`,
    )
    .join("\n");
  return {
    path: "generated/annotations.ts",
    content: `${header}/** What an annotation is. */
export interface AnnotationDefinition {
  readonly name: string;
  /** The full key. */
  readonly key: string;
  /** Whether it may be given several times, with _1, _2, … after its name. */
  readonly list: boolean;
  /** A list: each value belongs to the value of that one which has the same number. */
  readonly of?: AnnotationName;
  /** What it means nothing without. */
  readonly needs?: AnnotationName;
  /** What it means nothing beside. */
  readonly notWith: readonly AnnotationName[];
  /** What it is no list beside. */
  readonly oneWith: readonly AnnotationName[];
  readonly format: FormatName;
  readonly default?: string;
  readonly defaultText: string;
  readonly description: string;
  readonly example: string;
}

/** What the keys of all annotations begin with. */
export const PREFIX = ${JSON.stringify(prefix)};

/** The forms of values. */
export const formats = {
${formats}
} as const;

export type FormatName = keyof typeof formats;

export type AnnotationName =
${Object.keys(table)
  .map((name) => `  | ${JSON.stringify(name)}`)
  .join("\n")};

/** Every annotation by its name. */
export const annotations: Readonly<Record<AnnotationName, AnnotationDefinition>> = ${literal(table)};
`,
  };
}
