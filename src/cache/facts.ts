import type { V1StatefulSet } from "@kubernetes/client-node";
import type { AuthType } from "./access.ts";
import type { NetworkMode } from "./network-mode.ts";

/** What children and status depend on, and is the same for all caches. */
export interface CacheInstallation {
  /** OpenShift assigns user IDs itself and refuses fixed ones. */
  readonly openshift: boolean;
  /** Image of registries whose spec names none. */
  readonly registryImage: string;
  /** Image of the keeper, which is the agent's. */
  readonly agentImage: string;
  /** Whether registries whose spec does not say ask for a password. */
  readonly auth: AuthType;
  /** Who reaches registries whose spec does not say. */
  readonly network: NetworkMode;
  /** What the keys of caches are made from, secret. */
  readonly operatorKey: string;
  /** Where the operator runs. */
  readonly operatorNamespace: string;
  /** For example `cluster.local`. */
  readonly clusterDomain: string;
  /** HTTP_PROXY and so on, of containers that speak to registries elsewhere. */
  readonly proxies: Readonly<Record<string, string | undefined>>;
}

/** The CAs of a registry, PEM. */
export interface RegistryCas {
  /** The cache's own: of the term before, of this one and of the next. */
  readonly own: string;
  /** Those of the author's Secret, the newest first. */
  readonly authors: string;
}

/** What children depend on besides the cache. */
export interface ChildFacts extends CacheInstallation {
  /** A fresh random value, for a Secret that is made. */
  readonly random: string;
  /** The CAs of the registry; undefined where it serves no TLS. */
  readonly cas: RegistryCas | undefined;
  /** The StatefulSet as it is. */
  readonly statefulSet: V1StatefulSet | undefined;
  /** Whether a registry Pod has run on an emptyDir, in which there may be artifacts. */
  readonly mayHoldArtifacts: boolean;
}
