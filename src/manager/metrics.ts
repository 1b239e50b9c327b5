import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { names } from "../../schema/names.ts";
import type { Usage } from "../cache/usage.ts";
import { percentOf } from "../cache/usage.ts";
import type { QueueObserver } from "../kube/queue.ts";

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
    help: "Admission verdicts: injected, restored, skipped, untouched, denied or failed.",
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

  const stepsEnded = new Counter({
    name: "oras_operator_artifacts_total",
    help: "Results of steps' inputs and outputs: Pushed, NotPushed, or why it failed.",
    labelNames: ["reason"],
    registers,
  });
  const artifactBytes = new Histogram({
    name: "oras_operator_artifact_size_bytes",
    help: "Size of artifacts that were pushed.",
    buckets: Array.from({ length: 13 }, (_, i) => 1024 * 4 ** i),
    registers,
  });
  const artifactSeconds = new Histogram({
    name: "oras_operator_artifact_push_seconds",
    help: "How long artifacts took to be pushed.",
    buckets: [1, 2.5, 5, 10, 30, 60, 300, 1800],
    registers,
  });

  const cacheGauge = (name: string, help: string) =>
    new Gauge({ name: `oras_operator_cache_${name}`, help, labelNames: ["namespace", "name"], registers });
  const stored = cacheGauge("stored_bytes", "What the registry of an OrasCache has stored.");
  const artifacts = cacheGauge("artifacts", "Tags in the registry of an OrasCache.");
  const full = cacheGauge("full_ratio", "How full the volume of an OrasCache is, from 0 to 1.");
  const retention = retentionMetrics(registers);

  return {
    registry,
    ...retention,
    observeUsage: (cache: { namespace: string; name: string }, usage: Usage | undefined) => {
      if (usage === undefined) {
        for (const gauge of [stored, artifacts, full]) gauge.remove(cache);
        return;
      }
      stored.set(cache, usage.bytes);
      artifacts.set(cache, usage.artifacts);
      full.set(cache, percentOf(usage) / 100);
    },
    countOutcome: (reason: string, pushed?: { bytes: number; seconds: number }) => {
      stepsEnded.inc({ reason });
      if (!pushed) return;
      artifactBytes.observe(pushed.bytes);
      artifactSeconds.observe(pushed.seconds);
    },
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

/** Retention of caches, by their names; what keepers have freed, their own metrics tell. */
function retentionMetrics(registers: Registry[]) {
  const labelNames = ["namespace", "name"];
  const deletedManifests = new Counter({
    name: "orascache_retention_deleted_total",
    help: "Manifests that retention deleted, by the number of the rule; 0: without a tag.",
    labelNames: [...labelNames, "rule"],
    registers,
  });
  const failures = new Counter({
    name: "orascache_retention_failures_total",
    help: "Passes of retention that failed.",
    labelNames,
    registers,
  });
  const lastSuccess = new Gauge({
    name: "orascache_retention_last_success_timestamp_seconds",
    help: "When retention last did what it should, as seconds since 1970.",
    labelNames,
    registers,
  });
  return {
    countRetention: (
      cache: { name: string; namespace: string },
      deleted: readonly { readonly whole: boolean; readonly rule?: number }[] | "failed",
    ) => {
      const { name, namespace } = cache;
      if (deleted === "failed") return failures.inc({ name, namespace });
      for (const { rule = 0 } of deleted.filter(({ whole }) => whole))
        deletedManifests.inc({ name, namespace, rule });
      lastSuccess.set({ name, namespace }, Math.floor(Date.now() / 1000));
    },
    forgetRetention: ({ name, namespace }: { name: string; namespace: string }) => {
      failures.remove({ name, namespace });
      lastSuccess.remove({ name, namespace });
    },
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
