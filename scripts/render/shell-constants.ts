import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { annotationNodes, nameOf, notice, type Rendered, type Schema } from "./schema.ts";

/** Renders names and exit codes for the scripts that run in Pods. */
export function renderShellConstants(schema: Schema): Rendered {
  const wanted = [
    ...(["artifactType", "artifactImageAnnotation", "artifactInputAnnotation"] as const),
    ...(["artifactUnpackAnnotation", "credentialsPath", "privatePath", "deadlineSeconds"] as const),
  ];
  const lines = [
    "# shellcheck shell=dash disable=SC2034",
    `# ${notice}`,
    ...wanted.map((name) => `${screaming(name)}='${names[name]}'`),
    ...annotationNodes(schema).flatMap(([name, node]) =>
      typeof node.default === "string"
        ? [
            `DEFAULT_${screaming(name)}='${nameOf(node) === "Duration" ? secondsOf(node.default) : node.default}'`,
          ]
        : [],
    ),
    ...annotationNodes(schema).map(([name]) => `${screaming(name)}_ANNOTATION='${names.prefix}${name}'`),
    ...Object.entries(exitCodes).map(([name, { code }]) => `EXIT_${screaming(name)}=${code}`),
  ];
  return { path: "generated/constants.sh", content: `${lines.join("\n")}\n` };
}

/** Scripts count in seconds. */
function secondsOf(duration: string): number {
  const units = { h: 3600, m: 60, s: 1 } as const;
  const parts = duration.matchAll(/([0-9]{1,9})([hms])/g);
  return [...parts].reduce((sum, [, count, unit]) => sum + Number(count) * units[unit as "h"], 0);
}

function screaming(name: string): string {
  return name
    .replaceAll(/[A-Z]/g, (c) => `_${c}`)
    .replaceAll("-", "_")
    .toUpperCase();
}
