import { type ExitCode, exitCodes, sharedExitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { optionTable } from "../../../schema/options.ts";
import {
  conditionReasons,
  conditionTypes,
  eventReasons,
  stepConditionReasons,
  stepConditions,
} from "../../../schema/reasons.ts";
import { annotationVariables, variables } from "../../../schema/variables.ts";
import { annotations, formats } from "../../annotations/table.ts";
import { codes, type FindingCode, urlOf } from "../codes.ts";
import { fieldTopics } from "./fields.ts";
import type { Topic } from "./topic.ts";

/** Everything that can be explained, in the order in which it is listed. */
export function allTopics(): readonly Topic[] {
  return [
    ...annotationTopics(),
    ...variableTopics(),
    ...fieldTopics(),
    ...conditionTopics(`CONDITIONS of an ${names.kind}`, conditionTypes),
    // What is wrong is told by a condition and by an Event.
    ...reasonTopics(`REASONS of conditions and Events of an ${names.kind}`, {
      ...conditionReasons,
      ...eventReasons.OrasCache,
    }),
    ...conditionTopics("CONDITIONS of a Pod or a Job", stepConditions),
    ...reasonTopics("REASONS of conditions of a Job", stepConditionReasons),
    ...reasonTopics("REASONS of Events of a Pod or a Job", eventReasons.step),
    ...exitCodeTopics(),
    ...codeTopics(),
    ...optionTopics(),
  ];
}

function annotationTopics(): Topic[] {
  return Object.values(annotations).map((annotation) => ({
    section: "ANNOTATIONS of a Pod or a Job",
    name: annotation.name,
    aliases: [annotation.key],
    facts: [
      ["ANNOTATION", annotation.key],
      ...(annotation.list
        ? [["LIST", `${annotation.name}, ${annotation.name}_1, ${annotation.name}_2, …`] as const]
        : []),
      ["ALLOWED", formats[annotation.format].allowed],
      ["DEFAULT", annotation.default ?? annotation.defaultText],
      ["EXAMPLE", annotation.example],
      ...(annotation.needs ? [["NEEDS", annotation.needs] as const] : []),
      ...(annotation.notWith.length > 0 ? [["NOT WITH", annotation.notWith.join(", ")] as const] : []),
    ],
    description: annotation.description,
  }));
}

function variableTopics(): Topic[] {
  const topic = (name: string, fact: readonly [string, string], description: string): Topic => ({
    section: "VARIABLES in URIs and paths",
    name: `$(${name})`,
    aliases: [name.toLowerCase(), `$${name.toLowerCase()}`],
    facts: [["VARIABLE", `$(${name})`], fact],
    description,
  });
  return [
    ...Object.entries(variables).map(([name, { field, meaning }]) =>
      topic(
        name,
        ["FIELD", field],
        `The ${meaning}. The kubelet fills it in for each Pod, in artifacts and paths of annotations.`,
      ),
    ),
    ...Object.entries(annotationVariables).map(([name, { annotation, meaning }]) =>
      topic(name, ["ANNOTATION", annotation], `The ${meaning}, in artifacts and paths of annotations.`),
    ),
  ];
}

function conditionTopics(section: string, types: Readonly<Record<string, string>>): Topic[] {
  return Object.entries(types).map(([type, description]) => ({
    section,
    name: type,
    aliases: [],
    facts: [["CONDITION", type]],
    description,
  }));
}

function reasonTopics(
  section: string,
  reasons: Readonly<Record<string, { readonly meaning: string; readonly fix?: string }>>,
): Topic[] {
  return Object.entries(reasons).map(([reason, { meaning, fix }]) => ({
    section,
    name: reason,
    aliases: [],
    facts: [
      ["REASON", reason],
      ["OF", section.replace("REASONS of ", "")],
      ...(fix === undefined ? [] : [["TO DO", fix] as const]),
    ],
    description: meaning,
  }));
}

function optionTopics(): Topic[] {
  return optionTable.map(({ name, key, env, type, choices, description, ...option }) => ({
    section: "OPTIONS of oras-operator manager",
    name: `--${name}`,
    aliases: [name, key.toLowerCase(), env.toLowerCase(), `manager.${key.toLowerCase()}`],
    facts: [
      ["OPTION", `--${name} <${type}>`],
      ["VARIABLE", env],
      ...(choices ? [["ALLOWED", choices.join(", ")] as const] : []),
      ["DEFAULT", option.defaultText ?? (option.default === "" ? "none" : String(option.default))],
    ],
    description,
  }));
}

function exitCodeTopics(): Topic[] {
  return Object.entries<ExitCode>({ ...exitCodes, ...sharedExitCodes }).map(
    ([name, { code, container, meaning, fix }]) => ({
      section: "EXIT CODES of containers",
      name: String(code),
      // The others' names are those of their Events' reasons, which say the same.
      aliases: name in sharedExitCodes ? [name.toLowerCase()] : [],
      facts: [
        ["EXIT CODE", String(code)],
        ["CONTAINER", container],
        ...(fix === undefined ? [] : [["TO DO", fix] as const]),
      ],
      description: meaning,
    }),
  );
}

function codeTopics(): Topic[] {
  return Object.entries(codes).map(([code, { summary, fix }]) => ({
    section: "CODES of problems, from kubectl apply and validate",
    name: code,
    aliases: [],
    facts: [
      ["CODE", code],
      ["TO DO", fix],
      ["SEE", urlOf(code as FindingCode)],
    ],
    description: summary,
  }));
}
