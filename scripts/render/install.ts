import { stringify } from "yaml";
import { names } from "../../schema/names.ts";
import { optionTable } from "../../schema/options.ts";
import { type Permission, rulesOf } from "../../src/kube/permissions.ts";
import { notice, type Rendered } from "./schema.ts";

/** The name of the container of the operator's process. */
const container = "manager";

/** Renders those manifests of config/ that follow from the tables and from what the code asks for. */
export function renderInstall(): Rendered[] {
  return [
    manifest("config/manager/options.yaml", [deploymentPatch()]),
    manifest("config/rbac/roles.yaml", roles()),
    manifest("config/components/pod-shape-auto/roles.yaml", [role("ClusterRole", "pod-shape", "pod-shape")]),
  ];
}

/** A YAML file of generated objects. */
export function manifest(path: string, documents: readonly unknown[]): Rendered {
  const text = documents.map((document) =>
    stringify(document, { lineWidth: 0, aliasDuplicateObjects: false, version: "1.1" }),
  );
  return { path, content: `# ${notice}\n${text.join("---\n")}` };
}

/** Options as environment variables: overlays merge those by name, while they would replace all arguments. */
function deploymentPatch(): object {
  const ports = optionTable.filter((option) => option.name.endsWith("-port"));
  const env = optionTable.filter(({ name, default: value = "" }) => value !== "" && name !== "namespace");
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: names.deployment, namespace: names.operatorNamespace },
    spec: {
      template: {
        spec: {
          containers: [
            {
              name: container,
              image: names.operatorImage,
              ports: ports.map((option) => ({
                name: option.name.replace("-port", ""),
                containerPort: option.default,
                protocol: "TCP",
              })),
              env: env.map((option) => ({ name: option.env, value: String(option.default) })),
            },
          ],
        },
      },
    },
  };
}

function roles(): object[] {
  return [
    role("ClusterRole", "manager", "cluster"),
    role("ClusterRole", "workflow", "workflow"),
    role("Role", "own-namespace", "own-namespace", names.operatorNamespace),
  ];
}

function role(kind: string, name: string, scope: Permission["scope"], namespace?: string): object {
  return {
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind,
    metadata: { name: `${names.operatorName}-${name}`, ...(namespace !== undefined && { namespace }) },
    rules: rulesOf(scope),
  };
}
