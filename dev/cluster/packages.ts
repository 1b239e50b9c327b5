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
  ["iproute2", "/bin/ip"],
  ["util-linux", "/usr/bin/nsenter"],
  ["procps", "/sbin/sysctl"],
];

const imagePackages: readonly Package[] = [
  ["buildah", "/usr/bin/buildah"],
  ["mmdebstrap", "/usr/bin/mmdebstrap"],
  ["debian-archive-keyring", "/usr/share/keyrings/debian-archive-keyring.gpg"],
];

/** The tests of what runs in Pods run it on this machine. */
const testPackages: readonly Package[] = [
  ["apache2-utils", "/usr/bin/htpasswd"],
  ["busybox-static", "/usr/share/doc/busybox-static"],
  ["ca-certificates", "/etc/ssl/certs/ca-certificates.crt"],
  ["findutils", "/usr/bin/find"],
  ["gcc", "/usr/bin/gcc"],
  ["isal", "/usr/bin/igzip"],
  ["jq", "/usr/bin/jq"],
  ["libarchive-tools", "/usr/bin/bsdtar"],
  ["libc6-dev", "/usr/include/pthread.h"],
  ["libisal-dev", "/usr/include/isa-l.h"],
  ["libzstd-dev", "/usr/include/zstd.h"],
  ["mbuffer", "/usr/bin/mbuffer"],
  ["nettle-dev", "/usr/include/nettle/sha2.h"],
  ["pigz", "/usr/bin/pigz"],
  ["procps", "/usr/bin/pkill"],
  ["python3", "/usr/bin/python3"],
  ["shellcheck", "/usr/bin/shellcheck"],
  ["tabix", "/usr/bin/bgzip"],
  ["tini", "/usr/bin/tini-static"],
  ["wget", "/usr/bin/wget"],
  ["zstd", "/usr/bin/zstd"],
];

const extraPackages: readonly Package[] = [
  ["file", "/usr/bin/file"],
  ["qemu-user-static", "/usr/bin/qemu-aarch64-static"],
];

/** What each purpose needs. */
export const packages = {
  cluster: clusterPackages,
  images: imagePackages,
  test: testPackages,
  extra: extraPackages,
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
