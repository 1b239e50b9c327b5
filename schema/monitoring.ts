import { names } from "./names.ts";
import type { EventReason } from "./reasons.ts";

/** An alert of Prometheus. */
export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** For how long the expression holds before somebody is told. */
  readonly for: string;
  readonly severity: "critical" | "warning";
  /** What is the matter, one sentence. */
  readonly summary: string;
  /** What to do, one sentence. */
  readonly fix: string;
}

const webhooks = `${names.podsWebhook}|${names.jobsWebhook}`.replaceAll(".", "\\\\.");

const unpushed: readonly EventReason[] = [
  "PushFailed",
  "OutputFailed",
  "PusherMissing",
  "PusherLost",
  "ContainerLost",
];
const results = (...reasons: EventReason[]) =>
  `sum(increase(oras_operator_artifacts_total{reason=~"${reasons.join("|")}"}[30m]))`;

/** Alerts on metrics of the operator, of the API server and of registries. */
export const alerts: readonly Alert[] = [
  {
    name: "OrasOperatorNoLeader",
    expr: `absent(leader_election_master_status{name="${names.lease}"} == 1)`,
    for: "10m",
    severity: "critical",
    summary: "No replica of oras-operator reconciles.",
    fix: "Look at the operator's Pods and their logs; if they run, Prometheus may not reach them.",
  },
  {
    name: "OrasOperatorWebhookMissing",
    expr: "min(oras_operator_webhook_configuration_present) == 0",
    for: "5m",
    severity: "critical",
    summary:
      "The API server does not have the operator's webhooks: annotated Pods start without their inputs.",
    fix: "Apply the installation again: kubectl apply, or helm upgrade.",
  },
  {
    name: "OrasOperatorWebhookFails",
    expr: `sum(rate(apiserver_admission_webhook_rejection_count{name=~"${webhooks}",error_type="calling_webhook_error"}[5m])) > 0 or sum(rate(oras_operator_admissions_total{outcome="failed"}[5m])) > 0`,
    for: "5m",
    severity: "critical",
    summary: "Annotated Pods and Jobs are refused because the operator does not answer, or fails.",
    fix: "Look at the operator's log, and at who may reach its webhook port: NetworkPolicies, firewalls of the control plane.",
  },
  {
    name: "OrasOperatorCertificateExpires",
    expr: "min(oras_operator_certificate_expiry_timestamp_seconds) - time() < 7 * 24 * 3600",
    for: "1h",
    severity: "critical",
    summary: "The webhook's certificate ends in less than a week; it should have been replaced weeks ago.",
    fix: "Look in the operator's log for why it is not replaced; with cert-manager, look at the Certificate.",
  },
  {
    name: "OrasOperatorReconcileErrors",
    expr: "sum by (controller) (rate(controller_runtime_reconcile_errors_total[15m])) > 0",
    for: "1h",
    severity: "warning",
    summary: "One of the operator's controllers, which the label names, fails again and again.",
    fix: 'Look for "Reconciler error" in the operator\'s log.',
  },
  {
    name: "OrasOperatorPushFailures",
    expr: `${results(...unpushed)} > 0.25 * ${results("Pushed", ...unpushed)}`,
    for: "15m",
    severity: "warning",
    summary: "More than a quarter of the outputs of steps are not pushed.",
    fix: "kubectl get events --all-namespaces --field-selector reason=PushFailed has the registry's answers.",
  },
  {
    name: "OrasCacheStorageLow",
    expr: "orascache_free_bytes / orascache_capacity_bytes < 0.2",
    for: "15m",
    severity: "warning",
    summary: "A registry, which the labels name, has less than a fifth of its storage left.",
    fix: "Delete artifacts, or raise spec.storage.persistentVolumeClaim.size of the OrasCache.",
  },
  {
    name: "OrasCacheCertificateExpires",
    expr: "orascache_certificate_expiry_timestamp_seconds - time() < 3 * 24 * 3600",
    for: "1h",
    severity: "warning",
    summary: "The certificate of a registry, which the labels name, ends in less than three days.",
    fix: "With spec.tls.secretName renew the Secret. Else look at the log of the container keeper in the registry's Pod.",
  },
  {
    name: "OrasCacheSweepFails",
    expr: "increase(orascache_sweep_failures_total[6h]) > 0",
    for: "15m",
    severity: "warning",
    summary: "A registry, which the labels name, could not free the space of deleted artifacts.",
    fix: "Look at the log of the container keeper in the registry's Pod.",
  },
  {
    name: "OrasCacheSweepStale",
    expr: "orascache_retention_stale_timestamp_seconds < time()",
    for: "15m",
    severity: "warning",
    summary:
      "Retention of an OrasCache, which the labels name, has missed three times of its schedule: nothing is deleted, and no space comes back.",
    fix: "The condition Swept of the OrasCache and the operator's log say why. Without a leader, nobody does it.",
  },
  {
    name: "OrasCacheMirrorBehind",
    expr: "orascache_mirror_lag_seconds > 900",
    for: "5m",
    severity: "warning",
    summary:
      "Artifacts of a registry, which the labels name, wait for more than a quarter of an hour to be copied to that of spec.mirrorTo.",
    fix: "The condition Mirrored of the OrasCache says why.",
  },
];

