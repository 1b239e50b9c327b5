import { Counter, Histogram, type Registry } from "prom-client";
import type { Transfer } from "../common/transfer.ts";
import { namespaceLabels } from "./namespace-labels.ts";

/** What is counted of steps. */
export function stepMetrics(registers: Registry[]) {
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name: `oras_operator_${name}`, help, labelNames: ["namespace", ...labelNames], registers });
  const results = counter(
    "artifacts_total",
    "Results of steps' inputs and outputs: Pushed, NotPushed, or why it failed. Namespaces after the first 1,000 are counted as <other>.",
    "reason",
  );
  const ofTransfers = "what went to registries (push), and what init containers got from them (pull)";
  const transfers = counter(
    "transfers_total",
    `How often steps pushed and pulled: ${ofTransfers}.`,
    "direction",
  );
  const bytes = counter("transferred_bytes_total", `Bytes of ${ofTransfers}.`, "direction");
  const seconds = counter("transfer_seconds_total", `How long it took: ${ofTransfers}.`, "direction");
  const size = new Histogram({
    name: "oras_operator_artifact_size_bytes",
    help: "Size of artifacts that were pushed.",
    buckets: Array.from({ length: 13 }, (_, i) => 1024 * 4 ** i),
    registers,
  });
  const pushSeconds = new Histogram({
    name: "oras_operator_artifact_push_seconds",
    help: "How long artifacts took to be pushed.",
    buckets: [1, 2.5, 5, 10, 30, 60, 300, 1800],
    registers,
  });

  const labelOf = namespaceLabels();
  const countTransfer = (of: string, direction: "push" | "pull", transfer: Transfer) => {
    const namespace = labelOf(of);
    transfers.inc({ namespace, direction });
    bytes.inc({ namespace, direction }, transfer.bytes);
    seconds.inc({ namespace, direction }, transfer.seconds);
  };
  return {
    countOutcome: (namespace: string, reason: string, pushed?: Transfer) => {
      results.inc({ namespace: labelOf(namespace), reason });
      if (!pushed) return;
      countTransfer(namespace, "push", pushed);
      size.observe(pushed.bytes);
      pushSeconds.observe(pushed.seconds);
    },
    countPull: (namespace: string, pulled: Transfer) => countTransfer(namespace, "pull", pulled),
  };
}
