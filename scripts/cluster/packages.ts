import { existsSync } from "node:fs";
import { run, say } from "./process.ts";

/** Debian packages by a file that each brings. */
const needed: Record<string, string> = {
  runc: "/usr/sbin/runc",
  "containernetworking-plugins": "/usr/lib/cni/bridge",
  nftables: "/usr/sbin/nft",
  iptables: "/usr/sbin/iptables",
  conntrack: "/usr/sbin/conntrack",
  iproute2: "/bin/ip",
  procps: "/usr/bin/ps",
  openssl: "/usr/bin/openssl",
  buildah: "/usr/bin/buildah",
  mmdebstrap: "/usr/bin/mmdebstrap",
  ...toolPackages(),
};

/** What the tools image is assembled from; the tests of the scripts need no more than this. */
export function toolPackages(): Record<string, string> {
  return {
    "busybox-static": "/bin/busybox",
    tini: "/usr/bin/tini-static",
    tar: "/bin/tar",
    findutils: "/usr/bin/find",
    jq: "/usr/bin/jq",
    isal: "/usr/bin/igzip",
    openssl: "/usr/bin/openssl",
    wget: "/usr/bin/wget",
    "ca-certificates": "/etc/ssl/certs/ca-certificates.crt",
  };
}

/**
 * Installs missing Debian packages.
 *
 * @throws Error that names them, where this is not Debian or not root
 */
export async function installPackages(packages: Record<string, string> = needed): Promise<void> {
  const missing = Object.entries(packages)
    .filter(([, file]) => !existsSync(file))
    .map(([name]) => name);
  if (missing.length === 0) return;
  if (!existsSync("/usr/bin/apt-get") || process.getuid?.() !== 0) {
    throw new Error(`missing: ${missing.join(" ")}. Install these Debian packages, or run this as root on Debian.`);
  }
  say(`installing ${missing.join(" ")}`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-q"], { env });
  await run(["apt-get", "install", "-q", "-y", "--no-install-recommends", ...missing], { env });
}
