import type { V1Node } from "@kubernetes/client-node";
import { podOf } from "./builders.ts";
import { kubectl } from "./kubectl.ts";
import type { Workspace } from "./workspace.ts";

/**
 * Makes a PersistentVolume without a provisioner, a folder of a node: only the name of its StorageClass binds a claim to it.
 *
 * @param ws - in whose namespace the folder is made and removed
 * @returns the name of the StorageClass, and how the volume goes; first whoever claims it has to go
 */
export async function localVolume(
  ws: Workspace,
): Promise<{ className: string; remove: () => Promise<void> }> {
  const className = ws.namespace;
  const { items } = JSON.parse(await kubectl(["get", "nodes", "-o", "json"])) as { items: V1Node[] };
  const node = items[0]?.metadata?.name ?? "";
  const onNode = async (name: string, script: string) => {
    const container = { volumeMounts: [{ name: "tmp", mountPath: "/tmp" }] };
    const volumes = [{ name: "tmp", hostPath: { path: "/var/tmp" } }];
    await ws.apply(podOf(name, {}, script, container, { nodeName: node, volumes }));
    await ws.succeeded(name);
  };
  await onNode("prepares", `mkdir /tmp/${className}`);
  const volume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: className },
    spec: {
      ...{ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: className },
      persistentVolumeReclaimPolicy: "Retain",
      local: { path: `/var/tmp/${className}` },
      nodeAffinity: {
        required: {
          nodeSelectorTerms: [
            { matchExpressions: [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }] },
          ],
        },
      },
    },
  };
  await kubectl(["apply", "-f", "-"], JSON.stringify(volume));
  const remove = async () => {
    await kubectl(["delete", "pv", className]);
    await onNode("tidies", `rm -r /tmp/${className}`);
  };
  return { className, remove };
}
