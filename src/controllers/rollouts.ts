import type { V1Pod, V1PodTemplateSpec, V1StatefulSet } from "@kubernetes/client-node";
import { isCovered } from "../cache/covered.ts";
import { changesOf } from "../cache/pod-changes.ts";
import { isRolledOut } from "../cache/rollout.ts";
import type { EventNote } from "../kube/events.ts";

/** Tells when a registry's Pod is replaced, and what changes by that. */
export interface Rollouts {
  /** After a StatefulSet was changed: what begins by that. */
  readonly begun: (key: string, desired: V1StatefulSet, pods: readonly V1Pod[]) => EventNote[];
  /** What has ended since. */
  readonly ended: (key: string, live: V1StatefulSet | undefined) => EventNote[];
  readonly forget: (key: string) => void;
}

/** Remembers the rollouts of caches until they are done. A process that starts in the midst of one tells of no end. */
export function createRollouts(): Rollouts {
  const running = new Map<string, { changes: string; template: V1PodTemplateSpec | undefined }>();
  const note = (reason: "RollingOut" | "RolledOut", text: string): EventNote[] => [
    { type: "Normal", action: "Update", reason, note: text },
  ];
  return {
    begun: (key, { spec }, pods) => {
      const pod = pods.find(({ metadata }) => !metadata?.deletionTimestamp);
      if (spec?.updateStrategy?.type !== "RollingUpdate" || spec.replicas === 0 || pod === undefined)
        return [];
      const changes = changesOf(spec.template, pod).join("; ");
      if (changes === "") return [];
      running.set(key, { changes, template: spec.template });
      return note("RollingOut", `Replacing the registry's Pod: ${changes}. It ends what it has begun first.`);
    },
    ended: (key, live) => {
      const rollout = running.get(key);
      if (rollout === undefined || !isCovered(rollout.template, live?.spec?.template) || !isRolledOut(live))
        return [];
      running.delete(key);
      return note("RolledOut", `The registry's Pod was replaced: ${rollout.changes}.`);
    },
    forget: (key) => {
      running.delete(key);
    },
  };
}
