import type { V1Node } from "@kubernetes/client-node";
import { podOf } from "./builders.ts";
import { kubectl } from "./kubectl.ts";
import type { Workspace } from "./workspace.ts";

/** A volume for claims of a StorageClass. */
export interface LocalVolume {
  readonly className: string;
  readonly remove: () => Promise<void>;
}

/**
 * Makes a volume without a provisioner: a folder of a node. Only its StorageClass's name binds a claim to it.
 *
 * @param ws - whose namespace names it
 */
export async function localVolume(ws: Workspace): Promise<LocalVolume> {
  const className = ws.namespace;
  const { items } = JSON.parse(await kubectl(["get", "nodes", "-o", "json"])) as { items: V1Node[] };
  const node = items[0]?.metadata?.name ?? "";
  const onNode = async (name: string, script: string) => {
    const volumes = [{ name: "tmp", hostPath: { path: "/var/tmp" } }];
    const volumeMounts = [{ name: "tmp", mountPath: "/tmp" }];
    await ws.apply(podOf(name, {}, script, { volumeMounts }, { nodeName: node, volumes }));
    await ws.succeeded(name);
  };
  await onNode("prepares", `mkdir /tmp/${className}`);
  const here = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
  const volume = {
    apiVersion: "v1",
    kind: "PersistentVolume",
    metadata: { name: className },
    spec: {
      ...{ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: className },
      persistentVolumeReclaimPolicy: "Retain",
      local: { path: `/var/tmp/${className}` },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [here] }] } },
    },
  };
  await kubectl(["apply", "-f", "-"], JSON.stringify(volume));
  return {
    className,
    remove: async () => {
      await kubectl(["delete", "pv", className]);
      await onNode("tidies", `rm -r /tmp/${className}`);
    },
  };
}
