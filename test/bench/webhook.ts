import { fork } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { V1Pod, V1Secret } from "@kubernetes/client-node";
import { names } from "../../schema/names.ts";
import { fromSecret } from "../../src/certificates/renew.ts";
import { webhookHosts } from "../../src/certificates/secret.ts";
import { get } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { keyed } from "../support/builders.ts";
import { startControlPlane } from "../support/control-plane.ts";
import { adminClient, installOperator } from "../support/installation.ts";
import { metric, ready } from "../support/operator.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";
import { type PodLike, startAsInPod } from "./as-in-pod.ts";
import { type Answered, agentFor, ask, load, memory, type Target } from "./load.ts";
import { median, table } from "./table.ts";

const { values: options } = parseArgs({ options: { json: { type: "string" } } });
const say = (text: string) => process.stderr.write(`  ${text}\n`);

const plane = await startControlPlane();
const client = await adminClient(plane);
let operator: PodLike | undefined;

/** A Pod of a size that is usual. */
const pod = (annotations: Record<string, string>): V1Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { generateName: "step-", labels: { app: "step" }, annotations },
  spec: {
    restartPolicy: "Never",
    containers: [
      {
        name: "main",
        image: "busybox:1.36",
        command: ["sh", "-c", "cat /tmp/in/answer.txt > answer.txt"],
        env: [{ name: "OMP_NUM_THREADS", value: "4" }],
        resources: { requests: { cpu: "100m", memory: "64Mi" } },
      },
    ],
  },
});
const annotated = pod(
  keyed({
    "input-uri": "runs/first:1",
    "input-path": "/tmp/in",
    "output-uri": "runs/second:1",
    "output-path": "answer.txt",
  }),
);
const plain = pod({ "example.com/other": "x" });

/** The review that the API server would send for a new Pod. */
const review = JSON.stringify({
  apiVersion: "admission.k8s.io/v1",
  kind: "AdmissionReview",
  request: {
    uid: "3a1f5f0e-5d7f-4e5f-9a53-0d5ad4c7e6a1",
    kind: { group: "", version: "v1", kind: "Pod" },
    resource: { group: "", version: "v1", resource: "pods" },
    operation: "CREATE",
    namespace: "default",
    userInfo: { username: "someone", groups: ["system:authenticated"] },
    object: annotated,
    oldObject: null,
    dryRun: false,
  },
});

async function pairOfSecret() {
  const place = { namespace: names.operatorNamespace, name: names.webhookSecret };
  const secret = await get<V1Secret & object>(client, resources.secrets, place);
  const pair = fromSecret(secret?.data);
  if (!pair) throw new Error("the Secret has no certificate");
  return pair;
}

async function target(port: number): Promise<Target> {
  const ca = (await pairOfSecret()).cas.join("\n");
  return { port, path: names.webhookPath, ca, servername: webhookHosts(names.operatorNamespace)[0] ?? "" };
}

/** Starts the server that only allows, with the operator's certificate. */
async function startFloor() {
  const { key, certificate } = await pairOfSecret();
  const child = fork(new URL("./floor.ts", import.meta.url), {
    stdio: ["pipe", "inherit", "inherit", "ipc"],
  });
  child.stdin?.end(`${key.trim()}\n\n${certificate.trim()}`);
  const [port] = (await once(child, "message")) as [number];
  return { pid: child.pid ?? 0, target: await target(port), stop: () => child.kill() };
}

/** Seconds from the start of a process to its first answer. */
async function firstAnswer(): Promise<number> {
  const begun = performance.now();
  const started = await startAsInPod(plane);
  const to = await target(started.webhookPort);
  const agent = agentFor(to, 1);
  try {
    for (;;) {
      try {
        await ask(to, review, agent);
        return (performance.now() - begun) / 1000;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ECONNREFUSED") throw error;
        await delay(2);
      }
    }
  } finally {
    agent.destroy();
    await started.stop();
  }
}

