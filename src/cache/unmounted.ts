import type { V1Pod } from "@kubernetes/client-node";

/** Longer than a Pod needs that has all its volumes. */
const patienceMs = 10_000;
const longestMs = 300_000;

/**
 * Whether a Pod waits for a volume for so long that a Secret may be gone. The kubelet says which one in an Event alone: the
 * Pod's status has no more than that there is no sandbox yet (KEP-3085).
 *
 * @param pod - which
 * @param now - milliseconds since 1970
 * @returns in how many milliseconds to look again, each time twice as late; `isLong` says that it has waited for long. Undefined
 *   where it does not wait
 */
export function unmounted(
  { status }: V1Pod,
  now: number,
): { readonly isLong: boolean; readonly againInMs: number } | undefined {
  const conditionOf = (type: string) => status?.conditions?.find((condition) => condition.type === type);
  const { status: isScheduled, lastTransitionTime } = conditionOf("PodScheduled") ?? {};
  const isPending = status?.phase === "Pending" && isScheduled === "True";
  if (!isPending || conditionOf("PodReadyToStartContainers")?.status !== "False") return undefined;
  const waitedMs = now - new Date(lastTransitionTime ?? now).getTime();
  const isLong = waitedMs >= patienceMs;
  return { isLong, againInMs: isLong ? Math.min(waitedMs, longestMs) : patienceMs - Math.max(waitedMs, 0) };
}
