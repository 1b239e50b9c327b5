import { readFileSync } from "node:fs";
import type { Metric } from "prom-client";
import { alerts, type Panel, panels } from "../../schema/monitoring.ts";
import { names } from "../../schema/names.ts";
import { createMetrics } from "../../src/manager/metrics.ts";
import { page, table } from "./docs.ts";
import { manifest } from "./install.ts";
import type { Rendered } from "./schema.ts";

const labels = {
  "app.kubernetes.io/name": names.operatorName,
  "app.kubernetes.io/component": "controller-manager",
};
const namespace = names.operatorNamespace;

/** Renders what Prometheus and Grafana load, as objects, for the chart and alone; and the page of all metrics. */
export function renderMonitoring(): Rendered[] {
  const dashboard = JSON.stringify(dashboardOf(panels), null, 2);
  const folder = "config/components/monitoring";
  return [
    manifest(`${folder}/prometheus-rule.yaml`, [
      {
        apiVersion: "monitoring.coreos.com/v1",
        kind: "PrometheusRule",
        metadata: { name: names.operatorName, namespace, labels },
        spec: { groups: ruleGroups() },
      },
    ]),
    manifest(`${folder}/dashboard.yaml`, [
      {
        apiVersion: "v1",
        kind: "ConfigMap",
        metadata: {
          name: `${names.operatorName}-dashboard`,
          namespace,
          labels: { ...labels, grafana_dashboard: "1" },
        },
        data: { "oras-operator.json": `${dashboard}\n` },
      },
    ]),
    manifest("chart/files/alerts.yaml", [{ groups: ruleGroups() }]),
    { path: "chart/files/dashboard.json", content: `${dashboard}\n` },
    metricsPage(),
  ];
}

function ruleGroups(): object[] {
  const rules = alerts.map(({ name, expr, for: held, severity, summary, fix }) => ({
    alert: name,
    expr,
    for: held,
    labels: { severity },
    annotations: { summary, description: fix, runbook_url: `${pages}#${name.toLowerCase()}` },
  }));
  return [{ name: names.operatorName, rules }];
}

const pages = "https://github.com/converged-computing/oras-operator/blob/main/docs/reference/metrics.md";

/** A dashboard that asks whichever Prometheus the reader chooses. */
function dashboardOf(graphs: readonly Panel[]): object {
  const datasource = { type: "prometheus", uid: "$datasource" };
  const [width, height] = [12, 8];
  return {
    title: names.operatorName,
    uid: names.operatorName,
    tags: [names.operatorName],
    schemaVersion: 39,
    editable: true,
    refresh: "1m",
    time: { from: "now-6h", to: "now" },
    templating: {
      list: [{ name: "datasource", type: "datasource", query: "prometheus", label: "Prometheus" }],
    },
    panels: graphs.map(({ title, expr, legend, unit }, index) => ({
      id: index + 1,
      type: "timeseries",
      title,
      datasource,
      gridPos: { x: (index % 2) * width, y: Math.floor(index / 2) * height, w: width, h: height },
      fieldConfig: { defaults: { unit, min: 0 }, overrides: [] },
      targets: [{ refId: "A", datasource, expr, legendFormat: legend }],
    })),
  };
}

/** A metric as prom-client has it; its types leave this out. */
interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labelNames: readonly string[];
}

/** The metrics of the operator. Those of Node.js and of any process are left out: their names say what they are. */
export function metrics(): Described[] {
  const { registry, observeQueue } = createMetrics();
  observeQueue(names.singular, 1);
  const all = registry.getMetricsAsArray() as unknown as (Metric & Described)[];
  return all.filter(({ name }) => !/^(process|nodejs)_/.test(name));
}

/** The metrics of a registry's keeper, which is written in Go: those that it has of its own, without labels. */
export function keeperMetrics(): Described[] {
  const source = readFileSync("agent/internal/keeper/server/metrics.go", "utf8");
  const all = [...source.matchAll(/\b(gauge|counter)\(to, "(\w+)", "([^"]+)"/g)];
  if (all.length === 0)
    throw new Error("agent/internal/keeper/server/metrics.go has no metrics that are found");
  return all.map(([, type = "", name = "", help = ""]) => ({ name, type, help, labelNames: [] }));
}

function metricsTable(described: readonly Described[]): string {
  const rows = described.map(({ name, type, labelNames, help }) => [
    `\`${name}\``,
    type,
    labelNames.map((label) => `\`${label}\``).join(", "),
    help.replaceAll("<", "&lt;"),
  ]);
  return table(["Name", "Type", "Labels", "Meaning"], rows);
}

function metricsPage(): Rendered {
  const told = alerts.map(
    ({ name, severity, for: held, summary, fix, expr }) =>
      `### ${name}\n\n${summary} ${fix}\n\n${severity}, after ${held} of\n\n\`\`\`promql\n${expr}\n\`\`\``,
  );
  return page(
    "metrics",
    "Metrics and alerts",
    [
      introduction,
      `## Metrics of the operator\n\n${metricsTable(metrics())}`,
      `## Metrics of a registry\n\nOn the port \`metrics\` (5001) of the OrasCache's Service, beside those of distribution. Registries in S3 have none. With \`spec.networkPolicy.mode: namespace\` nobody reaches that port: name the namespace of Prometheus in \`spec.networkPolicy.metricsFrom\`.\n\n${metricsTable(keeperMetrics())}`,
      `## Alerts\n\n${told.join("\n\n")}`,
    ].join("\n\n"),
  );
}

const introduction =
  "The operator serves its metrics on the port `metrics` (8080) at `/metrics`; those that controller-runtime has, too, have its names. Each replica has its own, and `leader_election_master_status` says which one leads. Besides these there are `process_*` and `nodejs_*`, of the process. The alerts, ServiceMonitors of the operator and of all registries, and a Grafana dashboard are in `config/components/monitoring`, and in the chart under `metrics`. The NetworkPolicy lets namespaces with the label `metrics: enabled` read the metrics.";
