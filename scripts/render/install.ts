import { stringify } from "yaml";
import { names } from "../../schema/names.ts";
import { optionTable } from "../../schema/options.ts";
import { type Permission, permissions } from "../../src/kube/permissions.ts";
import { workloadKinds } from "../../src/workload/read.ts";
import { matchConditions } from "./match-conditions.ts";
import { notice, type Rendered } from "./schema.ts";

/** The name of the container of the operator's process. */
const container = "manager";

/** Renders those manifests of config/ that follow from the tables and from what the code asks for. */
export function renderInstall(): Rendered[] {
  const configuration = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "MutatingWebhookConfiguration",
    metadata: { name: names.webhookConfiguration },
    webhooks: webhooks(),
  };
  return [
    manifest("config/webhook/webhooks.yaml", [configuration]),
    manifest("config/manager/options.yaml", [deploymentPatch()]),
    manifest("config/rbac/roles.yaml", roles()),
  ];
}

/** A webhook for each kind of workload: everything that they have nothing to do for is kept away from them by the API server. */
export function webhooks(): object[] {
  const conditions = matchConditions();
  return workloadKinds.map(({ group, plural }) => ({
    name: `${plural}.${names.prefix.slice(0, -1)}`,
    admissionReviewVersions: ["v1"],
    clientConfig: {
      service: {
        name: names.webhookService,
        namespace: names.operatorNamespace,
        path: names.webhookPath,
        port: 443,
      },
    },
    rules: [
      {
        apiGroups: [group],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: [plural],
        scope: "Namespaced",
      },
    ],
    matchConditions: conditions[plural],
    matchPolicy: "Equivalent",
    // The operator's own Pod must start while no operator answers.
    namespaceSelector: {
      matchExpressions: [
        { key: "kubernetes.io/metadata.name", operator: "NotIn", values: [names.operatorNamespace] },
      ],
    },
    objectSelector: {},
    failurePolicy: "Fail",
    reinvocationPolicy: "IfNeeded",
    sideEffects: "None",
    timeoutSeconds: 10,
  }));
}

/** The rules of RBAC for one scope, with what they are for. */
export function rules(scope: Permission["scope"]): object[] {
  return permissions
    .filter((permission) => permission.scope === scope)
    .map(({ apiGroup, resources, resourceNames, verbs }) => ({
      apiGroups: [apiGroup],
      resources: [...resources],
      ...(resourceNames ? { resourceNames: [...resourceNames] } : {}),
      verbs: [...verbs],
    }));
}

/** A YAML file of generated objects. */
export function manifest(path: string, documents: readonly unknown[]): Rendered {
  const text = documents.map((document) =>
    stringify(document, { lineWidth: 0, aliasDuplicateObjects: false }),
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
  const namespace = names.operatorNamespace;
  const group = "rbac.authorization.k8s.io";
  const role = (kind: "ClusterRole" | "Role", name: string, scope: Permission["scope"], where: object) => {
    const metadata = { name, ...where };
    return [
      { apiVersion: `${group}/v1`, kind, metadata, rules: rules(scope) },
      {
        apiVersion: `${group}/v1`,
        kind: `${kind}Binding`,
        metadata,
        roleRef: { apiGroup: group, kind, name },
        subjects: [{ kind: "ServiceAccount", name: names.serviceAccount, namespace }],
      },
    ];
  };
  const operator = String(names.operatorName);
  return [
    ...role("ClusterRole", `${operator}-manager`, "cluster", {}),
    ...role("Role", `${operator}-own-namespace`, "own-namespace", { namespace }),
  ];
}
