import { readFileSync } from "node:fs";
import { Document, isMap, type Scalar, stringify } from "yaml";
import packageJson from "../../package.json" with { type: "json" };
import { chartValues, type Value } from "../../schema/chart-values.ts";
import { names } from "../../schema/names.ts";
import { rulesOf } from "../../src/kube/permissions.ts";
import { page, table } from "./docs.ts";
import { manifest } from "./install.ts";
import { mapValues, notice, type Rendered } from "./schema.ts";

const repository = "https://github.com/converged-computing/oras-operator";

/** Renders those files of the chart that follow from the tables, from package.json and from what the code asks for. */
export function renderChart(): Rendered[] {
  const values = chartValues();
  const webhooks = readFileSync("config/webhook/webhooks.yaml", "utf8");
  const chart = {
    apiVersion: "v2",
    name: names.operatorName,
    description: "Passes files between plain Pods and Jobs through an OCI registry",
    type: "application",
    version: packageJson.version,
    appVersion: packageJson.version,
    // Some clouds write versions such as 1.30.1-gke.5, which are before 1.30.1 for Helm.
    kubeVersion: `>=1.${names.minimumKubernetesMinor}.0-0`,
    keywords: ["operator", "oras", "oci", "artifacts", "workflow"],
    home: repository,
    sources: [repository],
    annotations: artifactHub(),
  };
  return [
    manifest("chart/Chart.yaml", [chart]),
    manifest("chart/files/names.yaml", [names]),
    { path: "chart/files/webhooks.yaml", content: `# ${notice}\n${webhooks}` },
    manifest("chart/files/rules.yaml", [
      {
        cluster: rulesOf("cluster"),
        ownNamespace: rulesOf("own-namespace"),
        workflow: rulesOf("workflow"),
        podShape: rulesOf("pod-shape"),
        releaseFinalizers: rulesOf("release-finalizers"),
      },
    ]),
    valuesYaml(values),
    manifest("chart/files/defaults.yaml", [fixed(values)]),
    page("helm-values", "Values of the Helm chart", `${valuesIntroduction}\n\n${valuesTable()}`),
    { path: "chart/values.schema.json", content: `${JSON.stringify(valuesSchema(values), null, 2)}\n` },
  ];
}

/**
 * What Artifact Hub shows of the chart.
 *
 * @see https://artifacthub.io/docs/topics/annotations/helm/
 */
function artifactHub(): Record<string, string> {
  const { kind, apiVersion, version, group, plural } = names;
  const images = { operator: names.operatorImage, agent: names.agentImage, scripts: names.scriptsImage };
  const listed = [...Object.entries(images), ["registry", names.registryImage] as const];
  const crd = {
    ...{ kind, version, name: `${plural}.${group}`, displayName: kind },
    description: "A registry for the artifacts of a namespace",
  };
  return {
    "artifacthub.io/license": packageJson.license,
    "artifacthub.io/operator": "true",
    "artifacthub.io/images": stringify(listed.map(([name, image]) => ({ name, image }))),
    "artifacthub.io/crds": stringify([crd]),
    "artifacthub.io/crdsExamples": stringify([{ apiVersion, kind, metadata: { name: "oras" }, spec: {} }]),
    "artifacthub.io/links": stringify([{ name: "Documentation", url: `${repository}/tree/main/docs` }]),
  };
}

/** The defaults, each under its description. */
function valuesYaml(values: Record<string, Value>): Rendered {
  const document = new Document(defaults(values));
  comment(document.contents, values);
  document.commentBefore = ` ${notice}`;
  return { path: "chart/values.yaml", content: document.toString({ lineWidth: 0 }) };
}

function defaults(values: Record<string, Value>): Record<string, unknown> {
  return mapValues(values, (value) => (value.properties ? defaults(value.properties) : value.default));
}

/** The same without what is in lists and in maps whose keys are the user's: null takes that away. */
function fixed(values: Record<string, Value>): Record<string, unknown> {
  return mapValues(values, ({ properties, default: value }) => {
    if (properties) return fixed(properties);
    if (Array.isArray(value)) return [];
    return typeof value === "object" ? {} : value;
  });
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

function valuesSchema(values: Record<string, Value>): object {
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Values of the chart",
    type: "object",
    additionalProperties: false,
    // A chart that depends on this one may write `condition: oras-operator.enabled`.
    properties: { ...values, enabled: { type: "boolean" } },
  };
}

const valuesIntroduction = [
  "Set them with `--set` or a file with `--values`: [install with Helm](../install.md#with-helm). A name that is not here is refused.",
  "To have the operator answer for some namespaces only, set labels that they must have in `webhook.namespaceSelector`: [namespaces](../install.md#namespaces). Pods and Jobs of other namespaces are not shown to it. It runs the registries of all namespaces.",
].join("\n\n");

/** The table of the chart's README, and of the site. */
export function valuesTable(): string {
  return table(["Value", "Type", "Default", "Meaning"], valueRows(chartValues(), ""));
}

function valueRows(values: Record<string, Value>, path: string): string[][] {
  return Object.entries(values).flatMap(
    ([name, { properties, type, description, default: fallback, ...value }]) => {
      const here = `${path}${name}`;
      if (properties) return valueRows(properties, `${here}.`);
      const words = value.enum?.map((word) => `\`"${word}"\``).join(", ");
      const allowed = words === undefined ? "" : ` Allowed: ${words}.`;
      return [
        [`\`${here}\``, [type].flat().join(" or "), `\`${JSON.stringify(fallback)}\``, description + allowed],
      ];
    },
  );
}
