import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { alerts, panels } from "../../../schema/monitoring.ts";
import { names } from "../../../schema/names.ts";
import { keeperMetrics, metrics } from "../../../scripts/render/monitoring.ts";
import { execute } from "../../support/programs.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "oras-operator-monitoring-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** What Prometheus' own checker says of a file. */
async function promtool(command: "check" | "test", content: object): Promise<string> {
  const file = join(folder, `${command}.yaml`);
  await writeFile(file, stringify(content));
  const { stdout } = await execute("promtool", [command, "rules", file]);
  return stdout;
}

/** Of the API server. */
const others = ["apiserver_admission_webhook_rejection_count"];

describe("alerts and dashboard", () => {
  it.each([...alerts, ...panels.map(({ title, expr }) => ({ name: title, expr }))])(
    "$name asks for metrics that there are",
    ({ expr }) => {
      const known = [...metrics(), ...keeperMetrics()].flatMap(({ name, type }) =>
        type === "histogram" ? ["_bucket", "_sum", "_count"].map((end) => name + end) : [name],
      );
      const asked = expr.replaceAll(/"[^"]*"/g, "").match(/\b[a-z]+(_[a-z]+)+\b(?=[{[)]| )/g) ?? [];
      const ownOrAll = [
        ...known,
        ...others,
        "process_resident_memory_bytes",
        "histogram_quantile",
        "error_type",
      ];
      expect(asked.filter((name) => !ownOrAll.includes(name))).toEqual([]);
      expect(asked.length).toBeGreaterThan(0);
    },
  );

  it("the expressions of all graphs are Prometheus' language", async () => {
    const rules = panels.map(({ expr }, index) => ({ record: `panel:${index}`, expr }));
    expect(await promtool("check", { groups: [{ name: "panels", rules }] })).toContain(
      `${panels.length} rules found`,
    );
  });
});

