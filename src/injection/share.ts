import type { V1EnvVar, V1VolumeMount } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { shareNames } from "../../schema/share.ts";

/** What of the share a container sees: see agent/internal/share. */
export type ShareMount = Omit<V1VolumeMount, "name">;

/** The agent for added containers whose image the author chose. */
export const agentOnShare = agentIn(`${names.sharePath}/0`);

/**
 * The agent where a container has its part of the share.
 *
 * @param path - of the part
 */
export function agentIn(path: string): string {
  return `${path}/${shareNames.agent}`;
}

/** Below the folder of the original's protocol: what the operator runs, which a script cannot change. */
export const operatorFolder = "operator";

/**
 * What a wrapped container sees: its part, which it cannot write, so that it can neither change what runs nor read what
 * others hand over.
 *
 * @param number - of the container, from 0
 * @param path - where
 * @param removesInputs - whether it removes inputs as it unpacks them, which spares their room
 */
export function partMounts(number: number, path: string, removesInputs: boolean): ShareMount[] {
  return [
    { mountPath: path, subPath: String(number), readOnly: true },
    ...(removesInputs
      ? [{ mountPath: `${path}/${shareNames.inputs}`, subPath: `${number}/${shareNames.inputs}` }]
      : []),
  ];
}

/**
 * The variable that holds a wrapped container back until the agent is on its part of the share: the kubelet cannot make
 * the container's environment before the file is there, and tries again.
 *
 * @param number - of the container, from 0
 * @param volume - name of the share
 * @see https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-via-file/
 */
export function barrier(number: number, volume: string): V1EnvVar {
  const key = names.readyVariable;
  return {
    name: key,
    valueFrom: { fileKeyRef: { volumeName: volume, path: `${number}/${shareNames.barrier}`, key } },
  };
}

/** What containers with scripts of the author's see: the folder that these share, and what the operator runs. */
export function scriptMounts(path: string): ShareMount[] {
  return [
    { mountPath: path, subPath: shareNames.scripts },
    { mountPath: `${path}/${operatorFolder}`, subPath: "0", readOnly: true },
  ];
}
