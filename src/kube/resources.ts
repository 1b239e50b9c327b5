import { names } from "../../schema/names.ts";

/** A kind of object and where the API server serves it. */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

/** Every kind that the operator touches. */
export const resources = {
  orasCaches: {
    group: names.group,
    version: names.version,
    plural: names.plural,
    kind: names.kind,
    namespaced: true,
  },
  namespaces: { group: "", version: "v1", plural: "namespaces", kind: "Namespace", namespaced: false },
  pods: { group: "", version: "v1", plural: "pods", kind: "Pod", namespaced: true },
  nodes: { group: "", version: "v1", plural: "nodes", kind: "Node", namespaced: false },
  limitRanges: { group: "", version: "v1", plural: "limitranges", kind: "LimitRange", namespaced: true },
  services: { group: "", version: "v1", plural: "services", kind: "Service", namespaced: true },
  configMaps: { group: "", version: "v1", plural: "configmaps", kind: "ConfigMap", namespaced: true },
  secrets: { group: "", version: "v1", plural: "secrets", kind: "Secret", namespaced: true },
  persistentVolumeClaims: {
    group: "",
    version: "v1",
    plural: "persistentvolumeclaims",
    kind: "PersistentVolumeClaim",
    namespaced: true,
  },
  serviceAccounts: {
    group: "",
    version: "v1",
    plural: "serviceaccounts",
    kind: "ServiceAccount",
    namespaced: true,
  },
  statefulSets: {
    group: "apps",
    version: "v1",
    plural: "statefulsets",
    kind: "StatefulSet",
    namespaced: true,
  },
  jobs: { group: "batch", version: "v1", plural: "jobs", kind: "Job", namespaced: true },
  leases: {
    group: "coordination.k8s.io",
    version: "v1",
    plural: "leases",
    kind: "Lease",
    namespaced: true,
  },
  events: { group: "events.k8s.io", version: "v1", plural: "events", kind: "Event", namespaced: true },
  mutatingWebhookConfigurations: {
    group: "admissionregistration.k8s.io",
    version: "v1",
    plural: "mutatingwebhookconfigurations",
    kind: "MutatingWebhookConfiguration",
    namespaced: false,
  },
  networkPolicies: {
    group: "networking.k8s.io",
    version: "v1",
    plural: "networkpolicies",
    kind: "NetworkPolicy",
    namespaced: true,
  },
  podDisruptionBudgets: {
    group: "policy",
    version: "v1",
    plural: "poddisruptionbudgets",
    kind: "PodDisruptionBudget",
    namespaced: true,
  },
  serviceCidrs: {
    group: "networking.k8s.io",
    version: "v1",
    plural: "servicecidrs",
    kind: "ServiceCIDR",
    namespaced: false,
  },
} as const satisfies Record<string, Resource>;

/**
 * The API version as objects have it, such as `apps/v1`.
 *
 * @param resource - any
 */
export function apiVersionOf(resource: Resource): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** Where in a resource a request goes: all of it, a namespace, an object, a part of an object. */
export interface Place {
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: "status";
}

/**
 * The path of a collection or an object.
 *
 * @param resource - the kind
 * @param place - within it
 * @throws InvalidPathSegmentError when a name would lead elsewhere
 */
export function pathOf(resource: Resource, place: Place = {}): string {
  const parts =
    resource.group === "" ? ["api", resource.version] : ["apis", resource.group, resource.version];
  if (resource.namespaced && place.namespace !== undefined) parts.push("namespaces", place.namespace);
  parts.push(resource.plural);
  if (place.name !== undefined) parts.push(place.name);
  if (place.subresource !== undefined) parts.push(place.subresource);
  return parts.map((part) => `/${pathSegment(part)}`).join("");
}

/** A name that cannot be part of a path to the API server. */
export class InvalidPathSegmentError extends Error {
  override readonly name = "InvalidPathSegmentError";

  /** @param segment - the name */
  constructor(segment: string) {
    super(`${JSON.stringify(segment.slice(0, 300))} cannot be the name of an object`);
  }
}

/**
 * One part of a path. Escaping is not enough: `..` and its escaped forms lead to another path all the same.
 *
 * @see https://github.com/kubernetes/apimachinery/blob/master/pkg/api/validation/path/name.go
 */
function pathSegment(text: string): string {
  if (text === "" || text === "." || text === ".." || /[/%]/.test(text) || !text.isWellFormed()) {
    throw new InvalidPathSegmentError(text);
  }
  return encodeURIComponent(text);
}
