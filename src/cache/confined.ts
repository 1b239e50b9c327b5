import type { V1SecurityContext } from "@kubernetes/client-node";

/** What every container of a registry's Pod is confined to. */
export const confined: V1SecurityContext = {
  allowPrivilegeEscalation: false,
  capabilities: { drop: ["ALL"] },
  readOnlyRootFilesystem: true,
};
