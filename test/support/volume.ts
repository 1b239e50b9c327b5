import type { V1Node } from "@kubernetes/client-node";
import { podOf } from "./builders.ts";
import { kubectl } from "./kubectl.ts";
import type { Workspace } from "./workspace.ts";

/**
 * A PersistentVolume without a provisioner: a folder of a node.
 *
 * @param ws - where the Pods run that make the folder and take it away
 * @param name - of the volume and its folder
 * @param spec - more fields of its spec
 * @returns what takes both away
 */
export async function localVolume(
  ws: Pick<Workspace, "apply" | "succeeded">,
  name: string,
  spec: object,
): Promise<() => Promise<void>> {
  const { items } = JSON.parse(await kubectl(["get", "nodes", "-o", "json"])) as { items: V1Node[] };
  const node = items[0]?.metadata?.name ?? "";
  const onNode = async (pod: string, script: string) => {
    const tmp = { volumeMounts: [{ name: "tmp", mountPath: "/tmp" }] };
    const volumes = [{ name: "tmp", hostPath: { path: "/var/tmp" } }];
    await ws.apply(podOf(pod, {}, script, tmp, { nodeName: node, volumes }));
    await ws.succeeded(pod);
  };
  await onNode("prepares", `mkdir /tmp/${name}`);
  const matchExpressions = [{ key: "kubernetes.io/hostname", operator: "In", values: [node] }];
  const volume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name },
    spec: {
      capacity: { storage: "1Gi" },
      accessModes: ["ReadWriteOnce"],
      persistentVolumeReclaimPolicy: "Retain",
      local: { path: `/var/tmp/${name}` },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions }] } },
      ...spec,
    },
  };
  await kubectl(["apply", "-f", "-"], JSON.stringify(volume));
  return async () => {
    await kubectl(["delete", "pv", name]);
    await onNode("tidies", `rm -r /tmp/${name}`);
  };
}
