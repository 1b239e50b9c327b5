import type { V1Service, V1ServicePort } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { selectorLabels } from "./labels.ts";
import { childMetadata, identityOf } from "./owner.ts";
import { runsKeeper } from "./storage.ts";
import type { StoredOrasCache } from "./types.ts";

/**
 * The headless Service of a cache: it gives the registry's Pods their names in DNS.
 *
 * @param cache - whose
 */
export function service(cache: StoredOrasCache): V1Service {
  const owner = identityOf(cache);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: childMetadata(owner),
    spec: {
      clusterIP: "None",
      // A name that does not resolve is remembered by DNS caches for longer than a registry takes to start.
      publishNotReadyAddresses: true,
      selector: selectorLabels(owner.name),
      ports: portsOf(cache),
    },
  };
}

/**
 * The ports of a cache's Services.
 *
 * @param cache - whose
 */
export function portsOf(cache: StoredOrasCache): V1ServicePort[] {
  return [
    port(names.registryContainer, names.registryPort),
    ...(runsKeeper(cache)
      ? [port("metrics", names.registryMetricsPort), port(names.keeperContainer, names.keeperPort)]
      : []),
  ];
}

/** The ports of the Pod have the same names; a Pod that lacks one, of an earlier version, is found by the others. */
function port(name: string, number: number): V1ServicePort {
  return { name, port: number, protocol: "TCP", targetPort: name };
}
