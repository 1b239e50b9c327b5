import { readFile } from "node:fs/promises";

/**
 * The cluster's DNS domain, from a Pod's /etc/resolv.conf. There the kubelet lists `<namespace>.svc.<domain>`,
 * `svc.<domain>` and `<domain>` one after the other, and then what the node searches
 * (https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/).
 *
 * @param resolvConf - the file's text
 * @returns the domain, as in `cluster.local`; undefined where no cluster's DNS is used
 */
export function clusterDomainIn(resolvConf: string): string | undefined {
  const lines = resolvConf.split("\n").map((line) => line.trim().split(/\s+/));
  // Of several search lines the last one counts: resolv.conf(5).
  const [, ...list] = lines.findLast(([word]) => word === "search") ?? [];
  const domains = list.map((domain) => domain.toLowerCase().replace(/\.$/, ""));
  return domains.find(
    (domain, i) => domains[i - 1] === `svc.${domain}` && domains[i - 2]?.endsWith(`.svc.${domain}`),
  );
}

/** The same of this Pod; undefined as well where the file is not there. */
export async function findClusterDomain(): Promise<string | undefined> {
  return clusterDomainIn(await readFile("/etc/resolv.conf", "utf8").catch(() => ""));
}
