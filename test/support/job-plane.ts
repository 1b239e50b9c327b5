import { names } from "../../schema/names.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { jobControllers, startControllers } from "./controllers.ts";
import { serviceAccountKubeconfig } from "./installation.ts";
import type { Operator } from "./operator.ts";
import { asksNobody, ready, startOperatorIn } from "./operator.ts";
import type { Hold } from "./registry-proxy.ts";
import { startStolenToken } from "./stolen-token.ts";
import { injecting, installWebhooks } from "./webhooks.ts";
import { startWorkflowWorld } from "./workflow-world.ts";

/**
 * An API server with the whole installation, the operator by its ServiceAccount, and the real controllers of Jobs.
 *
 * @param settings - hold: may keep back what the registry of all caches is asked and answers; flags, env: of the operator, which without flags asks
 *   no registry what images are
 */
export async function startJobPlane({
  hold,
  flags = asksNobody,
  env = {},
}: {
  readonly hold?: Hold;
  readonly flags?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
} = {}) {
  const { plane, admin, stop } = await startStolenToken();
  const stops: (() => Promise<unknown>)[] = [stop];
  const stopAll = async () => {
    for (const one of stops.toReversed()) await one();
  };
  try {
    const remove = (path: string) => admin.request({ method: "DELETE", path, body: {} });
    // It has the rights of the installation, and no more; its webhook is on this machine.
    await remove("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/stolen");
    await remove(
      pathOf(resources.services, { namespace: names.operatorNamespace, name: names.webhookService }),
    );
    const startAnother = async () => {
      const another = await startOperatorIn(env, await serviceAccountKubeconfig(plane, admin), ...flags);
      stops.push(another.stop);
      return another;
    };
    const operator: Operator = await startAnother();
    await installWebhooks(admin, operator.webhookPort);
    await ready(operator, admin);
    await injecting(admin);
    stops.push(await startControllers(plane.kubeconfig, ...jobControllers));
    const world = await startWorkflowWorld(admin, hold);
    stops.push(world.stop);
    return { plane, admin, operator, startAnother, world, stop: stopAll };
  } catch (error) {
    await stopAll();
    throw error;
  }
}
