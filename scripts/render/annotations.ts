import { annotationNodes, header, literal, type Rendered, type Source } from "./schema.ts";

/** Renders the annotation table and the forms of values. */
export function renderAnnotations(source: Source): Rendered {
  const { schema } = source;
  const prefix = String(schema["x-names"]["prefix"]);
  const table = Object.fromEntries(
    annotationNodes(schema).map(([name, node]) => [
      name,
      {
        name,
        key: prefix + name,
        list: node["x-list"] ?? false,
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
      ([name, { pattern, maxLength, allowed }]) =>
        `  ${JSON.stringify(name)}: {\n    pattern: new RegExp(${JSON.stringify(pattern)}, "u"),\n    maxLength: ${maxLength},\n    allowed: ${JSON.stringify(allowed)},\n  },`,
    )
    .join("\n");
  return {
    path: "generated/annotations.ts",
    content: `${header(source)}/** What an annotation is. */
export interface AnnotationDefinition {
  readonly name: string;
  /** The full key. */
  readonly key: string;
  /** Whether it may be given several times, with _1, _2, … after its name. */
  readonly list: boolean;
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

const table = ${literal(table)} as const satisfies Record<string, AnnotationDefinition>;

export type AnnotationName = keyof typeof table;

/** Every annotation by its name. */
export const annotations: Readonly<Record<AnnotationName, AnnotationDefinition>> = table;
`,
  };
}
