import type { KubeClient } from "./client.ts";

/** What the cluster offers. */
export interface ClusterFacts {
  /** Such as `v1.36.3`. */
  readonly version: string;
  readonly minor: number;
  /** OpenShift assigns user IDs itself. */
  readonly openshift: boolean;
}

/**
 * Asks the API server what it is.
 *
 * @param client - of the API server
 */
export async function detectCluster(client: KubeClient): Promise<ClusterFacts> {
  const [version, groups] = await Promise.all([
    client.request<{ gitVersion: string; minor: string }>({ path: "/version" }),
    client.request<{ groups: { name: string }[] }>({ path: "/apis" }),
  ]);
  return {
    version: version.gitVersion,
    // Some clouds write "30+".
    minor: Number.parseInt(version.minor, 10),
    openshift: groups.groups.some((group) => group.name === "security.openshift.io"),
  };
}
