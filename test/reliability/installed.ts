import { onTestFinished } from "vitest";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { startControlPlane } from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { until } from "../support/wait.ts";

/** An API server of its own, without a kubelet, with what the operator needs there. */
export async function apiServer() {
  const plane = await startControlPlane();
  const client = await adminClient(plane);
  onTestFinished(async () => {
    client.close();
    await plane.stop();
  });
  await installOperator(client);

  /** Makes a namespace with caches. */
  const addCaches = async (namespace: string, count: number) => {
    await client.request({
      method: "POST",
      path: "/api/v1/namespaces",
      body: { metadata: { name: namespace } },
    });
    for (let i = 0; i < count; i++) {
      const path = pathOf(resources.orasCaches, { namespace });
      await client.request({ method: "POST", path, body: cacheOf(`cache-${i}`, {}, { namespace }) });
    }
  };
  const all = async <T extends KubeObject>(resource: (typeof resources)[keyof typeof resources]) =>
    (await client.request<{ items: T[] }>({ path: pathOf(resource, {}) })).items;
  /** Waits until the status of each cache tells of its spec. */
  const settled = () =>
    until(
      async () =>
        (await all<StoredOrasCache & KubeObject>(resources.orasCaches)).every(
          ({ metadata, status }) => status?.observedGeneration === metadata?.generation,
        ),
      "the status of every cache",
      300_000,
    );
  return { plane, client, addCaches, all, settled };
}
