// How long a workflow takes that has run before, of which nothing has changed: from `kubectl apply` to the last Job's end.
// API server, webhook, operator, registry and the controllers of Jobs are the real ones, on this machine. No Pod is made
// the second time; those of the first are ended by a stand-in of the kubelet.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { annotations } from "../../src/annotations/table.ts";
import { importWfFormat } from "../../src/cli/import.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startJobPlane } from "../support/job-plane.ts";
import { objectsIn } from "../support/manifests.ts";
import { kubectl } from "../support/programs.ts";
import { until } from "../support/wait.ts";
import { endOfJob } from "../support/workflow-world.ts";
import { table } from "./table.ts";

const namespace = "bench";
const file = join(temporaryFolder("bench"), "jobs.json");
const memo = { [annotations.memoize.key]: "on", [annotations["memoize-assume"].key]: "tags" };
const text = await importWfFormat("examples/workflow/montage/montage.json", { namespace, scale: 1 });
const steps = objectsIn(text).map((job) => ({
  ...job,
  metadata: { ...job.metadata, annotations: { ...(job as V1Job).metadata?.annotations, ...memo } },
}));
await writeFile(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: steps }));

const { plane, admin, world, stop } = await startJobPlane();
const ns = await world.namespace(namespace);
const given = new Set(
  steps.flatMap((job) =>
    Object.entries((job as V1Job).metadata?.annotations ?? {}).flatMap(([key, uri]) =>
      key.startsWith(annotations["input-uri"].key) && uri.includes("/given/") ? [uri] : [],
    ),
  ),
);
for (const uri of given) await world.put(uri, uri);

const listed = async <T>(resource: (typeof resources)["jobs" | "pods"]) =>
  (await admin.request<{ items: T[] }>({ path: pathOf(resource, { namespace }) })).items;
const keyOf = (job: V1Job) => job.metadata?.annotations?.[names.memoKeyAnnotation];

/** Seconds from apply to the end of all, and how many Pods there were. */
async function run(): Promise<{ applied: number; seconds: number; pods: number }> {
  const begun = performance.now();
  await kubectl(plane.kubeconfig, ["apply", "--server-side", "-f", file]);
  const applied = (performance.now() - begun) / 1000;
  const all = () => listed<V1Job & KubeObject>(resources.jobs);
  await until(async () => (await all()).every((job) => endOfJob(job) === "Complete"), "all Jobs", 600_000);
  const seconds = (performance.now() - begun) / 1000;
  const pods = (await listed<V1Pod>(resources.pods)).filter(({ metadata }) => metadata?.labels?.["job-name"]);
  const isKept = (job: V1Job) =>
    keyOf(job)?.endsWith(" written") || job.metadata?.labels?.[names.memoizedLabel];
  await until(async () => (await all()).every(isKept), "all results");
  for (const job of await all()) await ns.remove(resources.jobs, job.metadata?.name ?? "");
  await until(async () => (await all()).length === 0, "the end of all Jobs");
  // Nothing collects them here.
  await admin.request({
    method: "DELETE",
    path: pathOf(resources.pods, { namespace }),
    body: {},
    query: { labelSelector: "job-name" },
  });
  return { applied, seconds, pods: pods.length };
}

const first = await run();
const again = await run();
await stop();
const row = (name: string, { applied, seconds, pods }: typeof first) => [
  ...[name, applied.toFixed(1), seconds.toFixed(1)],
  String(pods),
];
console.log(
  table(["Montage, 97 steps", "applied, s", "ended, s", "Pods"], [row("first", first), row("again", again)]),
);
