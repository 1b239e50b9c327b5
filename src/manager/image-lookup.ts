import { isIPv6 } from "node:net";
import { visible } from "../annotations/problems.ts";
import { sentenceOf } from "../kube/errors.ts";
import type { ClusterFacts } from "../kube/facts.ts";
import type { KubeObject } from "../kube/objects.ts";
import { startReflector } from "../kube/reflector.ts";
import { resources } from "../kube/resources.ts";
import type { Reach } from "../registry/addresses.ts";
import { createLookup, type Lookup, type LookupSettings } from "../registry/lookup.ts";
import { createPullSecretsReader, createSecretReader, type PullSecretsOf } from "../webhook/pull-secrets.ts";
import { watchTrouble } from "./log.ts";
import type { Process } from "./process.ts";

/** The running image lookup. */
export interface ImageLookup {
  readonly lookup: Lookup;
  /** The same, for what has to know what a tag stands for now. */
  readonly freshLookup: Lookup;
  readonly pullSecretsOf: PullSecretsOf;
  /** Which hosts may be asked. */
  readonly reach: Reach;
  /** Settles when nothing is watched any more. */
  readonly stopped: Promise<void>;
}

interface ServiceCidr extends KubeObject {
  readonly spec?: { readonly cidrs?: readonly string[] };
}

/** ServiceCIDR is in networking.k8s.io/v1 from here on (KEP-1880). */
const minorWithServiceCidrs = 33;

/** Of many equal steps one asks. */
const freshMs = 2_000;

/** What is logged of what others wrote. */
const longestImage = 300;
const longestDetail = 500;

/**
 * Starts what finds out what images run: it asks registries at public addresses, and the hosts that the installation
 * names. The cluster's Services may have public addresses too: those are left out.
 *
 * @param self - the process
 * @param facts - of the cluster
 * @param signal - ends it
 */
export function startImageLookup(self: Process, facts: ClusterFacts, signal: AbortSignal): ImageLookup {
  const { client, log, options } = self;
  const { clusterNetworks, stopped } = watchServiceNetworks(self, facts, signal);
  const allowedHosts = new Set(options.imageLookupHosts?.split(",").map((host) => host.trim()));
  const reach: Reach = { allowedHosts, clusterNetworks };
  const settings: LookupSettings = {
    reach,
    proxies: { HTTPS_PROXY: options.httpsProxy, NO_PROXY: options.noProxy },
    readSecrets: createSecretReader(client),
    onUnknown: (image, detail) =>
      log.info(
        { image: visible(image.slice(0, longestImage)), error: visible(detail.slice(0, longestDetail)) },
        "image lookup failed",
      ),
  };
  const lookup = createLookup(settings);
  const freshLookup = createLookup({ ...settings, tagMs: freshMs });
  const pullSecretsOf = createPullSecretsReader(client, (error) =>
    log.warn({ error: sentenceOf(error) }, "ServiceAccount cannot be read"),
  );
  return { lookup, freshLookup, pullSecretsOf, reach, stopped };
}

/** The networks that ServiceCIDR objects name and, for clusters without them, what lies around the API server's Service. */
function watchServiceNetworks({ client, log }: Process, facts: ClusterFacts, signal: AbortSignal) {
  const around = aroundTheApiServer(process.env["KUBERNETES_SERVICE_HOST"]);
  if (facts.minor < minorWithServiceCidrs) {
    return { clusterNetworks: () => around, stopped: Promise.resolve() };
  }
  const { store, stopped } = startReflector<ServiceCidr>({
    client,
    resource: resources.serviceCidrs,
    onChange: () => {},
    onTrouble: watchTrouble(log, resources.serviceCidrs),
    signal,
  });
  const named = () => [...store.values()].flatMap(({ spec }) => spec?.cidrs ?? []);
  return { clusterNetworks: () => [...around, ...named()], stopped };
}

/** The first address of the Services' network is the API server's; the size of the network is not known. */
function aroundTheApiServer(address: string | undefined): string[] {
  if (!address) return [];
  return [isIPv6(address) ? `${address}/108` : `${address}/16`];
}
