import { expect, onTestFinished, test } from "vitest";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { startAsInPod } from "../bench/as-in-pod.ts";
import { podOf } from "../support/builders.ts";
import { ready } from "../support/operator.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";
import { each, memoryOf, renewalsAtRest, requestsUntilRenewed, writesIn } from "./at-rest.ts";
import { apiServer } from "./installed.ts";

/** Half of the limit that the installation sets. */
const mostMiB = 256;
const [caches, pods] = [1_000, 5_000];

test(`${caches} OrasCaches and ${pods} injected Pods: at rest nothing is written, in ${mostMiB} MiB`, async () => {
  const { plane, client, addCaches, settled, all } = await apiServer();
  const operator = await startAsInPod(plane);
  onTestFinished(operator.stop);
  await installWebhooks(client, operator.webhookPort);
  await ready(operator, client);
  const namespaces = Array.from({ length: 10 }, (_, i) => `team-${i}`);
  await Promise.all(namespaces.map((namespace) => addCaches(namespace, caches / namespaces.length)));
  await settled();
  // No controller makes Pods of registries here.
  const rolledOut = {
    ...{ replicas: 1, readyReplicas: 1, updatedReplicas: 1, observedGeneration: 1 },
    ...{ currentRevision: "a", updateRevision: "a" },
  };
  const of = (i: number) => ({
    namespace: `team-${i % namespaces.length}`,
    name: `cache-${Math.floor(i / namespaces.length)}`,
  });
  await each(caches, (i) =>
    client.request({
      method: "PATCH",
      path: pathOf(resources.statefulSets, { ...of(i), subresource: "status" }),
      contentType: "application/merge-patch+json",
      body: { status: rolledOut },
    }),
  );
  const isAvailable = ({ status }: StoredOrasCache) =>
    status?.conditions?.some((one) => one.type === "Available" && one.status === "True");
  await until(
    async () =>
      (await all<StoredOrasCache & object>(resources.orasCaches as never)).every(isAvailable as never),
    "every OrasCache to be available",
    300_000,
  );
  await each(pods, (i) => {
    const { namespace, name } = of(i % caches);
    const map = { "oras-cache": name, "output-uri": `a/b:${i}`, "output-path": "out" };
    return client.request({
      method: "POST",
      path: pathOf(resources.pods, { namespace }),
      body: podOf(`step-${i}`, map),
    });
  });
  // Events are sent beside the work and come later, and a minute after the last step the Secrets with its login are looked at.
  await requestsUntilRenewed(plane, 45);
  const atRest = await requestsUntilRenewed(plane, renewalsAtRest);
  const writes = writesIn(atRest);
  const [restMiB, peakMiB] = [memoryOf(operator.pid, "VmRSS"), memoryOf(operator.pid, "VmHWM")];
  console.info({
    caches,
    pods,
    seconds: renewalsAtRest * 2,
    requests: atRest.length,
    writes,
    restMiB,
    peakMiB,
  });
  expect(writes).toEqual([]);
  expect(restMiB).toBeLessThanOrEqual(mostMiB);
});
