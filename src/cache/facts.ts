import type { V1StatefulSet } from "@kubernetes/client-node";

/** What children depend on besides the cache. */
export interface ChildFacts {
  /** OpenShift assigns user IDs itself and refuses fixed ones. */
  readonly openshift: boolean;
  /** Image of registries whose spec names none. */
  readonly registryImage: string;
  /** A fresh random value, for a Secret that is made. */
  readonly random: string;
  /** The StatefulSet as it is. */
  readonly statefulSet: V1StatefulSet | undefined;
  /** Whether a registry Pod has run on an emptyDir, in which there may be artifacts. */
  readonly mayHoldArtifacts: boolean;
}
