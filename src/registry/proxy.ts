import ipaddr from "ipaddr.js";

/** As the environment variables of these names have them. */
export interface Proxies {
  readonly HTTPS_PROXY?: string | undefined;
  readonly NO_PROXY?: string | undefined;
}

/**
 * The proxy for a URL, as `HTTPS_PROXY` and `NO_PROXY` say. In `NO_PROXY` stand, separated by
 * commas, names of hosts, which are those of all below them too, addresses, networks in CIDR notation, each with a port or
 * without, or `*` for everything.
 *
 * @param url - with the scheme https
 * @param proxies - of the installation
 * @returns undefined for none
 */
export function proxyFor(url: URL, proxies: Proxies): string | undefined {
  const proxy = proxies.HTTPS_PROXY;
  if (!proxy) return undefined;
  const host = hostOf(url);
  const port = url.port || "443";
  const exceptions = (proxies.NO_PROXY ?? "").split(/[\s,]+/).filter(Boolean);
  return exceptions.some((exception) => isExempt(host, port, exception)) ? undefined : proxy;
}

/**
 * The host of a URL, an IPv6 address without brackets.
 *
 * @param url - any
 */
export function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function isExempt(host: string, port: string, exception: string): boolean {
  if (exception === "*") return true;
  if (ipaddr.isValidCIDR(exception)) return isWithin(host, exception);
  const withPort = /^(.*[^:]):([0-9]+)$/.exec(exception);
  // The last group of an IPv6 address is no port.
  const hasPort = withPort !== null && !ipaddr.isValid(exception);
  if (hasPort && withPort[2] !== port) return false;
  const name = (hasPort ? (withPort[1] ?? "") : exception).toLowerCase().replace(/^\[|\]$/g, "");
  const domain = name.replace(/^\*?\./, "");
  return host === domain || host.endsWith(`.${domain}`);
}

function isWithin(host: string, network: string): boolean {
  if (!ipaddr.isValid(host)) return false;
  const address = ipaddr.process(host);
  const [base, bits] = ipaddr.parseCIDR(network);
  return base.kind() === address.kind() && address.match(base, bits);
}
