import { stringify } from "yaml";
import { names } from "../../../schema/names.ts";
import { caConfigMapName, usesTls } from "../../cache/tls.ts";
import type { OrasCache } from "../../cache/types.ts";
import { kubectlYaml } from "../manifests/yaml.ts";
import { nameOf } from "./find-cache.ts";
import { registryPodOf } from "./open.ts";

/**
 * The Role that lets somebody use the commands for one cache, and its binding.
 *
 * @param user - `NAME`, `group:NAME` or `serviceaccount:NAMESPACE:NAME`
 * @param cache - which
 * @param namespace - of it
 */
export function grantFor(user: string, cache: OrasCache, namespace: string): string {
  const name = `${names.singular}-${nameOf(cache)}-user`;
  const metadata = { name, namespace };
  const secret = cache.status?.credentialsSecret;
  const rule = (group: string, resource: string, verbs: string[], ...resourceNames: string[]) => ({
    apiGroups: [group],
    resources: [resource],
    verbs,
    ...(resourceNames.length > 0 ? { resourceNames } : {}),
  });
  const role = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "Role",
    metadata,
    rules: [
      rule(names.group, names.plural, ["get", "list"]),
      ...(secret === undefined ? [] : [rule("", "secrets", ["get"], secret)]),
      ...(usesTls(cache) ? [rule("", "configmaps", ["get"], caConfigMapName(nameOf(cache)))] : []),
      // A WebSocket is a GET; since Kubernetes 1.35 it needs create as well.
      rule("", "pods/portforward", ["get", "create"], registryPodOf(cache)),
      // For status.
      rule("", "pods", ["get", "list"]),
      rule("batch", "jobs", ["get", "list"]),
      rule("events.k8s.io", "events", ["list"]),
    ],
  };
  const binding = {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "RoleBinding",
    metadata: {
      ...metadata,
      name: `${name}-${subjectOf(user)
        .name.replaceAll(/[^a-z0-9]+/gi, "-")
        .toLowerCase()}`,
    },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name },
    subjects: [subjectOf(user)],
  };
  // A name such as off is text for kubectl where it is quoted alone.
  const text = (object: object) => stringify(object, { version: kubectlYaml.version });
  return `${text(role)}---\n${text(binding)}`;
}

function subjectOf(user: string): { readonly name: string; readonly [field: string]: string } {
  const [kind, first = "", second = ""] = user.split(":");
  if (kind === "serviceaccount" && second !== "") {
    return { kind: "ServiceAccount", namespace: first, name: second };
  }
  const apiGroup = "rbac.authorization.k8s.io";
  if (kind === "group" && first !== "") return { apiGroup, kind: "Group", name: user.slice("group:".length) };
  return { apiGroup, kind: "User", name: user };
}
