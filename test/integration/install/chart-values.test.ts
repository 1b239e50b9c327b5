import { beforeAll, expect, test } from "vitest";
import { buildModule } from "../../../dev/cluster/binaries.ts";
import { chartValues, type Value } from "../../../schema/chart-values.ts";
import { helmTemplate } from "../../support/programs.ts";

/** Another value than the default for each value of the chart that does not tell one by its type. */
const others: Readonly<Record<string, unknown>> = {
  "global.imageRegistry": "mirror.example",
  "global.imagePullSecrets": ["other"],
  nameOverride: "other",
  fullnameOverride: "other",
  commonLabels: { team: "other" },
  "namespace.name": "other",
  "image.repository": "example.com/other",
  "image.tag": "other",
  "image.digest": `sha256:${"0".repeat(64)}`,
  "agentImage.repository": "example.com/other",
  "agentImage.tag": "other",
  "agentImage.digest": `sha256:${"0".repeat(64)}`,
  "scriptsImage.repository": "example.com/other",
  "scriptsImage.tag": "other",
  "scriptsImage.digest": `sha256:${"0".repeat(64)}`,
  imagePullSecrets: [{ name: "other" }],
  strategy: { type: "Recreate" },
  "podDisruptionBudget.maxUnavailable": "50%",
  topologySpreadConstraints: [{ topologyKey: "rack", maxSkew: 1, whenUnsatisfiable: "DoNotSchedule" }],
  "manager.registryImage": "example.com/other:1",
  "manager.clusterDomain": "other.example",
  "manager.imageLookupHosts": "other.example",
  "manager.shareSizeLimit": "7Gi",
  "proxy.http": "http://other.example",
  "proxy.https": "http://other.example",
  "proxy.noProxy": "other.example",
  "webhook.namespaceSelector.matchLabels": { other: "yes" },
  "webhook.namespaceSelector.matchExpressions": [{ key: "other", operator: "Exists" }],
  "webhook.annotations": { other: "yes" },
  "networkPolicy.metricsFrom": [{ podSelector: {} }],
  extraEnv: [{ name: "OTHER", value: "yes" }],
  "serviceAccount.annotations": { other: "yes" },
  // They are on here, so that what is below them has something to change.
  "metrics.serviceMonitor.enabled": false,
  "metrics.prometheusRule.enabled": false,
  "metrics.dashboard.enabled": false,
  "metrics.serviceMonitor.interval": "7s",
  "metrics.serviceMonitor.labels": { other: "yes" },
  "metrics.prometheusRule.labels": { other: "yes" },
  "metrics.dashboard.labels": { other: "yes" },
  resources: { limits: { memory: "7Gi" } },
  nodeSelector: { other: "yes" },
  tolerations: [{ key: "other", operator: "Exists" }],
  affinity: { podAntiAffinity: { other: [] } },
  priorityClassName: "other",
  podLabels: { other: "yes" },
  podAnnotations: { other: "yes" },
};

/** What the schema has to refuse. */
function ofAnotherType({ type }: Value): unknown {
  const types = [type].flat();
  if (!types.includes("integer")) return 7;
  return types.includes("string") ? ["other"] : "other";
}

function leaves(values: Record<string, Value>, path = ""): [path: string, value: Value][] {
  return Object.entries(values).flatMap(([name, value]): [path: string, value: Value][] =>
    value.properties ? leaves(value.properties, `${path}${name}.`) : [[`${path}${name}`, value]],
  );
}

function otherThanDefault(path: string, { type, default: fallback, enum: words }: Value): unknown {
  if (path in others) return others[path];
  if (type === "boolean") return !fallback;
  if (words) return words.find((word) => word !== fallback && word !== "");
  return type === "integer" ? Number(fallback) + 1 : undefined;
}

const monitoring = ["ServiceMonitor", "PrometheusRule"].map((kind) => `monitoring.coreos.com/v1/${kind}`);
const everything = [
  ...["--api-versions", monitoring.join(",")],
  ...["serviceMonitor", "prometheusRule", "dashboard"].flatMap((what) => [
    "--set",
    `metrics.${what}.enabled=true`,
  ]),
];
/** As --set, which Helm reads after --set-json, whichever comes first. */
const set = (path: string, value: unknown) =>
  typeof value === "object"
    ? ["--set-json", `${path}=${JSON.stringify(value)}`]
    : ["--set", `${path}=${value}`];
const all = leaves(chartValues());
let byDefault: string;

beforeAll(async () => {
  await buildModule("helm");
  byDefault = await helmTemplate(everything);
}, 900_000);

test.each(all)("%s changes what is installed", async (path, value) => {
  const other = otherThanDefault(path, value);
  expect(other, "a value to try").toBeDefined();
  expect(await helmTemplate([...everything, ...set(path, other)])).not.toBe(byDefault);
});

test("the schema refuses another type for each, all at once", async () => {
  const mistakes = all.flatMap(([path, value]) => set(path, ofAnotherType(value)));
  const refused = String(await helmTemplate(mistakes).catch((error: unknown) => error));
  for (const [path] of all) expect(refused).toContain(`at '/${path.replaceAll(".", "/")}': `);
});
