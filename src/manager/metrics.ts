import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import packageJson from "../../package.json" with { type: "json" };
import { names } from "../../schema/names.ts";
import type { QueueObserver } from "../kube/queue.ts";
import { cacheMetrics } from "./cache-metrics.ts";
import { stepMetrics } from "./step-metrics.ts";
import { waitingMetrics } from "./waiting-metrics.ts";

/** The process's metrics; those that controller-runtime has too have its names, so that dashboards fit. */
export type Metrics = ReturnType<typeof createMetrics>;

const reviewedKinds = ["Pod", "Job"];
const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Metrics in a separate registry. */
export function createMetrics() {
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 100 });

  const requests = new Counter({
    name: "rest_client_requests_total",
    help: "Requests to the API server, by status code (<error> where there was no answer) and method.",
    labelNames: ["code", "method"],
    registers,
  });
  const reviews = new Counter({
    name: "controller_runtime_webhook_requests_total",
    help: "Admission requests, by HTTP status code.",
    labelNames: ["webhook", "code"],
    registers,
  });
  const reviewSeconds = new Histogram({
    name: "controller_runtime_webhook_latency_seconds",
    help: "How long admission requests took.",
    labelNames: ["webhook"],
    buckets: [0.0001, 0.00025, 0.0005, ...seconds],
    registers,
  });
  const dropped = new Counter({
    name: "oras_operator_webhook_connections_dropped_total",
    help: "How often connections to the webhook were closed, because there were too many.",
    registers,
  });
  const verdicts = new Counter({
    name: "oras_operator_admissions_total",
    help: "Admission verdicts: injected, restored, skipped, untouched, labelled, denied or failed.",
    labelNames: ["kind", "operation", "outcome"],
    registers,
  });
  const leader = new Gauge({
    name: "leader_election_master_status",
    help: "1 if this replica leads.",
    labelNames: ["name"],
    registers,
  });
  leader.set({ name: names.lease }, 0);
  const configured = new Gauge({
    name: "oras_operator_webhook_configuration_present",
    help: "1 if the API server has all webhooks; with 0 nothing is injected.",
    registers,
  });
  const certificateExpiry = new Gauge({
    name: "oras_operator_certificate_expiry_timestamp_seconds",
    help: "When the webhook's certificate ends, as seconds since 1970.",
    registers,
  });
  const certificateReads = new Counter({
    name: "certwatcher_read_certificate_total",
    help: "Certificates that were taken into use.",
    registers,
  });
  const certificateErrors = new Counter({
    name: "certwatcher_read_certificate_errors_total",
    help: "Certificates that could not be read or issued.",
    registers,
  });

  new Gauge({
    name: "oras_operator_build_info",
    help: "1, with the version of this replica and of its Node.js.",
    labelNames: ["version", "node"],
    registers,
  }).set({ version: packageJson.version, node: process.versions.node }, 1);

  return {
    registry,
    ...stepMetrics(registers),
    ...waitingMetrics(registers),
    ...cacheMetrics(registers),
    observeRequest: (method: string, status: number) =>
      requests.inc({ code: status === 0 ? "<error>" : status, method }),
    // Whoever reaches the webhook may send a review of any kind: it does not become another label.
    countVerdict: (kind: string, operation: string, outcome: string) =>
      verdicts.inc({ kind: reviewedKinds.includes(kind) ? kind : "other", operation, outcome }),
    connectionDropped: () => dropped.inc(),
    observeReview: (webhook: string, code: number, tookSeconds: number) => {
      reviews.inc({ webhook, code });
      reviewSeconds.observe({ webhook }, tookSeconds);
    },
    setWebhooksConfigured: (all: boolean) => configured.set(all ? 1 : 0),
    setLeading: (leading: boolean) => leader.set({ name: names.lease }, leading ? 1 : 0),
    certificateUsed: (expiry: Date) => {
      certificateReads.inc();
      certificateExpiry.set(expiry.getTime() / 1000);
    },
    certificateFailed: () => certificateErrors.inc(),
    observeQueue: queueMetrics(registers),
  };
}

/** Work queues and the reconcilers behind them, by the controller's name. */
function queueMetrics(registers: Registry[]): (controller: string, workers: number) => QueueObserver {
  const counter = (name: string, help: string, ...labelNames: string[]) =>
    new Counter({ name, help, labelNames, registers });
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers });
  const histogram = (name: string, help: string, ...labelNames: string[]) =>
    new Histogram({ name, help, labelNames, buckets: seconds, registers });

  const adds = counter("workqueue_adds_total", "Keys added to the queue.", "name");
  const depth = gauge("workqueue_depth", "Keys that wait.", "name");
  const waited = histogram("workqueue_queue_duration_seconds", "How long keys waited.", "name");
  const worked = histogram("workqueue_work_duration_seconds", "How long keys were worked on.", "name");
  const retries = counter("workqueue_retries_total", "Keys that are tried again after an error.", "name");
  const total = counter(
    "controller_runtime_reconcile_total",
    "Reconciliations, by result.",
    "controller",
    "result",
  );
  const errors = counter(
    "controller_runtime_reconcile_errors_total",
    "Failed reconciliations.",
    "controller",
  );
  const took = histogram(
    "controller_runtime_reconcile_time_seconds",
    "How long reconciliations took.",
    "controller",
  );
  const active = gauge("controller_runtime_active_workers", "Workers at work.", "controller");
  const most = gauge("controller_runtime_max_concurrent_reconciles", "Workers.", "controller");

  return (controller, workers) => {
    const name = controller;
    most.set({ controller }, workers);
    return {
      added: () => adds.inc({ name }),
      depth: (waiting) => depth.set({ name }, waiting),
      started: (waitedMs) => {
        waited.observe({ name }, waitedMs / 1000);
        active.inc({ controller });
      },
      finished: (tookMs, result) => {
        worked.observe({ name }, tookMs / 1000);
        took.observe({ controller }, tookMs / 1000);
        active.dec({ controller });
        total.inc({ controller, result });
        if (result !== "error") return;
        errors.inc({ controller });
        retries.inc({ name });
      },
    };
  };
}
