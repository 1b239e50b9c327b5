import type { V1JobStatus, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";

/** A step that has failed, or was deleted, with its Pods. */
interface Failed {
  readonly object: {
    readonly metadata?: { readonly deletionTimestamp?: unknown };
    readonly status?: unknown;
  };
  readonly pods: readonly Pick<V1Pod, "status">[];
}

/**
 * How a step failed, in a few words: the container of its last Pod that ended first with an error, and its exit code.
 *
 * @param failed - the step
 * @returns such as `container main, exit code 137, OOMKilled`, or the reason of its Job; undefined where nothing tells
 */
export function whyFailed({ object, pods }: Failed): string | undefined {
  const [last] = pods
    .filter(({ status }) => status?.phase === "Failed")
    .map(badEnds)
    .sort((a, b) => timeOf(b.at(-1)) - timeOf(a.at(-1)));
  const [first] = last ?? [];
  if (first !== undefined) {
    const reason = [undefined, "", "Error"].includes(first.reason) ? "" : `, ${first.reason}`;
    return `container ${first.name}, exit code ${first.exitCode}${reason}`;
  }
  const { conditions } = (object.status as V1JobStatus | undefined) ?? {};
  const end = conditions?.find(
    ({ type, status }) => status === "True" && (type === "Failed" || type === "FailureTarget"),
  );
  // A Pod that the operator has ended has it there alone.
  const ended = conditions?.find(
    ({ type, status, reason }) =>
      type === names.inputsAvailable && status === "False" && endsWaiting.includes(reason ?? ""),
  );
  return (end ?? ended)?.reason ?? (object.metadata?.deletionTimestamp ? "deleted" : undefined);
}

/** Why the operator ends a step that waits. */
const endsWaiting: readonly string[] = ["InputNeverCame", "InputProducerFailed"];

/** Of one Pod, in the order of time. */
function badEnds({ status }: Pick<V1Pod, "status">) {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
    .flatMap(({ name, state }) => (state?.terminated?.exitCode ? [{ name, ...state.terminated }] : []))
    .sort((a, b) => timeOf(a) - timeOf(b));
}

function timeOf(end: { readonly finishedAt?: string | Date } | undefined): number {
  return new Date(end?.finishedAt ?? 0).getTime();
}
