import type { V1Service } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { selectorLabels } from "./labels.ts";
import { childMetadata, identityOf } from "./owner.ts";
import { portsOf } from "./service.ts";
import type { OrasCache, StoredOrasCache } from "./types.ts";

/**
 * Whether the storage of a registry is one that several Pods can share: then they are reached by a Service, whatever
 * their number. It does not depend on `replicas`: a step that was created with two of them still finds the registry when
 * there is one.
 *
 * @param spec - of the cache, as submitted or stored
 */
export function isShared(spec: OrasCache["spec"]): boolean {
  const { s3, persistentVolumeClaim } = spec?.storage ?? {};
  const { claimName, accessModes } = persistentVolumeClaim ?? {};
  // How a claim of the author's may be mounted is known to the author alone.
  return s3 !== undefined || claimName !== undefined || accessModes?.includes("ReadWriteMany") === true;
}

/**
 * The name of the Service by which the ready Pods of a registry are reached.
 *
 * @param cache - name of the cache
 */
export function registryServiceName(cache: string): string {
  return `${cache}${names.registryServiceSuffix}`;
}

/**
 * The Service of a registry with several Pods. The headless one, which gives Pods their names, has those that are not ready,
 * too, and no address that could be given to it now; it stays for who names the first Pod.
 *
 * @param cache - whose
 * @returns undefined where there can be no more than one Pod
 */
export function registryService(cache: StoredOrasCache): V1Service | undefined {
  if (!isShared(cache.spec)) return undefined;
  const owner = identityOf(cache);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: childMetadata(owner, registryServiceName(owner.name)),
    spec: {
      type: "ClusterIP",
      selector: selectorLabels(owner.name),
      ports: portsOf(cache),
    },
  };
}
