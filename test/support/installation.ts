import { readFile, writeFile } from "node:fs/promises";
import { parse } from "yaml";
import { names } from "../../schema/names.ts";
import { createClient, type KubeClient } from "../../src/kube/client.ts";
import { connect } from "../../src/kube/connection.ts";
import { rulesOf } from "../../src/kube/permissions.ts";
import { type ControlPlane, kubeconfigFor, operatorUser } from "./control-plane.ts";
import { until } from "./wait.ts";

/** A client with every right. */
export async function adminClient(plane: Pick<ControlPlane, "kubeconfig">): Promise<KubeClient> {
  process.env["KUBECONFIG"] = plane.kubeconfig;
  return createClient(await connect());
}

/** What the operator needs in a cluster: the CRD, its namespace, and its permissions, no more. */
export async function installOperator(client: KubeClient): Promise<void> {
  const post = (path: string, body: unknown) => client.request({ method: "POST", path, body });
  const crd = parse(await readFile("config/crd/orascaches.yaml", "utf8")) as unknown;
  await post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd);
  await post("/api/v1/namespaces", { metadata: { name: names.operatorNamespace } });
  const rbac = "/apis/rbac.authorization.k8s.io/v1";
  const subjects = [{ kind: "User", apiGroup: "rbac.authorization.k8s.io", name: operatorUser }];
  const roleRef = (kind: string) => ({ apiGroup: "rbac.authorization.k8s.io", kind, name: operatorUser });
  const metadata = { name: operatorUser };
  await post(`${rbac}/clusterroles`, { metadata, rules: [...rulesOf("cluster"), ...rulesOf("workflow")] });
  await post(`${rbac}/clusterrolebindings`, { metadata, subjects, roleRef: roleRef("ClusterRole") });
  const own = `${rbac}/namespaces/${names.operatorNamespace}`;
  await post(`${own}/roles`, { metadata, rules: rulesOf("own-namespace") });
  await post(`${own}/rolebindings`, { metadata, subjects, roleRef: roleRef("Role") });
  await until(
    () => client.request({ path: `/apis/${names.group}/${names.version}/${names.plural}` }),
    "the API server to serve the CRD",
  );
}

/**
 * A kubeconfig for the operator's ServiceAccount, which is there already.
 *
 * @returns its path, beside that of the control plane's own
 */
export async function serviceAccountKubeconfig(plane: ControlPlane, client: KubeClient): Promise<string> {
  const { status } = await client.request<{ status: { token: string } }>({
    method: "POST",
    path: `/api/v1/namespaces/${names.operatorNamespace}/serviceaccounts/${names.serviceAccount}/token`,
    body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
  });
  const path = `${plane.kubeconfig}-service-account`;
  await writeFile(path, kubeconfigFor(plane.server, plane.ca, status.token), { mode: 0o600 });
  return path;
}
