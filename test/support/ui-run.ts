import { names } from "../../schema/names.ts";
import type { Objects } from "../../src/cli/graph/steps.ts";
import type { Details, Transferred } from "../../src/page/protocol.ts";
import { indexedIn, objectsOf, stepIn } from "./ui-objects.ts";

const artifact = (name: string) => `${name}:r42`;
const reads = (...names: readonly string[]) =>
  Object.fromEntries(names.map((name, at) => [at === 0 ? "input-uri" : `input-uri_${at}`, artifact(name)]));
const makes = (name: string) => ({ "output-uri": artifact(name) });
const trimmed = (at: number) => `trimmed/sample-${at}`;
const samples = Array.from({ length: 12 }, (_, at) => at + 1);

/** A run in which something of everything is seen. */
export const run: Objects = objectsOf([
  stepIn("fetch-reads", { "input-uri": "data/samples:v3", ...makes("reads/all") }, "notRun"),
  stepIn("index-genome", { "input-uri": "data/genome:v38", ...makes("genome/index") }, "notRun"),
  ...samples.map((at) =>
    stepIn(`trim-${at}`, { ...reads("reads/all"), ...makes(trimmed(at)) }, at < 9 ? "notRun" : "succeeded"),
  ),
  stepIn("quality", { ...reads(...samples.map(trimmed)), ...makes("quality/report") }, "succeeded"),
  indexedIn(
    "align",
    { ...reads("genome/index", ...samples.map(trimmed)), ...makes("aligned/all") },
    { wanted: 24, succeeded: 17, taken: "0-8" },
  ),
  stepIn("call", { ...reads("aligned/quick", "genome/index"), ...makes("variants/quick") }, "failed"),
  stepIn("align-quick", { ...reads("genome/index", trimmed(1)), ...makes("aligned/quick") }, "succeeded"),
  ...["snv", "indel"].map((kind) =>
    stepIn(
      `call-${kind}`,
      { ...reads("aligned/all", "genome/index"), ...makes(`variants/${kind}`) },
      "waiting",
      "Waits for aligned/all:r42 (made by Job align).",
    ),
  ),
  stepIn(
    "merge",
    { ...reads("variants/snv", "variants/indel"), ...makes("variants/all") },
    "waiting",
    "Waits for variants/snv:r42 (made by Job call-snv), variants/indel:r42 (made by Job call-indel).",
  ),
  stepIn(
    "report",
    { ...reads("variants/all", "quality/report"), ...makes("report/all") },
    "waiting",
    "Waits for variants/all:r42 (made by Job merge).",
  ),
]);

const registry = `oras-0.oras.runs.svc.cluster.local:${names.registryPort}`;
const input = (name: string, bytes: number): Transferred => ({
  ...{ id: `${registry}/${artifact(name)}`, reference: artifact(name), bytes, seconds: 4.2 },
  digest: "sha256:8f1d7c0a52be94d3a1c6e0f7b3d2948571ce60aa17b84e2f9d3c5b6a70e1f248",
  command: `kubectl oras-cache get -n runs --cache oras ${artifact(name)}`,
});

/** What is told of its step that failed. */
export const detailsOfCall: Details = {
  id: "job/call",
  findings: [
    {
      level: "bad",
      text: "The container main of Pod call-x7k2p was killed for want of memory (OOMKilled, exit code 137); its limit is 2Gi.",
      todo: "Give main more memory in resources.limits, then: kubectl oras-cache rerun job/call -n runs",
    },
  ],
  logs: [
    {
      container: "call-x7k2p/main",
      lines: "[09:03:04] chr8: 1.1 M reads\n[09:03:09] building graph of 4,118,204 nodes\nKilled",
    },
  ],
  inputs: [input("aligned/quick", 73_400_320), input("genome/index", 3_221_225_472)],
  outputs: [
    {
      ...{ id: `${registry}/${artifact("variants/quick")}`, reference: artifact("variants/quick") },
      command: `kubectl oras-cache get -n runs --cache oras ${artifact("variants/quick")}`,
    },
  ],
  left: [],
  pods: [{ name: "call-x7k2p", phase: "Failed", node: "node-3" }],
  events: [
    {
      ...{ at: "2026-11-27T09:03:10Z", type: "Warning", reason: "BackoffLimitExceeded" },
      note: "Job has reached the specified backoff limit",
    },
    {
      ...{ at: "2026-11-27T09:01:00Z", type: "Normal", reason: "InputsAvailable" },
      note: "aligned/quick:r42 is there: the step was started.",
    },
  ],
  commands: [
    "kubectl oras-cache status job/call -n runs",
    "kubectl oras-cache why job/call -n runs",
    "kubectl -n runs logs job/call --all-containers",
  ],
  unread: [],
};
