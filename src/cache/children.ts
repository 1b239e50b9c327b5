import type {
  V1ConfigMap,
  V1NetworkPolicy,
  V1PersistentVolumeClaim,
  V1PodDisruptionBudget,
  V1Secret,
  V1Service,
  V1StatefulSet,
} from "@kubernetes/client-node";
import { credentialsSecret, keySecret, nodeCredentialsSecret } from "./access-secrets.ts";
import { caConfigMap } from "./ca-config-map.ts";
import { claim } from "./claim.ts";
import { disruptionBudget } from "./disruption-budget.ts";
import type { ChildFacts } from "./facts.ts";
import { httpSecret } from "./http-secret.ts";
import { networkPolicy } from "./network-policy.ts";
import { registryService } from "./registry-service.ts";
import { service } from "./service.ts";
import { statefulSet } from "./stateful-set.ts";
import type { StoredOrasCache } from "./types.ts";

/** An object that the operator makes for a cache. */
export type Child =
  | V1ConfigMap
  | V1NetworkPolicy
  | V1Secret
  | V1Service
  | V1PersistentVolumeClaim
  | V1PodDisruptionBudget
  | V1StatefulSet;

/** Each makes one child, or none. In the order in which they are made: a Pod should find what it refers to. */
const children: readonly ((cache: StoredOrasCache, facts: ChildFacts) => Child | undefined)[] = [
  httpSecret,
  keySecret,
  credentialsSecret,
  nodeCredentialsSecret,
  caConfigMap,
  service,
  registryService,
  networkPolicy,
  disruptionBudget,
  claim,
  statefulSet,
];

/**
 * Every object that a cache should have, in the order in which they are made. What it has besides is to be deleted.
 *
 * @param cache - as stored
 * @param facts - what they depend on
 */
export function desiredChildren(cache: StoredOrasCache, facts: ChildFacts): Child[] {
  if (!cache.spec.deploy) return [];
  return children.flatMap((child) => child(cache, facts) ?? []);
}
