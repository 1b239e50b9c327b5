import { Document, isMap, type Scalar } from "yaml";
import { chartValues, type Value } from "./chart-values.ts";
import { page, table } from "./docs.ts";
import { generatedBy, manifest, rules, webhooks } from "./install.ts";
import { allNames } from "./names.ts";
import { mapValues, type Rendered, type Source } from "./schema.ts";

/** Renders those files of the chart that follow from the schema, from package.json and from what the code asks for. */
export function renderChart(source: Source): Rendered[] {
  const names = allNames(source);
  const values = chartValues(source);
  const chart = {
    apiVersion: "v2",
    name: names["operatorName"],
    description: "Passes files between plain Pods and Jobs through an OCI registry",
    type: "application",
    version: source.version,
    appVersion: source.version,
    // Some clouds write versions such as 1.30.1-gke.5, which are before 1.30.1 for Helm.
    kubeVersion: `>=1.${names["minimumKubernetesMinor"]}.0-0`,
    keywords: ["operator", "oras", "oci", "artifacts", "workflow"],
    home: "https://github.com/converged-computing/oras-operator",
    sources: ["https://github.com/converged-computing/oras-operator"],
  };
  return [
    manifest("chart/Chart.yaml", source, [chart]),
    manifest("chart/files/names.yaml", source, [names]),
    manifest("chart/files/webhooks.yaml", source, [webhooks(source)]),
    manifest("chart/files/rules.yaml", source, [
      { cluster: rules("cluster"), ownNamespace: rules("own-namespace") },
    ]),
    valuesYaml(values, source),
    page("chart", "Values of the chart", valuesTable(values), source),
    { path: "chart/values.schema.json", content: `${JSON.stringify(valuesSchema(values), null, 2)}\n` },
  ];
}

/** The defaults, each under its description. */
function valuesYaml(values: Record<string, Value>, source: Source): Rendered {
  const document = new Document(defaults(values));
  comment(document.contents, values);
  document.commentBefore = generatedBy(source);
  return { path: "chart/values.yaml", content: document.toString({ lineWidth: 0 }) };
}

function defaults(values: Record<string, Value>): Record<string, unknown> {
  return mapValues(values, (value) => (value.properties ? defaults(value.properties) : value.default));
}

function comment(node: unknown, values: Record<string, Value>, top = true): void {
  if (!isMap(node)) return;
  for (const [index, { key, value: child }] of node.items.entries()) {
    const value = values[(key as Scalar<string>).value];
    if (value === undefined) continue;
    (key as Scalar).commentBefore = ` ${value.description}`;
    (key as Scalar).spaceBefore = top && index > 0;
    if (value.properties) comment(child as unknown, value.properties, false);
  }
}

function valuesTable(values: Record<string, Value>): string {
  const rows = (all: Record<string, Value>, prefix: string): string[][] =>
    Object.entries(all).flatMap(([name, value]) =>
      value.properties
        ? rows(value.properties, `${prefix}${name}.`)
        : [[`\`${prefix}${name}\``, value.type, `\`${JSON.stringify(value.default)}\``, value.description]],
    );
  const example = "helm install oras-operator ./chart --set replicas=2 --set manager.logLevel=debug";
  return `    ${example}\n\n${table(["Value", "Type", "Default", "Meaning"], rows(values, ""))}`;
}

function valuesSchema(values: Record<string, Value>): object {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart",
    type: "object",
    additionalProperties: false,
    // Helm hands these to every chart.
    properties: { ...values, global: { type: "object" } },
  };
}
