import type { V1Pod } from "@kubernetes/client-node";
import { visible } from "../../annotations/problems.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import { reasonOf } from "../output.ts";
import type { Session } from "../remote/session.ts";

const lines = 20;
/** A kubelet may not answer. */
const longestMs = 5_000;

/**
 * The end of the log of the container that made a step fail.
 *
 * @param session - of the person
 * @param pods - of the step
 * @returns lines, the first of which names the container; none where no container has failed
 */
export async function failedLog(
  { client, namespace }: Session,
  pods: readonly V1Pod[],
): Promise<readonly string[]> {
  const found = failedContainer(pods);
  if (found === undefined) return [];
  const { pod, container } = found;
  const where = `the log of the container ${container} of pod/${pod}`;
  try {
    const response = await client.stream({
      path: `${pathOf(resources.pods, { namespace, name: pod })}/log`,
      query: { container, tailLines: lines },
      signal: AbortSignal.timeout(longestMs),
    });
    const text = Buffer.concat(await response.toArray())
      .toString()
      .trimEnd();
    if (text === "") return [`${capital(where)} is empty.`];
    return [`The end of ${where}:`, ...text.split("\n").map((line) => `  ${visible(line)}`)];
  } catch (error) {
    return [visible(`${capital(where)} cannot be read: ${reasonOf(error)}.`)];
  }
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Of the Pod that failed last, the container that failed first: others often fail for its sake. */
function failedContainer(
  pods: readonly V1Pod[],
): { readonly pod: string; readonly container: string } | undefined {
  const all = pods.flatMap((pod) => {
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    const ends = [...initContainerStatuses, ...containerStatuses].flatMap(({ name, state }) => {
      const { exitCode = 0, finishedAt } = state?.terminated ?? {};
      return exitCode === 0 ? [] : [{ name, at: new Date(finishedAt ?? 0).getTime() }];
    });
    const [first] = ends.sort((a, b) => a.at - b.at);
    return first === undefined
      ? []
      : [{ pod: pod.metadata?.name ?? "", container: first.name, at: first.at }];
  });
  return all.sort((a, b) => a.at - b.at).at(-1);
}
