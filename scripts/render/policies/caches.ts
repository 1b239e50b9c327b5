import { names } from "../../../schema/names.ts";
import { policy } from "./policy.ts";

/** What is worth a word to whoever changes an OrasCache, and allowed. */
export function cachePolicies(): object[] {
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
