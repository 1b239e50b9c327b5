/**
 * Names on the volume of a step that both the operator and the agent use. What the agent alone uses is in
 * agent/internal/share.
 */
export const shareNames = {
  /** In the part of each wrapped container. */
  agent: "agent",
  barrier: "barrier",
  inputs: "inputs",
  /** In the first part. */
  entrypoint: "entrypoint.sh",
  orasEntrypoint: "oras-entrypoint.sh",
  /** Beside the parts: the folder of the original's protocol. */
  scripts: "scripts",
} as const;

/** What the termination message of the container `oras` begins with when nothing was pushed. */
export const notPushed = "nothing pushed: ";

/** What stands in it before the artifact, with its digest, that has what a failed step has left. */
export const leftBehind = "; what it left was pushed to ";
