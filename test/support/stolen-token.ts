import { names } from "../../schema/names.ts";
import { buildConfig } from "../../scripts/build-config.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { type ControlPlane, startControlPlane } from "./control-plane.ts";
import { adminClient, serviceAccountKubeconfig } from "./installation.ts";
import { yamlOf } from "./manifests.ts";
import { kubectl } from "./programs.ts";

/** A control plane with the operator's policies, and somebody who has the operator's token. */
export interface StolenToken {
  readonly plane: ControlPlane;
  readonly admin: KubeClient;
  /** The operator's ServiceAccount, with every right that RBAC can give: what refuses it is a policy. */
  readonly stolen: KubeClient;
  readonly stop: () => Promise<void>;
}

/** Starts it. The policies are there, but may not be in force yet. */
export async function startStolenToken(): Promise<StolenToken> {
  const plane = await startControlPlane();
  // No operator runs here that the webhooks could ask.
  const objects = (await buildConfig({ overlay: "default" })).filter(
    ({ kind }) => !["Deployment", "MutatingWebhookConfiguration"].includes(String(kind)),
  );
  const text = yamlOf(objects);
  await kubectl(plane.kubeconfig, ["apply", "--server-side", "-f", "-"], text);
  const admin = await adminClient(plane);
  const stolen = await adminClient({ kubeconfig: await serviceAccountKubeconfig(plane, admin) });
  await admin.request({
    method: "POST",
    path: "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    body: {
      metadata: { name: "stolen" },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
      subjects: [{ kind: "ServiceAccount", name: names.serviceAccount, namespace: names.operatorNamespace }],
    },
  });
  const stop = async () => {
    stolen.close();
    admin.close();
    await plane.stop();
  };
  return { plane, admin, stolen, stop };
}
