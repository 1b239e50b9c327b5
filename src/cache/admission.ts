/** Why admission refuses an object because of its resources. */
export type ResourceRefusal = "ResourcesNotSet" | "QuotaExceeded" | "LimitRangeViolation";

const words: readonly (readonly [RegExp, ResourceRefusal])[] = [
  [/must specify \S+ for:/, "ResourcesNotSet"],
  // Without a quota that covers it, what the API server is set to limit is refused, too: "insufficient quota to …".
  [/exceeded quota|failed quota|insufficient quota/, "QuotaExceeded"],
  [
    /(?:minimum|maximum) \S+ usage per (?:Container|Pod|PersistentVolumeClaim) is|max limit to request ratio per/,
    "LimitRangeViolation",
  ],
  // A LimitRange's default limit, below the request that the Pod has.
  [/resources\.requests: Invalid value: .* must be less than or equal to \S+ limit/, "LimitRangeViolation"],
];

/**
 * Which rule of the namespace on resources refuses an object. The API server has no code for it.
 *
 * @param message - the API server's
 * @returns undefined where it is another rule
 * @see https://kubernetes.io/docs/concepts/policy/resource-quotas/ and https://kubernetes.io/docs/concepts/policy/limit-range/
 */
export function resourceRefusal(message: string): ResourceRefusal | undefined {
  return words.find(([pattern]) => pattern.test(message))?.[1];
}
