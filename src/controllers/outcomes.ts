import type { V1ContainerStatus, V1Pod } from "@kubernetes/client-node";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import type { EventNote } from "../kube/events.ts";

/** How one container of a step ended, as its termination message says. */
export interface Outcome {
  readonly note: EventNote;
  readonly finishedAt: Date;
  /** Of an artifact that was pushed. */
  readonly pushed?: { readonly bytes: number; readonly seconds: number };
}

const reasons = new Map<number, string>(
  Object.entries(exitCodes).map(([name, { code }]) => [code, name[0]?.toUpperCase() + name.slice(1)]),
);

/**
 * What is told of a step's Pod: what was pushed, or why something of ours failed. What the program itself ended with
 * is not told, the kubelet does that.
 *
 * @param pod - one that was injected
 */
export function outcomesOf(pod: V1Pod): Outcome[] {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  return [...initContainerStatuses, ...containerStatuses].flatMap((status) => outcomeOf(status) ?? []);
}

function outcomeOf({ name, state, containerID = "" }: V1ContainerStatus): Outcome | undefined {
  const { terminated } = state ?? {};
  if (!terminated?.finishedAt) return undefined;
  const { exitCode, message = "" } = terminated;
  const finishedAt = new Date(terminated.finishedAt);
  const occasion = containerID;
  const failed = reasons.get(exitCode);
  // A program may end with any code: only a message of ours says that it was one of ours.
  if (failed !== undefined && message.endsWith(`(exit code ${exitCode})`)) {
    const note = { type: "Warning", reason: failed, action: "Step", note: message, occasion } as const;
    return { note, finishedAt };
  }
  if (exitCode !== 0 || !isOurs(name)) return undefined;
  if (message.startsWith(notPushed)) {
    const note = { type: "Normal", reason: "NotPushed", action: "Push", note: message, occasion } as const;
    return { note, finishedAt };
  }
  const pushed = readPushed(message);
  if (!pushed) return undefined;
  const { artifact, digest, bytes, seconds } = pushed;
  const text = `Pushed ${artifact}@${digest}, ${bytes} bytes in ${seconds} s.`;
  const note = { type: "Normal", reason: "Pushed", action: "Push", note: text, occasion } as const;
  return { note, finishedAt, pushed: { bytes, seconds } };
}

/** What the scripts' message begins with when there was nothing to push. */
const notPushed = "nothing pushed: ";

function isOurs(container: string): boolean {
  return new RegExp(`^${names.pushContainer}(-[0-9]+)?$`).test(container);
}

function readPushed(message: string) {
  try {
    const { artifact, digest, bytes, seconds } = JSON.parse(message) as Record<string, unknown>;
    if (typeof artifact !== "string" || typeof digest !== "string") return undefined;
    if (typeof bytes !== "number" || typeof seconds !== "number") return undefined;
    return { artifact, digest, bytes, seconds };
  } catch {
    return undefined; // a container of the user's that has our name
  }
}
