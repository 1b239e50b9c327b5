import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { startReflector } from "../../src/kube/reflector.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { cacheOf } from "../support/builders.ts";
import { startControlPlane } from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { ready } from "../support/operator.ts";
import { installWebhooks } from "../support/webhooks.ts";
import { startAsInPod } from "./as-in-pod.ts";
import { median, table } from "./table.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, json: { type: "string" } },
});
const caches = 200;
const quietSeconds = 60;
const say = (text: string) => process.stderr.write(`  ${text}\n`);

const plane = await startControlPlane();
const client = await adminClient(plane);
const operator = await installOperator(client).then(() => startAsInPod(plane));
const stop = new AbortController();

/** Told of every cache that changed. */
let onCache: (cache: StoredOrasCache) => void = () => {};
const reflector = startReflector<StoredOrasCache>({
  client,
  resource: resources.orasCaches,
  onChange: (_key, now) => now && onCache(now),
  onTrouble: (error) => {
    throw error;
  },
  signal: stop.signal,
});

/** How many objects of a kind a namespace has. */
async function count(resource: (typeof resources)[keyof typeof resources], namespace: string) {
  const { items } = await client.request<{ items: object[] }>({ path: pathOf(resource, { namespace }) });
  return items.length;
}

/** Seconds from the first request to create caches, all at once, to the status of the last one. */
async function reconcileAll(namespace: string): Promise<number> {
  await client.request({
    method: "POST",
    path: "/api/v1/namespaces",
    body: { metadata: { name: namespace } },
  });
  const settled = new Set<string>();
  const all = Promise.withResolvers<void>();
  onCache = ({ metadata, status }) => {
    if (metadata?.namespace !== namespace || status?.observedGeneration !== metadata.generation) return;
    settled.add(metadata?.name ?? "");
    if (settled.size === caches) all.resolve();
  };
  const begun = performance.now();
  const creations = Array.from({ length: caches }, (_, i) =>
    client.request({
      method: "POST",
      path: pathOf(resources.orasCaches, { namespace }),
      body: cacheOf(`cache-${i}`, {}, { namespace }),
    }),
  );
  await Promise.all([...creations, all.promise]);
  const seconds = (performance.now() - begun) / 1000;
  for (const resource of [resources.statefulSets, resources.services, resources.secrets]) {
    const found = await count(resource, namespace);
    if (found !== caches) throw new Error(`${found} ${resource.plural} for ${caches} caches`);
  }
  return seconds;
}

/** Says of each StatefulSet that it is rolled out, and waits until each cache says the same. */
async function rollOut(): Promise<void> {
  const available = ({ status }: StoredOrasCache) =>
    status?.conditions?.some(({ type, status }) => type === "Available" && status === "True");
  const all = Promise.withResolvers<void>();
  onCache = () => {
    if ([...reflector.store.values()].every(available)) all.resolve();
  };
  const status = {
    ...{ replicas: 1, readyReplicas: 1, updatedReplicas: 1, observedGeneration: 1 },
    ...{ currentRevision: "a", updateRevision: "a" },
  };
  const changes = [...reflector.store.values()].map(({ metadata }) =>
    client.request({
      method: "PATCH",
      path: pathOf(resources.statefulSets, { ...metadata, subresource: "status" }),
      contentType: "application/merge-patch+json",
      body: { status },
    }),
  );
  await Promise.all([...changes, all.promise]);
}

const seconds: number[] = [];
let quiet: string[];
try {
  await installWebhooks(client, operator.webhookPort);
  await Promise.all([ready(operator, client), reflector.synced]);
  for (let round = 1; round <= Number(options.rounds); round++) {
    say(`round ${round} of ${options.rounds}: ${caches} OrasCaches at once`);
    seconds.push(await reconcileAll(`round-${round}`));
  }
  say("their registries become ready, as no controller runs here that would see to it");
  await rollOut();
  // Events are sent beside the work and may come later.
  await delay(10_000);
  say(`what it asks of the API server in ${quietSeconds} s when nothing changes`);
  const before = (await plane.operatorRequests()).length;
  await delay(quietSeconds * 1000);
  quiet = (await plane.operatorRequests()).slice(before);
} finally {
  stop.abort();
  await operator.stop();
  client.close();
  await plane.stop();
}

const asked = [...new Set(quiet)].map((request) => [
  request,
  String(quiet.filter((other) => other === request).length),
]);
console.log(
  `${caches} OrasCaches at once: ${median(seconds).toFixed(2)} s until the last one has its Service, StatefulSet, Secret and status ` +
    `(${Math.min(...seconds).toFixed(2)} to ${Math.max(...seconds).toFixed(2)} s in ${seconds.length} rounds)\n`,
);
console.log(table([`requests in ${quietSeconds} s when nothing changes`, "count"], asked));
if (options.json) {
  const results = { caches, seconds, quiet: Object.fromEntries(asked.map(([a, n]) => [a, Number(n)])) };
  writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}
