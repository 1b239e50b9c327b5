import { existsSync } from "node:fs";
import { attempt, run } from "./command.ts";
import { ClusterError } from "./progress.ts";

/** A Debian package and a file that shows it is there. */
type Package = readonly [name: string, file: string];

const clusterPackages: readonly Package[] = [
  ["runc", "/usr/sbin/runc"],
  ["containernetworking-plugins", "/usr/lib/cni/ptp"],
  ["nftables", "/usr/sbin/nft"],
  ["conntrack", "/usr/sbin/conntrack"],
  ["iptables", "/usr/sbin/iptables"],
  ["ipset", "/usr/sbin/ipset"],
  ["iproute2", "/bin/ip"],
  ["util-linux", "/usr/bin/nsenter"],
  ["procps", "/sbin/sysctl"],
];

const imagePackages: readonly Package[] = [
  ["buildah", "/usr/bin/buildah"],
  ["mmdebstrap", "/usr/bin/mmdebstrap"],
  ["debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"],
];

/** Programs that tests run, most of them those of the agent; what no Debian system lacks is not listed. */
const testPackages: readonly Package[] = [
  ["apache2-utils", "/usr/bin/htpasswd"],
  // For the page of the ui command.
  ["chromium", "/usr/bin/chromium"],
  // For processes whose clock is wrong.
  ["faketime", "/usr/bin/faketime"],
  // Go's race detector needs a C compiler.
  ["gcc", "/usr/bin/gcc"],
  ["libc6-dev", "/usr/include/stdio.h"],
  ["libarchive-tools", "/usr/bin/bsdtar"],
  // For Argo CD's health check.
  ["lua5.1", "/usr/bin/lua5.1"],
  // For promtool, which checks alerts.
  ["prometheus", "/usr/bin/promtool"],
  ["pigz", "/usr/bin/pigz"],
  ["python3", "/usr/bin/python3"],
  ["shellcheck", "/usr/bin/shellcheck"],
  ["tabix", "/usr/bin/bgzip"],
  ["zstd", "/usr/bin/zstd"],
];

const extraPackages: readonly Package[] = [
  ["file", "/usr/bin/file"],
  ["qemu-user-static", "/usr/bin/qemu-aarch64-static"],
];

/** For Nextflow. */
const javaPackages: readonly Package[] = [
  ["default-jre-headless", "/usr/bin/java"],
  ["maven", "/usr/bin/mvn"],
];

/** What each purpose needs. */
export const packages = {
  cluster: clusterPackages,
  images: imagePackages,
  test: testPackages,
  extra: extraPackages,
  java: javaPackages,
} as const;

/** The packages of a list that are not installed. */
export function missingPackages(
  list: readonly Package[],
  exists: (file: string) => boolean = existsSync,
): string[] {
  return list.filter(([, file]) => !exists(file)).map(([name]) => name);
}

/**
 * Installs what is missing with apt-get.
 *
 * @param list - one of {@link packages}
 * @returns how it went, in words
 */
export async function ensurePackages(list: readonly Package[]): Promise<string> {
  const missing = missingPackages(list);
  if (missing.length === 0) return "installed";
  const command = `apt-get install --yes --no-install-recommends ${missing.join(" ")}`;
  if ((await attempt(["apt-get", "--version"])).code !== 0) {
    throw new ClusterError(
      `missing: ${missing.join(", ")} (names of Debian packages); this system has no apt-get`,
    );
  }
  if (process.getuid?.() !== 0) throw new ClusterError(`missing packages; as root, run: ${command}`);
  const env = { DEBIAN_FRONTEND: "noninteractive" };
  await run(["apt-get", "update", "-qq"], { env });
  await run(command.split(" "), { env });
  return `installed ${missing.join(", ")}`;
}