/** Milliseconds that the API server took to create a Pod. */
async function creation(namespace: string, object: V1Pod): Promise<number> {
  const begun = performance.now();
  await client.request({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods`, body: object });
  return performance.now() - begun;
}

/** What the webhook adds to the creation of Pods, and how often it was called. */
async function created(watching: PodLike, object: V1Pod, pods: number): Promise<Created> {
  const calls = () => metric(watching, "controller_runtime_webhook_requests_total");
  const before = await calls();
  const seen: number[] = [];
  const notSeen: number[] = [];
  for (let i = 0; i < pods; i++) {
    // The webhook's configuration leaves the operator's own namespace out.
    notSeen.push(await creation(names.operatorNamespace, object));
    seen.push(await creation("default", object));
  }
  return { pods, calls: (await calls()) - before, seen: median(seen), notSeen: median(notSeen) };
}

/** The median of each figure over the rounds. */
function medians(all: readonly Answered[]): Answered {
  const of = (figure: keyof Answered) => median(all.map((answered) => answered[figure]));
  return { p50: of("p50"), p95: of("p95"), p99: of("p99"), perSecond: of("perSecond"), cpu: of("cpu") };
}

function row(name: string, { p50, p95, p99, perSecond, cpu }: Answered): string[] {
  return [name, ...[p50, p95, p99].map((ms) => ms.toFixed(2)), perSecond.toFixed(0), cpu.toFixed(0)];
}

interface Created {
  readonly pods: number;
  readonly calls: number;
  /** Medians, milliseconds. */
  readonly seen: number;
  readonly notSeen: number;
}

const rounds = 3;
/** How many reviews, at how many at a time, in each round: 250,000 in all. */
const sizes = [
  { concurrency: 1, reviews: 8_000 },
  { concurrency: 8, reviews: 39_000 },
  { concurrency: 64, reviews: 35_000 },
];
const loads: { concurrency: number; ours: Answered; floor: Answered }[] = [];
const firsts: number[] = [];
let resident: ReturnType<typeof memory>;
let creations: { kind: string; result: Created }[];
try {
  await installOperator(client);
  operator = await startAsInPod(plane);
  await installWebhooks(client, operator.webhookPort);
  await ready(operator, client);
  const { pid } = operator;
  const to = await target(operator.webhookPort);
  const floor = await startFloor();
  say("warming up");
  await load(to, review, 8, 4_000, pid);
  await load(floor.target, review, 8, 4_000, floor.pid);
  for (const { concurrency, reviews } of sizes) {
    const ours: Answered[] = [];
    const floors: Answered[] = [];
    for (let round = 1; round <= rounds; round++) {
      say(`${reviews} reviews, ${concurrency} at a time, round ${round} of ${rounds}`);
      ours.push(await load(to, review, concurrency, reviews, pid));
      floors.push(await load(floor.target, review, concurrency, reviews, floor.pid));
    }
    loads.push({ concurrency, ours: medians(ours), floor: medians(floors) });
  }
  floor.stop();
  resident = memory(pid);
  say("600 Pods, annotated and not");
  const injects = () => creation("default", annotated);
  await until(injects, "the API server to reach the webhook");
  for (let i = 0; i < 100; i++) await Promise.all([injects(), creation(names.operatorNamespace, annotated)]);
  creations = [
    { kind: "annotated", result: await created(operator, annotated, 300) },
    { kind: "not annotated", result: await created(operator, plain, 300) },
  ];
  await operator.stop();
  operator = undefined;
  say("the first review, 9 times");
  for (let i = 0; i < 9; i++) firsts.push(await firstAnswer());
} finally {
  await operator?.stop();
  client.close();
  await plane.stop();
}

console.log(
  table(
    ["reviews at a time", "p50, ms", "p95, ms", "p99, ms", "reviews/s", "CPU of the process, µs each"],
    loads.flatMap(({ concurrency, ours, floor }) => [
      row(String(concurrency), ours),
      row(`${concurrency}, a server that only allows`, floor),
    ]),
  ),
);
console.log(
  `\nmemory after 250,000 reviews: ${resident.now.toFixed(0)} MiB, of it ${resident.files.toFixed(0)} pages of files; at most ${resident.most.toFixed(0)} MiB` +
    `\nfirst review answered: ${median(firsts).toFixed(2)} s after the start of the process, at most ${Math.max(...firsts).toFixed(2)} s\n`,
);
console.log(
  table(
    ["creation of a Pod", "without the webhook, ms", "with it, ms", "added, ms", "calls for 300"],
    creations.map(({ kind, result: { notSeen, seen, calls } }) => [
      kind,
      notSeen.toFixed(2),
      seen.toFixed(2),
      (seen - notSeen).toFixed(2),
      String(calls),
    ]),
  ),
);
if (options.json) {
  const results = { reviews: loads, memory: resident, first: firsts, creations };
  writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
}
