import { names } from "../../schema/names.ts";
import { writtenPattern } from "../../schema/variables.ts";
import { lookAlike, mistypedStart, writtenAnnotations, writtenLabels } from "../../src/workload/places.ts";
import { annotationNodes, formatOf, isList, type Schema, type SchemaNode } from "./schema.ts";

const { prefix } = names;
/** Names that the operator writes itself: every manifest may have them that was read from a cluster. */
const written = writtenAnnotations.map(quoted).join("|");

/** The annotations of a Pod, a Job or a template as JSON Schema: those under the prefix are closed, others free. */
export function editorAnnotations(schema: Schema): object {
  const nodes = annotationNodes(schema);
  const lists = nodes.filter(([, node]) => isList(node));
  return {
    type: "object",
    // Editors complete what stands under `properties`, and only check what `patternProperties` match.
    properties: Object.fromEntries(nodes.map(([name, node]) => [prefix + name, value(schema, node)])),
    patternProperties: {
      ...Object.fromEntries(
        lists.map(([name, node]) => [`^${quoted(prefix + name)}${number}$`, value(schema, node)]),
      ),
      [unknownPattern(schema)]: false,
      ...mistyped(schema),
    },
    additionalProperties: { type: "string" },
  };
}

/** Labels, where the operator writes some and reads none. */
export function editorLabels(schema: Schema): object {
  return {
    patternProperties: {
      [`^(?!(${writtenLabels.map(quoted).join("|")})$)${quoted(prefix)}`]: false,
      ...mistyped(schema),
    },
    errorMessage: "The operator does not read labels: write this under annotations.",
  };
}

/** Every key that was meant for the operator, but for what it writes itself. */
export function patternsOfKeys(schema: Schema): string[] {
  return [`^(?!(${written})$)${quoted(prefix)}`, ...mistypedPatterns(schema)];
}

const number = "_[1-9][0-9]{0,5}";

/** Under the prefix, and neither an annotation nor what the operator writes itself. */
function unknownPattern(schema: Schema): string {
  const known = annotationNodes(schema).map(
    ([name, node]) => quoted(name) + (isList(node) ? `(${number})?` : ""),
  );
  return `^(?!(${written})$)${quoted(prefix)}(?!(${known.join("|")})$)`;
}

function mistyped(schema: Schema): object {
  return Object.fromEntries(mistypedPatterns(schema).map((pattern) => [pattern, false]));
}

/** The prefix with another end, as in oras.converged-computing.io, and names under another prefix of this project. */
function mistypedPatterns(schema: Schema): string[] {
  const alike = lookAlike(annotationNodes(schema).map(([name]) => name));
  return [
    `^${quoted(mistypedStart)}(?!${quoted(prefix.slice(mistypedStart.length))})`,
    `^(?!${quoted(prefix)})${alike.slice(1).replaceAll("/", "\\/")}`,
  ];
}

/** What a value may be, with what an editor offers for it. */
function value(schema: Schema, node: SchemaNode): object {
  const format = formatOf(schema, node);
  if (!format) throw new Error(`the annotation has no format: ${node.description}`);
  const { pattern, maxLength, title, enum: words, "x-variables": variables = [] } = format;
  // What stands around a variable is checked at admission.
  const whole = variables.length > 0 ? `${pattern}|${writtenPattern.source}` : pattern;
  return {
    type: "string",
    description: node.description,
    ...(node.default === undefined ? {} : { default: node.default }),
    ...(words
      ? { enum: words }
      : {
          pattern: whole,
          maxLength,
          patternErrorMessage: `Allowed is ${title}.`,
          examples: [...(node.examples ?? []), ...variables.slice(0, 1)],
        }),
  };
}

function quoted(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}
