import { endsForGood, exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { leftBehind, notPushed, shareNames } from "../../schema/share.ts";
import { annotationNodes, notice, type Rendered, type Schema } from "./schema.ts";

/** Annotations that messages of the agent name. */
const inMessages = ["registry", "oras-env", "share-size-limit"];

/** Renders names and exit codes for the Go program that runs in Pods. */
export function renderAgentConstants(schema: Schema): Rendered {
  const constants: [name: string, value: string | number, doc: string][] = [
    ...Object.entries(exitCodes).map(([name, { code, meaning }]): [string, number, string] => [
      `Exit${exported(name)}`,
      code,
      `means: ${meaning}`,
    ]),
    ...(
      [
        "artifactType",
        "artifactImageAnnotation",
        "artifactInputAnnotation",
        "artifactUnpackAnnotation",
        "artifactModeAnnotation",
        "keepAnnotation",
        "memoAnnotation",
        "memoSignatureAnnotation",
        "ownerInstallationAnnotation",
        "ownerCacheAnnotation",
      ] as const
    ).map((name): [string, string, string] => [
      exported(name),
      names[name],
      "is in the manifest of an artifact.",
    ]),
    [
      exported("stateRepository"),
      names.stateRepository,
      "is the repository of a registry that is the operator's own.",
    ],
    [exported("ownerTag"), names.ownerTag, "is the tag there of the mark that says whose the storage is."],
    [
      exported("readyVariable"),
      names.readyVariable,
      "is a variable of wrapped containers that is not their programs'.",
    ],
    [
      exported("requestVariable"),
      names.requestVariable,
      "is the variable of added containers with the id of the step's admission.",
    ],
    [
      exported("inputDigestsVariable"),
      names.inputDigestsVariable,
      "is the variable of the container that pulls with what was decided on each input.",
    ],
    [
      exported("inputPinnedVariable"),
      names.inputPinnedVariable,
      "is set where an input that is a volume of the Pod has the digest that was decided on.",
    ],
    [
      exported("inputDigestsAnnotation"),
      names.inputDigestsAnnotation,
      "is the annotation that this variable is read from.",
    ],
    ["WaitTimeoutAnnotation", `${names.prefix}wait-timeout`, "is the key of an annotation, for messages."],
    [
      exported("listingUserAgent"),
      names.listingUserAgent,
      "is the User-Agent of who reads manifests to list them.",
    ],
    ...Object.entries(shareNames).map(([name, value]): [string, string, string] => [
      `Share${exported(name)}`,
      value,
      "is a name on the volume of a step.",
    ]),
    ["NotPushed", notPushed, "is what the message of a container oras begins with that has pushed nothing."],
    ["LeftBehind", leftBehind, "stands in it before the artifact that has what a failed step has left."],
    ...annotationNodes(schema)
      .filter(([name]) => inMessages.includes(name))
      .map(([name]): [string, string, string] => [
        `${exported(name)}Annotation`,
        `${names.prefix}${name}`,
        "is the key of an annotation, for messages.",
      ]),
  ];
  const lines = constants.map(
    ([name, value, doc]) => `\n// ${name} ${doc}\nconst ${name} = ${JSON.stringify(value)}\n`,
  );
  const codes = endsForGood.join(", ");
  lines.push(
    `\n// EndsForGood are exit codes after which the container oras is not started again.\nvar EndsForGood = []int{${codes}}\n`,
  );
  const head = `// ${notice}\n\n// Package contract holds what the operator and the agent must agree on.\npackage contract\n`;
  return { path: "agent/internal/contract/contract.go", content: head + lines.join("") };
}

/** A name as Go exports it. */
function exported(name: string): string {
  const joined = name.replaceAll(/-(.)/g, (_, letter: string) => letter.toUpperCase());
  return (joined.at(0) ?? "").toUpperCase() + joined.slice(1);
}
