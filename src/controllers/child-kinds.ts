import { type Resource, resources } from "../kube/resources.ts";

/** How the operator handles a kind of child. */
export interface ChildKind {
  readonly resource: Resource;
  /**
   * `apply`: watched, kept as it should be, deleted when it should not be there. `create`: made once; the operator may
   * neither read nor change Secrets, and the garbage collector deletes them with the cache.
   */
  readonly access: "apply" | "create";
}

/** The kinds of children, by their `kind`. */
export const childKinds: Readonly<Record<string, ChildKind>> = {
  Secret: { resource: resources.secrets, access: "create" },
  Service: { resource: resources.services, access: "apply" },
  StatefulSet: { resource: resources.statefulSets, access: "apply" },
};
