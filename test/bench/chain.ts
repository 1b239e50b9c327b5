// How long after a program has ended the program starts that waits for what it pushes: two Jobs with real Pods, applied at once,
// the one that reads first. Between both are the push, the notification, the gate, the Job controller, the scheduler, the kubelet
// and the pull.
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { createClient } from "../../src/kube/client.ts";
import { connect } from "../../src/kube/connection.ts";
import { linesOf } from "../../src/kube/lines.ts";
import { jobOf } from "../support/builders.ts";
import { workspace } from "../support/workspace.ts";
import { table } from "./table.ts";
import { now, program, timesOf } from "./timed-program.ts";

const { values: options } = parseArgs({ options: { rounds: { type: "string", default: "20" } } });
const rounds = Number(options.rounds);
const watchSeconds = 120;

const client = createClient(await connect());
const { namespace, remove, apply } = await workspace();
const pods = `/api/v1/namespaces/${namespace}/pods`;

function jobsOf(round: number): [V1Job, V1Job] {
  const between = `chain/${round}:1`;
  return [
    jobOf(
      `reads-${round}`,
      { "input-uri": between, "input-path": "/tmp/in", "wait-for-inputs": "true" },
      program,
    ),
    jobOf(`makes-${round}`, { "output-uri": between, "output-path": "answer.txt" }, program),
  ];
}

/** When the Pods of both Jobs were seen to have succeeded, and what their programs said. */
async function measure(round: number) {
  const query = { watch: true, labelSelector: "job-name", timeoutSeconds: watchSeconds };
  const watch = await client.stream({ path: pods, query });
  const jobs = jobsOf(round);
  for (const job of jobs) await apply(job);
  const over = new Map<string, { readonly pod: string; readonly at: number }>();
  for await (const line of linesOf(watch, watchSeconds * 1000)) {
    const { object } = JSON.parse(line) as { object: V1Pod };
    const { name = "", labels } = object.metadata ?? {};
    if (object.status?.phase === "Failed") throw new Error(`${name}: ${JSON.stringify(object.status)}`);
    if (object.status?.phase === "Succeeded" && !over.has(labels?.["job-name"] ?? ""))
      over.set(labels?.["job-name"] ?? "", { pod: name, at: now() });
    if (jobs.every(({ metadata }) => over.has(metadata?.name ?? ""))) break;
  }
  const [reads, makes] = jobs.map(({ metadata }) => over.get(metadata?.name ?? ""));
  if (reads === undefined || makes === undefined)
    throw new Error(`the Jobs of round ${round} did not end in ${watchSeconds} s`);
  const { began } = await timesOf(client, `${pods}/${reads.pod}`);
  const { ended } = await timesOf(client, `${pods}/${makes.pod}`);
  return { start: began - ended, beforeSucceeded: makes.at - began };
}

const starts: number[] = [];
const leads: number[] = [];
try {
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`  round ${round} of ${rounds}\n`);
    // The kubelet looks at its containers once a second: each round begins at another part of it.
    await delay((1000 * (round - 1)) / rounds);
    const { start, beforeSucceeded } = await measure(round);
    starts.push(start);
    leads.push(beforeSucceeded);
  }
} finally {
  await remove();
  client.close();
}
const shown = (all: readonly number[]) => {
  const sorted = all.toSorted((a, b) => a - b);
  return [sorted[0], sorted[Math.floor(sorted.length / 2)], sorted.at(-1)].map((value) =>
    (value ?? Number.NaN).toFixed(2),
  );
};
console.log(
  table(
    ["seconds", "shortest", "median", "longest"],
    [
      ["a program ends to the next one starts", ...shown(starts)],
      ["the next one starts to the Pod of the first is Succeeded", ...shown(leads)],
    ],
  ),
);
