import { type Resource, resources } from "../kube/resources.ts";

/** How the operator handles a kind of child. */
export interface ChildKind {
  readonly resource: Resource;
  /**
   * `apply`: watched, kept as it should be, deleted when it should not be there. `create`: made once; the operator may
   * neither read nor change Secrets, and the garbage collector deletes them with the cache. `claim`: watched, made once,
   * its labels, its owner and its size kept; never deleted, for it holds the artifacts.
   */
  readonly access: "apply" | "create" | "claim";
}

/** The kinds of children, by their `kind`. */
export const childKinds: Readonly<Record<string, ChildKind>> = {
  Secret: { resource: resources.secrets, access: "create" },
  ConfigMap: { resource: resources.configMaps, access: "apply" },
  Service: { resource: resources.services, access: "apply" },
  PersistentVolumeClaim: { resource: resources.persistentVolumeClaims, access: "claim" },
  NetworkPolicy: { resource: resources.networkPolicies, access: "apply" },
  PodDisruptionBudget: { resource: resources.podDisruptionBudgets, access: "apply" },
  StatefulSet: { resource: resources.statefulSets, access: "apply" },
};
