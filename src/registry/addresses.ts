import type { LookupAddress } from "node:dns";
import { lookup } from "node:dns/promises";
import ipaddr from "ipaddr.js";
import { hostOf } from "./proxy.ts";

/** Which hosts may be asked for images. */
export interface Reach {
  /** Hosts that the installation names, as images name them: `host`, or `host:port`. They may be anywhere. */
  readonly allowedHosts: ReadonlySet<string>;
  /** Networks of this cluster in CIDR notation, which may look like public ones. */
  readonly clusterNetworks: () => readonly string[];
}

/** A host that must not be asked. */
export class RefusedHostError extends Error {
  override readonly name = "RefusedHostError";
}

const globalUnicast = ipaddr.parseCIDR("2000::/3");
/** Azure answers virtual machines here, and nothing else. */
const azurePlatform = "168.63.129.16";

/**
 * Resolves the host of a URL, once: the connection must use one of these addresses and not ask for the name
 * again, which might lead elsewhere by then.
 *
 * @param url - what is asked for
 * @param reach - which hosts may be asked
 * @param signal - ends the wait
 * @throws RefusedHostError when the host is not allowed and one of its addresses is not public; the resolver's error
 */
export async function addressesOf(url: URL, reach: Reach, signal: AbortSignal): Promise<LookupAddress[]> {
  const addresses = await withSignal(lookup(hostOf(url), { all: true, verbatim: true }), signal);
  if (reach.allowedHosts.has(url.host)) return addresses;
  const networks = reach.clusterNetworks();
  const refused = addresses.find(({ address }) => !isPublic(address, networks));
  if (refused)
    throw new RefusedHostError(`${url.host} has the address ${refused.address}, which is not public`);
  return addresses;
}

/**
 * Looks whether a URL may be asked by way of a proxy, which resolves the name: it may be one that only the proxy knows.
 *
 * @param url - what is asked for
 * @param reach - which hosts may be asked
 * @param signal - ends the wait
 * @throws RefusedHostError when the host is not allowed, and is known here to have an address that is not public
 */
export async function checkBehindProxy(url: URL, reach: Reach, signal: AbortSignal): Promise<void> {
  try {
    await addressesOf(url, reach, signal);
  } catch (error) {
    if (signal.aborted || error instanceof RefusedHostError) throw error;
  }
}

/**
 * Whether an address is the Internet's: not this machine's, a private network's, or the cluster's. Addresses that
 * stand for another one (IPv4 within IPv6, NAT64) are judged by that.
 *
 * @param text - an address
 * @param clusterNetworks - in CIDR notation
 * @see https://www.iana.org/assignments/iana-ipv4-special-registry
 */
export function isPublic(text: string, clusterNetworks: readonly string[] = []): boolean {
  if (!ipaddr.isValid(text)) return false; // with a zone, for instance, which link-local addresses have
  const address = withoutWrapping(ipaddr.process(text));
  if (address.range() !== "unicast" || address.toString() === azurePlatform) return false;
  if (address instanceof ipaddr.IPv6 && !address.match(globalUnicast)) return false;
  return !clusterNetworks.some((network) => {
    const [base, bits] = ipaddr.parseCIDR(network);
    return base.kind() === address.kind() && address.match(base, bits);
  });
}

/** NAT64 (RFC 6052): the last four bytes are an IPv4 address. */
function withoutWrapping(address: ipaddr.IPv4 | ipaddr.IPv6): ipaddr.IPv4 | ipaddr.IPv6 {
  if (address.range() !== "rfc6052") return address;
  return new ipaddr.IPv4(address.toByteArray().slice(-4));
}

async function withSignal<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  if (signal.aborted) onAbort();
  try {
    return await Promise.race([promise, ended]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
