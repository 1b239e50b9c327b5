import { names } from "../../schema/names.ts";
import { buildConfig } from "../../scripts/build-config.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import type { ControlPlane } from "./control-plane.ts";
import { serviceAccountKubeconfig } from "./installation.ts";
import { yamlOf } from "./manifests.ts";
import { asksNobody, type Operator, ready, startOperator } from "./operator.ts";
import { kubectl } from "./programs.ts";
import { injecting, installWebhooks } from "./webhooks.ts";

/** Of the installation, what an operator that runs as a process has no use for, or has otherwise. */
const otherwise: readonly string[] = ["Deployment", "MutatingWebhookConfiguration", "PodDisruptionBudget"];

/**
 * Starts the operator as the ServiceAccount of the installation, with its policies: what it may write is what it may write where
 * it is installed, and its own changes are known as its own.
 *
 * @param plane - an API server on which nothing is installed
 * @param admin - a client of it with every right
 * @param flags - of the operator
 */
export async function startAsInstalled(
  plane: ControlPlane,
  admin: KubeClient,
  ...flags: string[]
): Promise<Operator> {
  const objects = (await buildConfig({ overlay: "default" })).filter(
    ({ kind, metadata }) =>
      !otherwise.includes(String(kind)) &&
      !(kind === "Service" && (metadata as { readonly name?: string }).name === names.webhookService),
  );
  const text = yamlOf(objects);
  await kubectl(plane.kubeconfig, ["apply", "--server-side", "-f", "-"], text);
  const operator = await startOperator(await serviceAccountKubeconfig(plane, admin), ...asksNobody, ...flags);
  await installWebhooks(admin, operator.webhookPort);
  await ready(operator, admin);
  await injecting(admin);
  return operator;
}
