// How long after a push the step that waits for it is started: from the answer to the push of the manifest to what a watch
// of Jobs shows, on the local cluster. Steps without a known producer, so that nothing but the push tells of the input.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { jobOf } from "../support/builders.ts";
import { until } from "../support/wait.ts";
import { portForward, workspace } from "../support/workspace.ts";
import { table } from "./table.ts";

const { values: options } = parseArgs({ options: { steps: { type: "string", default: "50" } } });
const count = Number(options.steps);
const ws = await workspace({}, { auth: { type: "none" } });
const forward = await portForward(ws.namespace, "oras-0", 5000);
const url = (path: string) => `http://${forward.address}/v2/bench/${path}`;

/** A manifest with an empty configuration, as an artifact without files has. */
const empty = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
const manifest = (number: number) =>
  JSON.stringify({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    artifactType: "application/vnd.example.bench",
    config: { mediaType: "application/vnd.oci.empty.v1+json", digest: empty, size: 2 },
    layers: [{ mediaType: "application/vnd.oci.empty.v1+json", digest: empty, size: 2 }],
    annotations: { number: String(number) },
  });

async function pushBlob(repository: string): Promise<void> {
  const begun = await fetch(url(`${repository}/blobs/uploads/`), { method: "POST" });
  const location = new URL(begun.headers.get("location") ?? "", url(""));
  location.host = forward.address;
  location.searchParams.set("digest", empty);
  await fetch(location, {
    method: "PUT",
    body: "{}",
    headers: { "content-type": "application/octet-stream" },
  });
}

const started = new Map<string, number>();
const watch = spawn("kubectl", [
  "-n",
  ws.namespace,
  "get",
  "jobs",
  "--watch",
  "--no-headers",
  "-o",
  "custom-columns=N:.metadata.name,S:.spec.suspend",
]);
createInterface(watch.stdout).on("line", (line) => {
  const [name = "", suspended] = line.trim().split(/\s+/);
  if (suspended === "false" && !started.has(name)) started.set(name, performance.now());
});

const all = Array.from({ length: count }, (_, i) => i);
for (const i of all) {
  const step = { "input-uri": `bench/r${i}:1`, "wait-for-inputs": "true" };
  await ws.apply(jobOf(`s${i}`, step, "true"));
  await pushBlob(`r${i}`);
}
const last = () =>
  ws.kubectl(
    "get",
    "job",
    `s${count - 1}`,
    "-o",
    "jsonpath={.status.conditions[0].type}{.status.conditions[1].type}",
  );
await until(async () => (await last()).includes("InputsAvailable"), "all Jobs to wait");
const delays: number[] = [];
for (const i of all) {
  const headers = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
  const answer = await fetch(url(`r${i}/manifests/1`), { method: "PUT", body: manifest(i), headers });
  const pushed = performance.now();
  if (answer.status !== 201) throw new Error(`the registry answers with ${answer.status}`);
  await until(async () => started.has(`s${i}`), "the Job to be resumed");
  delays.push((started.get(`s${i}`) ?? 0) - pushed);
}
watch.kill();
forward.stop();
await ws.remove();
delays.sort((a, b) => a - b);
const at = (part: number) => (delays[Math.min(count - 1, Math.floor(count * part))] ?? Number.NaN).toFixed(0);
console.log(
  table(
    ["pushed to resumed, ms", "p50", "p90", "p99", "longest"],
    [[`${count} steps`, at(0.5), at(0.9), at(0.99), at(1)]],
  ),
);