describe("each alert", () => {
  /** Series under which it is told, and under which it is not. */
  const cases: Record<string, { told: Record<string, string>; quiet: Record<string, string> }> = {
    OrasOperatorNoLeader: {
      told: { 'leader_election_master_status{name="oras-operator-leader",pod="a"}': "0x120" },
      quiet: {
        'leader_election_master_status{name="oras-operator-leader",pod="a"}': "0x120",
        'leader_election_master_status{name="oras-operator-leader",pod="b"}': "1x120",
      },
    },
    OrasOperatorWebhookMissing: {
      told: { oras_operator_webhook_configuration_present: "0x120" },
      quiet: { oras_operator_webhook_configuration_present: "1x120" },
    },
    OrasOperatorWebhookFails: {
      told: {
        [`apiserver_admission_webhook_rejection_count{name="${names.jobsWebhook}",error_type="calling_webhook_error"}`]:
          "0+1x120",
      },
      quiet: {
        // Of an author's mistake, and of another webhook.
        [`apiserver_admission_webhook_rejection_count{name="${names.jobsWebhook}",error_type="no_error"}`]:
          "0+1x120",
        'apiserver_admission_webhook_rejection_count{name="jobs.example.com",error_type="calling_webhook_error"}':
          "0+1x120",
        'oras_operator_admissions_total{outcome="denied"}': "0+1x120",
      },
    },
    OrasOperatorCertificateExpires: {
      told: { oras_operator_certificate_expiry_timestamp_seconds: "518400x120" },
      quiet: { oras_operator_certificate_expiry_timestamp_seconds: "2592000x120" },
    },
    OrasOperatorReconcileErrors: {
      told: { 'controller_runtime_reconcile_errors_total{controller="orascache"}': "0+1x120" },
      quiet: { 'controller_runtime_reconcile_errors_total{controller="orascache"}': "7x120" },
    },
    OrasOperatorPushFailures: {
      told: {
        'oras_operator_artifacts_total{reason="Pushed"}': "0+2x120",
        'oras_operator_artifacts_total{reason="PushFailed"}': "0+1x120",
      },
      quiet: {
        'oras_operator_artifacts_total{reason="Pushed"}': "0+9x120",
        'oras_operator_artifacts_total{reason="PushFailed"}': "0+1x120",
        'oras_operator_artifacts_total{reason="NotPushed"}': "0+9x120",
      },
    },
    OrasCacheStorageLow: {
      told: {
        'orascache_free_bytes{namespace="a",service="oras"}': "19x120",
        'orascache_capacity_bytes{namespace="a",service="oras"}': "100x120",
      },
      quiet: {
        'orascache_free_bytes{namespace="a",service="oras"}': "21x120",
        'orascache_capacity_bytes{namespace="a",service="oras"}': "100x120",
      },
    },
    OrasCacheSweepFails: {
      told: { 'orascache_sweep_failures_total{namespace="a",service="oras"}': "0x30 1x90" },
      quiet: { 'orascache_sweep_failures_total{namespace="a",service="oras"}': "3x120" },
    },
    OrasCacheCertificateExpires: {
      told: { 'orascache_certificate_expiry_timestamp_seconds{namespace="a",service="oras"}': "172800x120" },
      quiet: { 'orascache_certificate_expiry_timestamp_seconds{namespace="a",service="oras"}': "864000x120" },
    },
    OrasCacheSweepStale: {
      told: { 'orascache_retention_stale_timestamp_seconds{namespace="a",name="oras"}': "3600x120" },
      // It succeeds each hour, and after each there are three more.
      quiet: {
        'orascache_retention_stale_timestamp_seconds{namespace="a",name="oras"}': "10800x59 14400x59 18000",
      },
    },
    OrasCacheMirrorBehind: {
      told: { 'orascache_mirror_lag_seconds{namespace="a",service="oras"}': "0+60x120" },
      quiet: { 'orascache_mirror_lag_seconds{namespace="a",service="oras"}': "800x120" },
    },
  };

  it("has a case", () => {
    expect(Object.keys(cases).sort()).toEqual(alerts.map(({ name }) => name).sort());
  });

  it.each(alerts)("$name is told when it should be, and not otherwise", async ({ name, expr, for: held }) => {
    const rules = join(folder, `${name}.yaml`);
    await writeFile(rules, stringify({ groups: [{ name, rules: [{ alert: name, expr, for: held }] }] }));
    const { told, quiet } = cases[name] ?? { told: {}, quiet: {} };
    const series = (of: Record<string, string>) =>
      Object.entries(of).map(([one, values]) => ({ series: one, values }));
    const given = (of: Record<string, string>, alertsToldOf: object[]) => ({
      interval: "1m",
      input_series: series(of),
      alert_rule_test: [{ eval_time: "119m", alertname: name, exp_alerts: alertsToldOf }],
    });
    const labels =
      name === "OrasOperatorReconcileErrors"
        ? { controller: "orascache" }
        : name === "OrasCacheSweepStale"
          ? { namespace: "a", name: "oras" }
          : name.startsWith("OrasCache")
            ? { namespace: "a", service: "oras" }
            : {};
    const test = {
      rule_files: [rules],
      tests: [given(told, [{ exp_labels: labels }]), given(quiet, [])],
    };
    expect(await promtool("test", test)).toContain("SUCCESS");
  });
});

describe("the dashboard", () => {
  interface Graph {
    readonly id: number;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly datasource: { readonly uid: string };
    readonly targets: readonly { readonly refId: string; readonly datasource: { readonly uid: string } }[];
  }

  it("has each graph at a place of its own, and all ask the Prometheus that the reader chooses", async () => {
    const { panels: graphs, templating } = JSON.parse(
      await readFile("chart/files/dashboard.json", "utf8"),
    ) as { panels: Graph[]; templating: { list: { name: string; type: string }[] } };
    expect(graphs).toHaveLength(panels.length);
    expect(new Set(graphs.map(({ id }) => id)).size).toBe(panels.length);
    const places = graphs.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`),
    );
    expect(new Set(places).size).toBe(places.length);
    for (const { gridPos } of graphs) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
    const [variable] = templating.list;
    expect(variable?.type).toBe("datasource");
    for (const { datasource, targets } of graphs) {
      for (const { uid } of [datasource, ...targets.map((target) => target.datasource)]) {
        expect(uid).toBe(`$${variable?.name}`);
      }
    }
  });
});
