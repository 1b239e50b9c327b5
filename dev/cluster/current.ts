import type { Cluster } from "./cluster.ts";
import { attempt } from "./command.ts";
import { pathWithTools } from "./kind.ts";
import { ClusterError } from "./progress.ts";

/** Whatever cluster kubectl talks to now. It is neither made nor taken away here. */
export const currentCluster: Cluster = {
  description: "cluster of the current kubeconfig",
  hasDocker: false,
  async up() {
    const { healthy, lines } = await currentCluster.status();
    if (!healthy)
      throw new ClusterError(`the cluster of the current kubeconfig does not answer: ${lines.join(" ")}`);
  },
  async down() {
    throw new ClusterError(
      "the cluster of the current kubeconfig was not made by this tool and is left alone",
    );
  },
  async status() {
    const { code, stdout, stderr } = await attempt(["kubectl", "version"], {
      env: { PATH: await pathWithTools() },
    });
    return { healthy: code === 0, lines: (code === 0 ? stdout : stderr).trim().split("\n") };
  },
  async has() {
    return false;
  },
  async load(_archive, names) {
    throw new ClusterError(
      `this tool cannot put ${names.join(", ")} on another cluster's nodes: push it to a registry they reach`,
    );
  },
  async command(argv) {
    return { argv: [...argv], env: { PATH: await pathWithTools() } };
  },
};
