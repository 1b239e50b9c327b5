import { homedir } from "node:os";
import { join } from "node:path";

/** What may be thrown away and is expensive to make again: built binaries and images. Outlives checkouts. */
export const cacheFolder =
  process.env["ORAS_OPERATOR_CACHE"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "oras-operator");

/** Everything that the running local cluster writes; `down` removes it. */
export const stateFolder = process.env["ORAS_OPERATOR_STATE"] ?? "/var/lib/oras-operator-cluster";

/** Root of this repository. */
export const repository = join(import.meta.dirname, "..", "..");

/** Files of the running cluster. */
export const state = {
  adminKubeconfig: join(stateFolder, "kubeconfig"),
  bin: join(stateFolder, "bin"),
  certificates: join(stateFolder, "certificates"),
  configuration: join(stateFolder, "configuration"),
  containerdSocket: join(stateFolder, "containerd.sock"),
  logs: join(stateFolder, "logs"),
  processes: join(stateFolder, "processes"),
} as const;

/** The network of the local cluster. 198.18.0.0/15 is set aside for benchmarks (RFC 2544): nobody routes it. */
export const network = {
  namespace: "oras-operator",
  namespaceFile: "/run/netns/oras-operator",
  bridge: "oras0",
  nodeName: "oras-operator",
  nodeAddress: "198.18.0.1",
  podRange: "198.18.128.0/17",
  serviceRange: "198.19.0.0/16",
  /** The first address of the range always belongs to the Service `kubernetes`. */
  apiService: "198.19.0.1",
  domain: "cluster.local",
  /** Where the container runtime asks first for every image. */
  mirror: "198.18.0.1:5001",
  apiPort: 6443,
} as const;

/** Name under which the container runtime knows the image of Pods' sandboxes. */
export const pauseImage = "registry.k8s.io/pause:3.10";

/** Own cgroup, so that what belongs to this cluster can be found. */
export const cgroupRoot = "/oras-operator";
