import type { V1SecurityContext } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";

/**
 * The security context of the operator's containers: allowed under Pod Security `restricted`, whatever the
 * Pod's own context says. `runAsNonRoot` alone would inherit a Pod-level `runAsUser: 0` and then fail to start,
 * so the UID is set too, except on OpenShift, where the platform assigns it and refuses any other.
 *
 * @param openshift - whether the cluster assigns UIDs
 */
export function restrictedSecurityContext(openshift: boolean): V1SecurityContext {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ["ALL"] },
    readOnlyRootFilesystem: true,
    runAsNonRoot: true,
    ...(openshift ? {} : { runAsUser: names.uid, runAsGroup: names.uid }),
    seccompProfile: { type: "RuntimeDefault" },
  };
}
