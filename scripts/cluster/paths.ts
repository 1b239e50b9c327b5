import { homedir } from "node:os";
import { join } from "node:path";

/** Where builds are kept: outside the checkout, so that every clone uses them. */
export const cacheFolder: string =
  process.env["ORAS_OPERATOR_CACHE"] ??
  join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "oras-operator");

/** State of the local cluster: certificates, data, logs, pids. There is one on a machine. */
export const stateFolder = "/var/lib/oras-operator-cluster";

/** The network namespace that the whole local cluster runs in; it has no way out. */
export const networkNamespace = "oras-operator";

/** The repository. */
export const repository: string = join(import.meta.dirname, "../..");
