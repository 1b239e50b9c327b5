import type { Cluster } from "./cluster.ts";
import { currentCluster } from "./current.ts";
import { kindCluster, kindIsAvailable } from "./kind.ts";
import { localCluster } from "./local.ts";
import { ClusterError } from "./progress.ts";

const clusters = { current: currentCluster, kind: kindCluster, local: localCluster } as const;

/** The cluster that was asked for, else kind where Docker runs, else the local one. */
export async function chooseCluster(asked = process.env["ORAS_OPERATOR_CLUSTER"]): Promise<Cluster> {
  if (asked === undefined || asked === "" || asked === "auto") {
    // A local cluster that is up was chosen before.
    if ((await localCluster.status()).healthy) return localCluster;
    return (await kindIsAvailable()) ? kindCluster : localCluster;
  }
  if (Object.hasOwn(clusters, asked)) return clusters[asked as keyof typeof clusters];
  throw new ClusterError(`unknown cluster "${asked}"; known: auto, ${Object.keys(clusters).join(", ")}`);
}
