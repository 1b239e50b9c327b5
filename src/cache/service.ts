import type { V1Service } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { type CacheIdentity, childMetadata, selectorLabels } from "./owner.ts";

/**
 * The headless Service of a cache: it gives the registry's Pods their names in DNS.
 *
 * @param cache - whose
 */
export function desiredService(cache: CacheIdentity): V1Service {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: childMetadata(cache),
    spec: {
      clusterIP: "None",
      // A name that does not resolve is remembered by DNS caches for longer than a registry takes to start.
      publishNotReadyAddresses: true,
      selector: selectorLabels(cache.name),
      ports: [
        { name: "registry", port: names.registryPort, protocol: "TCP", targetPort: names.registryContainer },
      ],
    },
  };
}
