import { names } from "../../schema/names.ts";
import { type Resource, resources } from "./resources.ts";

/** One rule of RBAC that the operator needs. */
export interface Permission {
  readonly apiGroup: string;
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
  /** Only objects of these names, where RBAC can say so. */
  readonly resourceNames?: readonly string[];
  /** Paths of the API server that are no objects, instead of resources. */
  readonly nonResourceURLs?: readonly string[];
  /**
   * Every namespace and what has none, or the operator's own namespace; or everywhere, but with the option workflow, or
   * with the option pod-shape auto alone; or everywhere, but for the command release-finalizers, which is not the
   * operator's process.
   */
  readonly scope: "cluster" | "own-namespace" | "workflow" | "pod-shape" | "release-finalizers";
  /** What for. */
  readonly why: string;
}

const {
  orasCaches,
  pods,
  namespaces,
  limitRanges,
  services,
  persistentVolumeClaims,
  configMaps,
  statefulSets,
  secrets,
  leases,
  events,
  jobs,
  mutatingWebhookConfigurations,
  serviceAccounts,
  serviceCidrs,
  networkPolicies,
  podDisruptionBudgets,
  nodes,
} = resources;

/**
 * Every permission that the code needs, and no other: the manifests of the installation are made from this list.
 * Discovery (`/version`, `/apis`) is open to every authenticated user.
 */
export const permissions: readonly Permission[] = [
  rule("cluster", orasCaches, ["list", "watch"], "know every cache"),
  rule("cluster", orasCaches, ["patch"], "report", { subresource: "status" }),
  // RBAC cannot restrict it to finalizers: policies/operator.yaml does.
  rule(
    "cluster",
    orasCaches,
    ["patch"],
    "hold a cache that is deleted until its artifacts are exported, or its folder of a bucket is empty",
  ),
  rule("cluster", namespaces, ["get"], "hold no cache whose namespace is being deleted"),
  // blockOwnerDeletion on children, where the plugin OwnerReferencesPermissionEnforcement is on (OpenShift).
  rule("cluster", orasCaches, ["update"], "own children", { subresource: "finalizers" }),
  rule("cluster", services, ["get", "list", "watch", "create", "patch", "delete"], "a cache's Services"),
  rule(
    "cluster",
    networkPolicies,
    ["get", "list", "watch", "create", "patch", "delete"],
    "a cache's NetworkPolicy",
  ),
  rule(
    "cluster",
    podDisruptionBudgets,
    ["get", "list", "watch", "create", "patch", "delete"],
    "a cache's PodDisruptionBudget",
  ),
  rule(
    "cluster",
    statefulSets,
    ["get", "list", "watch", "create", "patch", "delete"],
    "a cache's StatefulSet",
  ),
  rule(
    "cluster",
    configMaps,
    ["get", "list", "watch", "create", "patch", "delete"],
    "the ConfigMap with a cache's CA",
  ),
  // Never deleted: the garbage collector deletes one that is to go with its cache.
  rule(
    "cluster",
    persistentVolumeClaims,
    ["get", "list", "watch", "create", "patch"],
    "a cache's PersistentVolumeClaim",
  ),
  rule("cluster", secrets, ["create"], "a cache's HTTP secret, key and login, never read"),
  rule("cluster", pods, ["list", "watch"], "tell how steps ended and why a registry does not run"),
  // Labels and fields cannot be part of a rule: policies/operator.yaml limits these to what is said here.
  rule("cluster", pods, ["patch"], "end a step that cannot end by itself, open one whose inputs are there"),
  rule("workflow", pods, ["get"], "know all that a Pod would run with, of which watches keep little"),
  rule("workflow", jobs, ["patch"], "open a step whose inputs are there"),
  rule("workflow", pods, ["patch"], "tell whether inputs are there, fail a step whose inputs never come", {
    subresource: "status",
  }),
  rule("workflow", jobs, ["patch"], "tell whether inputs are there, fail a step whose inputs never come", {
    subresource: "status",
  }),
  rule("cluster", jobs, ["get"], "tell a Job how its Pods ended, if it is theirs"),
  rule("cluster", jobs, ["list", "watch"], "know who makes what, and keep the inputs of Jobs without Pods"),
  rule("cluster", limitRanges, ["list", "watch"], "ask for no more and no less than a namespace allows"),
  rule("cluster", serviceAccounts, ["get"], "know which pull secrets the Pods of a Job will get"),
  rule("cluster", serviceCidrs, ["list", "watch"], "not take a Service of the cluster for a public registry"),
  rule("cluster", events, ["create"], "tell what was done"),
  rule("cluster", mutatingWebhookConfigurations, ["list", "watch", "patch"], "publish the webhook's CA", {
    resourceNames: [names.webhookConfiguration],
  }),
  rule("cluster", events, ["list", "watch"], "tell why a StatefulSet has no Pod"),
  rule("pod-shape", nodes, ["list", "watch"], "know the versions of the kubelets"),
  {
    ...{ apiGroup: "", resources: [], nonResourceURLs: ["/metrics"], verbs: ["get"], scope: "pod-shape" },
    why: "know the feature gates of the API server",
  },
  rule("own-namespace", secrets, ["list", "watch", "update"], "the webhook's certificate", {
    resourceNames: [names.webhookSecret],
  }),
  rule("own-namespace", secrets, ["list", "watch"], "the key of the caches' passwords", {
    resourceNames: [names.cacheKeySecret],
  }),
  // RBAC cannot restrict "create" to names.
  rule("own-namespace", secrets, ["create"], "the webhook's certificate, the key of the caches' passwords"),
  rule("own-namespace", leases, ["create"], "elect a leader"),
  rule("own-namespace", leases, ["get", "update"], "elect a leader", { resourceNames: [names.lease] }),
  rule("release-finalizers", orasCaches, ["list", "patch"], "take finalizers off when the operator has gone"),
  rule("release-finalizers", mutatingWebhookConfigurations, ["get"], "know whether it has gone", {
    resourceNames: [names.webhookConfiguration],
  }),
];

function rule(
  scope: Permission["scope"],
  resource: Resource,
  verbs: readonly string[],
  why: string,
  more: { subresource?: string; resourceNames?: readonly string[] } = {},
): Permission {
  const { subresource, resourceNames } = more;
  const name = subresource === undefined ? resource.plural : `${resource.plural}/${subresource}`;
  return {
    apiGroup: resource.group,
    resources: [name],
    verbs,
    scope,
    why,
    ...(resourceNames && { resourceNames }),
  };
}

/** The rules of a scope, as RBAC has them. */
export function rulesOf(scope: Permission["scope"]): object[] {
  return permissions
    .filter((permission) => permission.scope === scope)
    .map(({ apiGroup, resources, resourceNames, nonResourceURLs, verbs }) =>
      nonResourceURLs
        ? { nonResourceURLs: [...nonResourceURLs], verbs: [...verbs] }
        : {
            apiGroups: [apiGroup],
            resources: [...resources],
            ...(resourceNames ? { resourceNames: [...resourceNames] } : {}),
            verbs: [...verbs],
          },
    );
}
