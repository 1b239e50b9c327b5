import type { V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { resources } from "../../src/kube/resources.ts";
import type { ObjectsIn } from "./objects-in.ts";
import { until } from "./wait.ts";

/** The registry Pod of a cache, as the StatefulSet's controller makes it, which does not run beside an API server alone. */
export async function registryPod(ns: ObjectsIn, cache: string, status: V1Pod["status"]): Promise<V1Pod> {
  const set = await until(() => ns.set(cache), "the StatefulSet");
  const { template } = set.spec ?? {};
  const owner = {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    name: cache,
    uid: set.metadata?.uid ?? "",
    controller: true,
  };
  const pod = await ns.create(resources.pods, {
    metadata: {
      ...{ name: `${cache}-0`, ownerReferences: [owner] },
      ...{ labels: template?.metadata?.labels ?? {}, annotations: template?.metadata?.annotations ?? {} },
    },
    ...({ spec: template?.spec } as object),
  });
  await ns.patchStatus(resources.pods, `${cache}-0`, status ?? {});
  return pod as V1Pod;
}

/** The status of a Pod whose registry answers. */
export const readyPod = (startTime: string): NonNullable<V1Pod["status"]> => ({
  phase: "Running",
  startTime: startTime as unknown as Date,
  conditions: [{ type: "Ready", status: "True" }],
  containerStatuses: [
    {
      ...{ name: names.registryContainer, image: "registry:x", imageID: "", ready: true, restartCount: 0 },
      state: { running: {} },
    },
  ],
});
