import { controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { temporaryFolder } from "./folders.ts";
import { freePort } from "./ports.ts";
import { start } from "./processes.ts";

/** Deletes what belongs to an object that is gone. */
export const garbageCollector = "garbage-collector-controller";

/** Those of Jobs, which need the garbage collector for their Pods. */
export const jobControllers = [
  "job-controller",
  "cronjob-controller",
  "ttl-after-finished-controller",
  garbageCollector,
];

/**
 * Starts the real controller manager, beside an API server alone.
 *
 * @param kubeconfig - of a user with every right
 * @param controllers - those that run, and no others
 * @returns ends it
 */
export async function startControllers(
  kubeconfig: string,
  ...controllers: readonly string[]
): Promise<() => Promise<void>> {
  const running = start([
    await controlPlaneProgram("kube-controller-manager"),
    `--kubeconfig=${kubeconfig}`,
    `--controllers=${controllers.join()}`,
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
