import { exitCodes, sharedExitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { optionTable } from "../../schema/options.ts";
import {
  conditionReasons,
  conditionTypes,
  eventReasons,
  stepConditionReasons,
  stepConditions,
  typeOfEvent,
} from "../../schema/reasons.ts";
import { annotationVariables, variables } from "../../schema/variables.ts";
import { codes as findingCodes } from "../../src/cli/codes.ts";
import { explanation } from "./rules.ts";
import {
  annotationNodes,
  component,
  formatOf,
  inlined,
  isList,
  notice,
  type Rendered,
  type Schema,
  type SchemaNode,
} from "./schema.ts";

function defaultOf(annotation: SchemaNode): string {
  return annotation["x-default-text"] ?? `\`"${annotation.default}"\``;
}

/** Renders the reference pages. */
export function renderDocs(schema: Schema): Rendered[] {
  const { prefix } = names;
  const annotations = annotationNodes(schema)
    .map(([name, node]) => {
      const format = formatOf(schema, node);
      const first = format?.["x-variables"]?.[0];
      const facts = [
        `- Key: \`${prefix}${name}\`${isList(node) ? `, \`${prefix}${name}_1\`, \`${prefix}${name}_2\`, …` : ""}`,
        `- Allowed: ${format?.title}`,
        `- Default: ${defaultOf(node)}`,
        `- Example: \`${node.examples?.[0]}\``,
        ...(first === undefined ? [] : [`- With [variables](#variables): \`${first}\``]),
      ];
      return `## \`${name}\`\n\n${node.description}\n\n${facts.join("\n")}`;
    })
    .join("\n\n");
  const codesOf = (all: typeof exitCodes | typeof sharedExitCodes) =>
    table(
      ["Code", "Container", "Meaning"],
      Object.values(all).map((c) => [String(c.code), c.container, c.meaning]),
    );
  const options = optionTable.map((o) => [
    `\`--${o.name}\``,
    `\`${o.env}\``,
    o.default === undefined || o.default === "" ? (o.defaultText ?? "empty") : `\`${o.default}\``,
    o.description,
  ]);
  const errors = Object.entries(findingCodes).map(
    ([code, { summary, fix }]) => `## ${code}\n\n${summary} ${fix}`,
  );
  const cache = inlined(schema, component(schema, "OrasCache"));
  return [
    page(
      "annotations",
      "Annotations",
      `All stand under the prefix \`${prefix}\` on a Pod or a Job.\n\n${annotations}\n\n${variablesSection()}`,
    ),
    page(
      "orascache",
      "OrasCache",
      `${cache.description}\n\n${table(["Field", "Type", "Default", "Meaning"], fieldRows(cache, ""))}`,
    ),
    page(
      "exit-codes",
      "Exit codes",
      `The program's own exit code is never changed. These are the exit codes of the containers that the operator adds, and of the wrapped container where the program did not run or its output was lost. They can be named in a Job's \`podFailurePolicy\`.\n\n${codesOf(exitCodes)}\n\nA program may end with these, too. After signal n a container ends with 128 + n.\n\n${codesOf(sharedExitCodes)}`,
    ),
    page("reasons", "Conditions and reasons", reasonsPage()),
    page("options", "Options of the manager", table(["Flag", "Environment", "Default", "Meaning"], options)),
    page("errors", "Codes of problems", [errorsIntroduction, ...errors].join("\n\n")),
  ];
}

const errorsIntroduction =
  "What `kubectl apply` says when the operator refuses an object or warns about it, and what `oras-operator validate` finds in files, names one of these codes. `oras-operator explain CODE` says the same.";

function reasonsPage(): string {
  type Reasons = Readonly<Record<string, { readonly meaning: string; readonly fix?: string }>>;
  const reasons = (entries: Reasons) =>
    table(
      ["Reason", "Meaning", "What to do"],
      Object.entries(entries).map(([reason, { meaning, fix = "" }]) => [`\`${reason}\``, meaning, fix]),
    );
  const events = (entries: Reasons) =>
    table(
      ["Reason", "Type", "Meaning", "What to do"],
      Object.entries(entries).map(([reason, { meaning, fix = "" }]) => [
        `\`${reason}\``,
        typeOfEvent(reason),
        meaning,
        fix,
      ]),
    );
  const types = (entries: Readonly<Record<string, string>>) =>
    table(
      ["Type", "Meaning"],
      Object.entries(entries).map(([type, meaning]) => [`\`${type}\``, meaning]),
    );
  return [
    `What \`kubectl describe\` shows. \`oras-operator explain REASON\` says the same. Other reasons of conditions are those of Kubernetes, which the operator passes on.`,
    `## Conditions of an ${names.kind}\n\n${types(conditionTypes)}\n\n${reasons(conditionReasons)}`,
    `## Events about an ${names.kind}\n\n${events(eventReasons.OrasCache)}`,
    `## Conditions of a Pod or a Job\n\nTheir types have the prefix \`${names.prefix}\`.\n\n${types(stepConditions)}\n\n${reasons(stepConditionReasons)}`,
    `## Events about a Pod or a Job\n\n${events(eventReasons.step)}`,
  ].join("\n\n");
}

function variablesSection(): string {
  const rows = Object.entries(variables).map(([name, { field, meaning }]) => [
    `\`$(${name})\``,
    meaning,
    `\`${field}\``,
  ]);
  const own = Object.entries(annotationVariables).map(([name, { meaning }]) => [
    `\`$(${name})\``,
    meaning,
    "none",
  ]);
  return `## Variables\n\nURIs and paths may hold these, which the kubelet replaces in each Pod. Nothing else is replaced.\n\n${table(["Variable", "Stands for", "Field of the Pod"], [...rows, ...own])}`;
}

/** A row for each field below a schema. */
function fieldRows(node: SchemaNode, path: string): string[][] {
  return Object.entries(node.properties ?? {}).flatMap(([name, property]) => {
    const here = path === "" ? name : `${path}.${name}`;
    const hasDefault = property.default !== undefined && property.type !== "object";
    const words = property.enum?.map((value) => `\`"${value}"\``).join(", ");
    const enumeration = words === undefined ? "" : ` Allowed: ${words}.`;
    const row = [
      `\`${here}\``,
      [property.type].flat().join(" or "),
      hasDefault ? `\`${JSON.stringify(property.default)}\`` : "",
      explanation(node, name) + enumeration,
    ];
    // Kubernetes documents the fields of its types.
    if ((property.items ?? property)["x-model"] !== undefined) return [row];
    return [row, ...fieldRows(property.items ?? property, property.items ? `${here}[]` : here)];
  });
}

/** A reference page. */
export function page(name: string, title: string, body: string): Rendered {
  return {
    path: `docs/reference/${name}.md`,
    content: `<!-- ${notice} -->\n# ${title}\n\n${withoutHtml(body)}\n`,
  };
}

/** Outside of code, what stands in angle brackets would be taken for HTML, and not be shown. */
export function withoutHtml(markdown: string): string {
  return markdown.replaceAll(/`[^`\n]*`|</g, (found) => (found === "<" ? "\\<" : found));
}

/** A Markdown table. */
export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.map((c) => c.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
