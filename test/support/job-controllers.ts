import { controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { temporaryFolder } from "./folders.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";

/**
 * Starts the real controller manager, with the controllers of Jobs and CronJobs and the garbage collector alone.
 *
 * @param kubeconfig - of a user with every right
 * @returns ends it
 */
export async function startJobControllers(kubeconfig: string): Promise<() => Promise<void>> {
  const running = start([
    await controlPlaneProgram("kube-controller-manager"),
    `--kubeconfig=${kubeconfig}`,
    "--controllers=job-controller,cronjob-controller,ttl-after-finished-controller,garbage-collector-controller",
    "--leader-elect=false",
    "--bind-address=127.0.0.1",
    `--secure-port=${await freePort()}`,
    `--cert-dir=${temporaryFolder("controllers")}`,
    "--kube-api-qps=1000",
    "--kube-api-burst=1000",
  ]);
  await running.said("Caches are synced");
  return async () => {
    running.child.kill("SIGTERM");
    await running.ended;
  };
}
