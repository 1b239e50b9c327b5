import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { secondsOf } from "../../src/annotations/duration.ts";
import { annotationNodes, nameOf, notice, type Rendered, type Schema, type SchemaNode } from "./schema.ts";

/** Renders names and exit codes for the scripts that run in Pods. */
export function renderShellConstants(schema: Schema): Rendered {
  const wanted = [
    ...(["artifactType", "artifactImageAnnotation", "artifactInputAnnotation"] as const),
    ...(["artifactUnpackAnnotation", "credentialsPath"] as const),
  ];
  const lines = [
    "# shellcheck shell=dash disable=SC2034",
    `# ${notice}`,
    ...wanted.map((name) => `${screaming(name)}='${names[name]}'`),
    "PRIVATE_PATH='/var/run/oras/private'",
    "DEADLINE_SECONDS='600'",
    ...annotationNodes(schema)
      .filter(([, node]) => node.default !== undefined)
      .map(([name, node]) => `DEFAULT_${screaming(name)}='${defaultOf(node)}'`),
    ...annotationNodes(schema).map(([name]) => `${screaming(name)}_ANNOTATION='${names.prefix}${name}'`),
    ...Object.entries(exitCodes).map(([name, { code }]) => `EXIT_${screaming(name)}=${code}`),
  ];
  return { path: "generated/constants.sh", content: `${lines.join("\n")}\n` };
}

/** Scripts count in seconds. */
function defaultOf(node: SchemaNode): string | number {
  const text = String(node.default);
  return nameOf(node) === "Duration" ? secondsOf(text) : text;
}

function screaming(name: string): string {
  return name
    .replaceAll(/[A-Z]/g, (c) => `_${c}`)
    .replaceAll("-", "_")
    .toUpperCase();
}
