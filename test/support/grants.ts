import type { KubeClient } from "../../src/kube/client.ts";
import { operatorUser } from "./control-plane.ts";

/**
 * Lets the operator read one Secret of a namespace, as docs/lineage.md and docs/private-images.md say.
 *
 * @param client - with every right
 * @param namespace - of the Secret
 * @param secret - its name
 */
export async function letOperatorRead(client: KubeClient, namespace: string, secret: string): Promise<void> {
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
  const metadata = { name: `read-${secret}` };
  const rule = { apiGroups: [""], resources: ["secrets"], resourceNames: [secret], verbs: ["get"] };
  const group = "rbac.authorization.k8s.io";
  await client.request({ method: "POST", path: `${path}/roles`, body: { metadata, rules: [rule] } });
  await client.request({
    ...{ method: "POST", path: `${path}/rolebindings` },
    body: {
      metadata,
      subjects: [{ kind: "User", apiGroup: group, name: operatorUser }],
      roleRef: { apiGroup: group, kind: "Role", name: metadata.name },
    },
  });
}