/** A graph of the dashboard. */
export interface Panel {
  readonly title: string;
  readonly expr: string;
  readonly legend: string;
  /** As Grafana names units. */
  readonly unit: string;
}

const quantile = (metric: string, by = "") =>
  `histogram_quantile(0.99, sum by (le${by}) (rate(${metric}_bucket[5m])))`;

/** The dashboard's graphs, two in a row. */
export const panels: readonly Panel[] = [
  {
    title: "Results of steps",
    expr: "sum by (reason) (rate(oras_operator_artifacts_total[5m]))",
    legend: "{{reason}}",
    unit: "ops",
  },
  {
    title: "Bytes pushed and pulled",
    expr: "topk(10, sum by (namespace, direction) (rate(oras_operator_transferred_bytes_total[5m])))",
    legend: "{{namespace}} {{direction}}",
    unit: "Bps",
  },
  {
    title: "OrasCaches that are not ready",
    expr: 'sum by (namespace) (orascache_caches{condition="Ready",status!="True"})',
    legend: "{{namespace}}",
    unit: "short",
  },
  {
    title: "Steps that failed",
    expr: `topk(10, sum by (namespace, reason) (rate(oras_operator_artifacts_total{reason!~"Pushed|NotPushed"}[5m])))`,
    legend: "{{namespace}} {{reason}}",
    unit: "ops",
  },
  {
    title: "Steps that wait for their inputs",
    expr: "topk(10, sum by (namespace) (oras_operator_steps_waiting))",
    legend: "{{namespace}}",
    unit: "short",
  },
  {
    title: "Looking for inputs of steps that wait",
    expr: "sum by (result) (rate(oras_operator_input_checks_total[5m]))",
    legend: "{{result}}",
    unit: "ops",
  },
  {
    title: "Time of a push (p99)",
    expr: quantile("oras_operator_artifact_push_seconds"),
    legend: "p99",
    unit: "s",
  },
  {
    title: "Admission of Pods and Jobs",
    expr: "sum by (outcome) (rate(oras_operator_admissions_total[5m]))",
    legend: "{{outcome}}",
    unit: "ops",
  },
  {
    title: "Time of an admission (p99)",
    expr: quantile("controller_runtime_webhook_latency_seconds"),
    legend: "p99",
    unit: "s",
  },
  {
    title: "Certificate of the webhook",
    expr: "min(oras_operator_certificate_expiry_timestamp_seconds) - time()",
    legend: "ends in",
    unit: "s",
  },
  {
    title: "Reconciliations",
    expr: "sum by (controller, result) (rate(controller_runtime_reconcile_total[5m]))",
    legend: "{{controller}} {{result}}",
    unit: "ops",
  },
  {
    title: "Waiting in work queues",
    expr: "sum by (name) (workqueue_depth)",
    legend: "{{name}}",
    unit: "short",
  },
  {
    title: "Requests to the API server",
    expr: "sum by (code, method) (rate(rest_client_requests_total[5m]))",
    legend: "{{method}} {{code}}",
    unit: "ops",
  },
  {
    title: "Space left in registries",
    expr: "min by (namespace, service) (orascache_free_bytes / orascache_capacity_bytes)",
    legend: "{{namespace}} {{service}}",
    unit: "percentunit",
  },
  {
    title: "Used by registries",
    expr: "max by (namespace, service) (orascache_used_bytes)",
    legend: "{{namespace}} {{service}}",
    unit: "bytes",
  },
  {
    title: "Memory of the operator",
    expr: `process_resident_memory_bytes and on (pod) leader_election_master_status{name="${names.lease}"}`,
    legend: "{{pod}}",
    unit: "bytes",
  },
];
