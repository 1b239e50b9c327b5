import { writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import type { V1Container, V1Pod } from "@kubernetes/client-node";
import { createClient } from "../../src/kube/client.ts";
import { connect } from "../../src/kube/connection.ts";
import { linesOf } from "../../src/kube/lines.ts";
import { podOf } from "../support/builders.ts";
import { setPodShape } from "../support/pod-shape.ts";
import { workspace } from "../support/workspace.ts";
import { median, table } from "./table.ts";
import { now, program, timesOf } from "./timed-program.ts";

const { values: options } = parseArgs({
  options: { rounds: { type: "string", default: "20" }, json: { type: "string" } },
});
const rounds = Number(options.rounds);
const watchSeconds = 120;

const noop = (name: string): V1Container => ({ name, image: "busybox:1.36", command: ["true"] });

/** A way for a Pod to be made. */
interface Kind {
  readonly name: string;
  readonly pod: (name: string) => V1Pod;
}

const bare = (name: string) => podOf(name, {}, program);
const withOutput = (name: string, uri: string) =>
  podOf(name, { "output-uri": uri, "output-path": "answer.txt" }, program);
const nothing: Kind = { name: "nothing added", pod: bare };
const input: Kind = {
  name: "an input of 10 bytes",
  pod: (name) => podOf(name, { "input-uri": "bench/input:1", "input-path": "/tmp/in" }, program),
};
const output: Kind = { name: "an output of 10 bytes", pod: (name) => withOutput(name, `bench/${name}:1`) };
const initContainer: Kind = {
  name: "an init container that does nothing",
  pod: (name) => podOf(name, {}, program, {}, { initContainers: [noop("first")] }),
};
const secondContainer: Kind = {
  name: "a second container that does nothing",
  pod: (name) => {
    const pod = bare(name);
    pod.spec?.containers.push(noop("second"));
    return pod;
  },
};
/** What is measured in each shape of a Pod, in turns. */
const measured = [
  { shape: "init", kinds: [nothing, initContainer, secondContainer, input, output] },
  { shape: "auto", kinds: [nothing, secondContainer, input, output] },
] as const;
const client = createClient(await connect());
const { namespace, remove, apply, ended } = await workspace();
const pods = `/api/v1/namespaces/${namespace}/pods`;

/** Seconds from the creation of a Pod to the start of its program, and from its end to the Pod's. */
async function measure(pod: V1Pod): Promise<{ start: number; end: number }> {
  const name = pod.metadata?.name ?? "";
  const query = { watch: true, fieldSelector: `metadata.name=${name}`, timeoutSeconds: watchSeconds };
  const watch = await client.stream({ path: pods, query });
  const created = now();
  await client.request({ method: "POST", path: pods, body: pod });
  for await (const line of linesOf(watch, watchSeconds * 1000)) {
    const { object } = JSON.parse(line) as { object: V1Pod };
    if (object.status?.phase === "Failed") throw new Error(`${name}: ${JSON.stringify(object.status)}`);
    if (object.status?.phase !== "Succeeded") continue;
    const over = now();
    const times = await timesOf(client, `${pods}/${name}`);
    await client.request({ method: "DELETE", path: `${pods}/${name}` });
    return { start: times.began - created, end: over - times.ended };
  }
  throw new Error(`${name} did not end in ${watchSeconds} s`);
}

/** Medians over the rounds, in seconds. */
async function medians(shape: string, kinds: readonly Kind[]) {
  const starts = kinds.map((): number[] => []);
  const ends = kinds.map((): number[] => []);
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`  ${shape}, round ${round} of ${rounds}\n`);
    for (const [i, kind] of kinds.entries()) {
      // The kubelet looks at its containers once a second, and the end of the last Pod was seen at such a moment. So each
      // round begins at another part of the second, or all would meet the same.
      await delay((1000 * (round - 1)) / rounds);
      const { start, end } = await measure(kind.pod(`${shape}-${i}-${round}`));
      starts[i]?.push(start);
      ends[i]?.push(end);
    }
  }
  return kinds.map(({ name }, i) => ({
    ...{ shape, pod: name },
    start: median(starts[i] ?? []),
    end: median(ends[i] ?? []),
  }));
}

const results: Awaited<ReturnType<typeof medians>> = [];
try {
  await apply(withOutput("input", "bench/input:1"));
  await ended("input");
  for (const { shape, kinds } of measured) {
    await setPodShape(shape);
    results.push(...(await medians(shape, kinds)));
  }
} finally {
  await setPodShape("init");
  await remove();
  client.close();
}
console.log(
  table(
    ["pod-shape, and a Pod with", "created to program starts, s", "program ends to Pod Succeeded, s"],
    results.map(({ shape, pod, start, end }) => [`${shape}: ${pod}`, start.toFixed(2), end.toFixed(2)]),
  ),
);
if (options.json) writeFileSync(options.json, `${JSON.stringify({ pods: results }, null, 2)}\n`);
