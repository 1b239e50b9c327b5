import { names } from "../../../schema/names.ts";
import { cacheAnnotations, mistypedStart, projects, sentences } from "../../../src/workload/places.ts";
import { component, type Schema } from "../schema.ts";
import { annotationsIn, few } from "./annotations.ts";
import { list, policy, quote, type Validation } from "./policy.ts";

/** What is worth a word to whoever changes an OrasCache, and annotations of it that are refused. */
export function cachePolicies(schema: Schema): object[] {
  return [...movedPolicy(), ...exportPolicy(schema), ...namePolicies()];
}

/** Who mistypes export-to loses all artifacts when the cache is deleted, so a name is right when it is written. */
function namePolicies(): object[] {
  const { group, version, plural, prefix } = names;
  const unknown = `k.startsWith(${quote(prefix)}) && !(k in ${list(cacheAnnotations)})`;
  const known = cacheAnnotations.map((key) => key.slice(prefix.length));
  const elsewhere = `!k.startsWith(${quote(prefix)}) && (k.lowerAscii().startsWith(${quote(mistypedStart)}) || k.lowerAscii().matches(${quote(`^([^/]*(${projects.join("|")})[^/]*/)?(${known.join("|")})$`)}))`;
  const says = (keys: string, words: string): Validation => ({
    expression: `size(${keys}) == 0`,
    message: words,
    messageExpression: `${few(keys)} + ${quote(`: ${words}`)}`,
  });
  const noSuch = `no such annotation of an OrasCache; known are ${known.join(", ")}. Correct or remove it.`;
  const common = {
    resources: [{ group, version, resource: plural }],
    operations: ["CREATE", "UPDATE"],
    onlyIf: {},
    failurePolicy: "Ignore",
  } as const;
  const variables = {
    before: `oldObject == null ? {} : ${annotationsIn("oldObject")}`,
    unknown: `(${annotationsIn("object")}).filter(k, ${unknown})`,
  };
  return [
    ...policy({
      ...common,
      name: "oras-cache-annotations",
      variables: { ...variables, brought: "variables.unknown.filter(k, !(k in variables.before))" },
      validations: [says("variables.brought", noSuch)],
      action: "Deny",
    }),
    ...policy({
      ...common,
      name: "oras-cache-annotations-without-effect",
      variables: {
        ...variables,
        old: "variables.unknown.filter(k, k in variables.before)",
        labels: `(${annotationsIn("object", "labels")}).filter(k, k.startsWith(${quote(prefix)}))`,
        elsewhere: `(${annotationsIn("object")}).filter(k, ${elsewhere})`,
      },
      validations: [
        says("variables.old", noSuch),
        says("variables.labels", "no effect as a label; write it in metadata.annotations."),
        says("variables.elsewhere", sentences.mistyped),
      ],
      action: "Warn",
    }),
  ];
}

/** Artifacts that are to be copied when a cache is deleted: one that is wrong is seen when it is written, not then. */
function exportPolicy(schema: Schema): object[] {
  const { group, version, plural, exportAnnotation, exportAllowed } = names;
  const annotation = (object: string) => `${object}.metadata.?annotations[?${quote(exportAnnotation)}]`;
  const { pattern = "", maxLength = 0 } = component(schema, "Registry");
  const fits = `.matches(${quote(pattern)})`;
  return policy({
    name: "oras-cache-export",
    resources: [{ group, version, resource: plural }],
    operations: ["CREATE", "UPDATE"],
    onlyIf: {
      // What is wrong already keeps nobody from changing the rest.
      "is-written": `${annotation("object")}.hasValue() && (oldObject == null || ${annotation("oldObject")} != ${annotation("object")})`,
    },
    variables: { value: `${annotation("object")}.orValue("")` },
    validations: [
      {
        expression: `size(variables.value) <= ${maxLength} && ((variables.value.startsWith("oci://") && !variables.value.substring(6).contains("://") && variables.value.substring(6)${fits}) || (variables.value.startsWith("http://") && variables.value${fits}))`,
        message: `metadata.annotations[${exportAnnotation}]: ${exportAllowed}`,
        messageExpression: `${quote(`metadata.annotations[${exportAnnotation}] is "`)} + (size(variables.value) <= 100 ? variables.value : variables.value.substring(0, 100) + "…") + ${quote(`"; ${exportAllowed}`)}`,
      },
      {
        expression: "object.?spec.?deploy.orValue(true) == true",
        message: `metadata.annotations[${exportAnnotation}] may only be set where spec.deploy is true: the operator copies from registries that it runs`,
      },
    ],
    action: "Deny",
    failurePolicy: "Ignore",
  });
}

function movedPolicy(): object[] {
  const { group, version, plural } = names;
  const isOnVolume = (object: string) => `${object}.?spec.?storage.?persistentVolumeClaim.hasValue()`;
  return policy({
    name: "oras-cache-storage",
    resources: [{ group, version, resource: plural }],
    operations: ["UPDATE"],
    onlyIf: {
      "moves-to-a-volume": `${isOnVolume("object")} && !${isOnVolume("oldObject")} && oldObject.?spec.?deploy.orValue(true)`,
    },
    validations: [
      {
        expression: "false",
        message:
          "The registry moves to an empty volume when its Pod is restarted: artifacts in its emptyDir are not moved and are lost then. Pull what you need first.",
      },
    ],
    action: "Warn",
    failurePolicy: "Ignore",
  });
}
