import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { visible, visibleLines } from "../../annotations/problems.ts";
import { isStatus } from "../../kube/errors.ts";
import { pathOf, resources } from "../../kube/resources.ts";
import type { StepFacts } from "../../lineage/graph.ts";
import type { Details } from "../../page/protocol.ts";
import { type Objects, stepsOf } from "../graph/steps.ts";
import type { Session } from "../remote/session.ts";
import { findingsOf } from "../status/findings.ts";
import { readFacts } from "../status/read.ts";
import { transfersOf } from "./artifacts.ts";

const mostEvents = 30;
const mostLogs = 2;
const logLines = 40;
const logBytes = 16_384;
/** Its kubelet may not answer. */
const longestLogMs = 4_000;

/**
 * What is shown of a step: all that `status` says, its artifacts, and the ends of its logs.
 *
 * @param session - of the person
 * @param objects - of the namespace
 * @param id - `job/NAME` or `pod/NAME`
 * @throws CliError where the step is not there, or may not be looked at
 */
export async function detailsOf(session: Session, objects: Objects, id: string): Promise<Details> {
  const [kind = "", name = ""] = id.split("/");
  const subject = { kind: kind as "job" | "pod", name };
  const facts = await readFacts(session, subject, objects);
  const logs = await logsOf(session, facts.pods);
  const about = stepsOf(objects).find((step) => step.kind.toLowerCase() === kind && step.name === name);
  return {
    id,
    findings: findingsOf(facts, subject.kind).map(({ level, text, ...rest }) => ({
      level,
      text: visible(text),
      ...rest,
    })),
    logs: logs.found,
    ...transfersOf(about ?? nothing, facts.pods, objects, session),
    pods: facts.pods.map(({ metadata, status, spec }) => ({
      name: metadata?.name ?? "",
      phase: status?.phase ?? "",
      node: spec?.nodeName,
    })),
    events: facts.events.slice(0, mostEvents).map(({ at, type, reason, note }) => ({
      ...{ at, type, reason },
      note: visible(note),
    })),
    commands: [
      `kubectl oras-cache status ${id} ${session.kubectlOptions}`,
      `kubectl oras-cache why ${id} ${session.kubectlOptions}`,
      `kubectl ${session.kubectlOptions} logs ${id} --all-containers`,
    ],
    unread: [...new Set([...facts.unread, ...logs.unread])],
  };
}

/** Of a step that has gone meanwhile. */
const nothing: Pick<StepFacts, "inputs" | "outputs"> = { inputs: [], outputs: [] };

interface Logs {
  readonly found: Details["logs"];
  readonly unread: readonly string[];
}

/** Of containers that failed the ends are read; where none did, of those that run. */
async function logsOf(session: Session, pods: readonly V1Pod[]): Promise<Logs> {
  const all = pods.flatMap((pod) =>
    statusesOf(pod).map((status) => ({ pod: pod.metadata?.name ?? "", status })),
  );
  const failed = all.filter(({ status }) => (endOf(status)?.exitCode ?? 0) !== 0);
  const chosen = failed.length > 0 ? failed : all.filter(({ status }) => status.state?.running !== undefined);
  const unread: string[] = [];
  const found = await Promise.all(
    chosen.slice(0, mostLogs).map(async ({ pod, status }) => {
      try {
        const lines = await logOf(session, pod, status);
        return lines === "" ? [] : [{ container: `${pod}/${status.name}`, lines }];
      } catch (error) {
        unread.push(
          isStatus(error, 403)
            ? `You have no right to get pods/log in the namespace ${session.namespace}: logs are missing.`
            : `The log of ${pod}/${status.name} is missing: ${visible((error as Error).message)}`,
        );
        return [];
      }
    }),
  );
  return { found: found.flat(), unread };
}

function statusesOf({ status }: V1Pod): V1ContainerStatus[] {
  return [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
}

function endOf({ state, lastState }: V1ContainerStatus) {
  return state?.terminated ?? lastState?.terminated;
}

async function logOf(
  { client, namespace }: Session,
  pod: string,
  status: V1ContainerStatus,
): Promise<string> {
  // What it was started again for stands in the log of the time before.
  const previous = state(status) === undefined && status.lastState?.terminated !== undefined;
  const response = await client.stream({
    path: `${pathOf(resources.pods, { namespace, name: pod })}/log`,
    query: {
      container: status.name,
      tailLines: logLines,
      limitBytes: logBytes,
      previous: previous || undefined,
    },
    signal: AbortSignal.timeout(longestLogMs),
  });
  return visibleLines(
    Buffer.concat(await response.toArray())
      .toString()
      .trimEnd(),
  );
}

function state({ state: now }: V1ContainerStatus) {
  return now?.terminated;
}
