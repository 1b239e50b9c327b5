import { names } from "../../../schema/names.ts";
import { component, type Schema } from "../schema.ts";
import { policy, quote } from "./policy.ts";

/** What is worth a word to whoever changes an OrasCache, and annotations of it that are refused. */
export function cachePolicies(schema: Schema): object[] {
  return [...movedPolicy(), ...exportPolicy(schema)];
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
