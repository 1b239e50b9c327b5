import { kubectl } from "./kubectl.ts";
import type { Workspace } from "./workspace.ts";

/** The label of Pods that a policy is for. */
export const policyLabel = "policy";

/**
 * A policy of somebody else for the Pods of a namespace that bear a label, with its binding.
 *
 * @param ws - where
 * @param kind - of the policy
 * @param value - of the label
 * @param spec - more of the policy's
 * @param binding - more of the binding's
 * @returns a function that removes both
 */
export async function createPolicy(
  ws: Workspace,
  kind: string,
  value: string,
  spec: object,
  binding: object = {},
): Promise<() => Promise<void>> {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const name = `${value}-${ws.namespace}`;
  const matchResources = {
    namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": ws.namespace } },
    objectSelector: { matchLabels: { [policyLabel]: value } },
  };
  const resourceRules = [
    { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
  ];
  const items = [
    { apiVersion, kind, metadata: { name }, spec: { ...spec, matchConstraints: { resourceRules } } },
    {
      apiVersion,
      kind: `${kind}Binding`,
      metadata: { name },
      spec: { policyName: name, matchResources, ...binding },
    },
  ];
  await kubectl(["create", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  return async () => void (await kubectl(["delete", `${kind},${kind}Binding`, name]));
}

/** A value as a CEL expression: an object with the type of its field. */
export function cel(value: unknown, type: string): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return JSON.stringify(value);
  const fields = Object.entries(value).map(([name, each]) => `${name}: ${cel(each, `${type}.${name}`)}`);
  return `${type}{${fields.join(", ")}}`;
}
