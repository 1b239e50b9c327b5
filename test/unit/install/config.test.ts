import { readFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { alerts, panels } from "../../../schema/monitoring.ts";
import { names } from "../../../schema/names.ts";
import { optionTable } from "../../../schema/options.ts";
import { webhookHosts } from "../../../src/certificates/secret.ts";
import { permissions } from "../../../src/kube/permissions.ts";
import { workloadKinds } from "../../../src/workload/read.ts";
import { manifestsBelow, title, yamlFiles } from "../../support/manifests.ts";

const all = (await manifestsBelow("config"))
  .map(({ object }) => object)
  .filter(({ kind }) => kind !== "Kustomization" && kind !== "Component");

/** The object of a kind that has this field: overlays patch others into it. */
function find<T extends object>(kind: string, field: keyof T & string, name?: string): T {
  const found = all.find(
    (o) => o.kind === kind && field in o && (name === undefined || o.metadata.name === name),
  );
  if (!found) throw new Error(`config/ has no ${kind} ${name ?? ""} with ${field}`);
  return found as unknown as T;
}

interface Rule {
  apiGroups?: readonly string[];
  resources?: readonly string[];
  verbs: readonly string[];
  resourceNames?: readonly string[];
  nonResourceURLs?: readonly string[];
}

/** Every single right, so that order and grouping do not matter. */
function rights(rules: readonly Rule[]): string[] {
  return rules
    .flatMap(({ apiGroups = [], resources = [], verbs, resourceNames = ["*"], nonResourceURLs = [] }) => [
      ...nonResourceURLs.flatMap((url) => verbs.map((verb) => `${verb} ${url}`)),
      ...apiGroups.flatMap((group) =>
        resources.flatMap((resource) =>
          verbs.flatMap((verb) => resourceNames.map((name) => `${verb} ${group}/${resource} ${name}`)),
        ),
      ),
    ])
    .sort();
}

describe("the permissions in config/", () => {
  test.each([
    ["ClusterRole", "cluster", `${names.operatorName}-manager`],
    ["ClusterRole", "workflow", `${names.operatorName}-workflow`],
    ["ClusterRole", "pod-shape", `${names.operatorName}-pod-shape`],
    ["Role", "own-namespace", `${names.operatorName}-own-namespace`],
  ] as const)("of the %s are those that the code needs, no more", (kind, scope, name) => {
    const needed = permissions
      .filter((permission) => permission.scope === scope)
      .map(({ apiGroup, ...rule }) => ({ apiGroups: [apiGroup], ...rule }));
    expect(rights(find<{ rules: Rule[] }>(kind, "rules", name).rules)).toEqual(rights(needed));
  });

  test.each(["ClusterRoleBinding", "RoleBinding"])("are given to the operator by the %s", (kind) => {
    interface Binding {
      subjects: object[];
      roleRef: { name: string };
      metadata: { name: string };
    }
    const bindings = all.filter((object) => object.kind === kind) as unknown as Binding[];
    expect(bindings).not.toEqual([]);
    const account = {
      kind: "ServiceAccount",
      name: names.serviceAccount,
      namespace: names.operatorNamespace,
    };
    for (const { subjects, roleRef, metadata } of bindings) {
      expect(subjects).toEqual([account]);
      expect(roleRef.name).toBe(metadata.name);
    }
  });
});

describe("config/", () => {
  test("names objects as the code does", () => {
    const titles = all.map(title);
    const namespace = names.operatorNamespace;
    expect(titles).toEqual(
      expect.arrayContaining([
        `Namespace ${namespace}`,
        `Deployment ${namespace}/${names.deployment}`,
        `ServiceAccount ${namespace}/${names.serviceAccount}`,
        `Service ${namespace}/${names.webhookService}`,
        `MutatingWebhookConfiguration ${names.webhookConfiguration}`,
        `CustomResourceDefinition ${names.plural}.${names.group}`,
      ]),
    );
  });

  test("has no object in another namespace than the operator's", () => {
    const namespaces = all.flatMap(({ metadata }) => metadata.namespace ?? []);
    expect(new Set(namespaces)).toEqual(new Set([names.operatorNamespace]));
  });

  test("sets no environment variable that is not an option", () => {
    interface Deployment {
      spec: { template: { spec: { containers: { env?: { name: string }[] }[] } } };
    }
    const used = all
      .filter(({ kind }) => kind === "Deployment")
      .flatMap((object) => (object as unknown as Deployment).spec.template.spec.containers)
      .flatMap(({ env = [] }) => env.map(({ name }) => name));
    const known = optionTable.map(({ env }) => env);
    expect(used.filter((name) => !known.includes(name))).toEqual([]);
    // Each with a default is there to be changed.
    const missing = optionTable.filter(({ default: value = "", env }) => value !== "" && !used.includes(env));
    expect(missing).toEqual([]);
  });

  test("lets cert-manager write the Secret that is mounted, for the name that the API server calls", () => {
    const { spec } = find<{ spec: { secretName: string; dnsNames: string[] } }>("Certificate", "spec");
    expect(spec.secretName).toBe(names.webhookSecret);
    expect(spec.dnsNames[0]).toBe(webhookHosts(names.operatorNamespace)[0]);
    expect(JSON.stringify(all)).toContain(
      JSON.stringify({ secret: { secretName: names.webhookSecret } }).slice(1, -1),
    );
  });

  test("lif-22: has cert-manager sign by a CA, which a renewal does not change", () => {
    interface Issued {
      spec: { isCA?: boolean; secretName: string; issuerRef: { name: string } };
    }
    interface Issuer {
      metadata: { name: string };
      spec: { ca?: { secretName: string } };
    }
    const certificates = all.filter(({ kind }) => kind === "Certificate") as unknown as Issued[];
    const issuers = all.filter(({ kind }) => kind === "Issuer") as unknown as Issuer[];
    const served = certificates.find(({ spec }) => spec.secretName === names.webhookSecret);
    const issuer = issuers.find(({ metadata }) => metadata.name === served?.spec.issuerRef.name);
    const ca = certificates.find(({ spec }) => spec.secretName === issuer?.spec.ca?.secretName);
    expect(ca?.spec.isCA).toBe(true);
  });

  test("lets cert-manager put its CA into the webhooks, and the operator find the files", () => {
    const annotated = all.filter(
      ({ kind, metadata }) => kind === "MutatingWebhookConfiguration" && "annotations" in metadata,
    );
    const { metadata } = find<{ metadata: { name: string } }>("Certificate", "metadata");
    expect(annotated).toMatchObject([
      {
        metadata: {
          annotations: { "cert-manager.io/inject-ca-from": `${names.operatorNamespace}/${metadata.name}` },
        },
      },
    ]);
    interface Mounting {
      spec: {
        template: { spec: { containers: { env?: object[]; volumeMounts?: { mountPath: string }[] }[] } };
      };
    }
    const [patched] = all
      .filter(({ kind }) => kind === "Deployment")
      .flatMap((object) => (object as unknown as Mounting).spec.template.spec.containers)
      .filter((container) => container.volumeMounts);
    const option = optionTable.find(({ name }) => name === "certificate-directory");
    expect(patched?.env).toEqual([{ name: option?.env, value: patched?.volumeMounts?.[0]?.mountPath }]);
  });
});

describe("the Services in config/", () => {
  interface Template {
    metadata?: { labels: Record<string, string> };
    spec: { containers: { ports?: { name: string }[] }[] };
  }
  interface Service {
    spec: { selector: Record<string, string>; ports: { targetPort: string }[] };
  }
  // The Deployment and what overlays patch into it.
  const templates = all
    .filter(({ kind }) => kind === "Deployment")
    .map((object) => (object as unknown as { spec: { template: Template } }).spec.template);
  const labels = Object.assign({}, ...templates.map(({ metadata }) => metadata?.labels));
  const ports = templates
    .flatMap(({ spec }) => spec.containers)
    .flatMap((container) => container.ports ?? []);

  test.each(all.filter(({ kind }) => kind === "Service").map((object) => ({ name: title(object), object })))(
    "$name leads to a port of the operator's Pods",
    ({ object }) => {
      const { selector, ports: own } = (object as unknown as Service).spec;
      expect(Object.keys(selector)).not.toEqual([]);
      expect(labels).toMatchObject(selector);
      expect(ports.map(({ name }) => name)).toEqual(
        expect.arrayContaining(own.map(({ targetPort }) => targetPort)),
      );
    },
  );
});

test("the NetworkPolicy in config/ is about ports of the operator's Pods; nobody but the node reaches the health port", () => {
  interface Policy {
    spec: {
      podSelector: { matchLabels: Record<string, string> };
      ingress: { from?: object[]; ports: { port: string }[] }[];
    };
  }
  const { podSelector, ingress } = find<Policy>("NetworkPolicy", "spec").spec;
  const services = all.filter(({ kind }) => kind === "Service");
  for (const service of services) {
    expect((service["spec"] as { selector: object }).selector).toEqual(podSelector.matchLabels);
  }
  const open = ingress.flatMap(({ from, ports }) => ports.map(({ port }) => [port, from !== undefined]));
  expect(open).toEqual([
    ["webhook", false],
    ["metrics", true],
  ]);
});

test("every file in config/ is used by the kustomization beside it", async () => {
  for (const file of await yamlFiles("config")) {
    if (basename(file) === "kustomization.yaml") continue;
    const kustomization = await readFile(join(dirname(file), "kustomization.yaml"), "utf8");
    expect(kustomization, file).toMatch(new RegExp(`[-:] ${basename(file)}$`, "m"));
  }
});

describe("the webhooks in config/", () => {
  interface Webhook {
    name: string;
    rules: { apiGroups: string[]; resources: string[]; operations: string[] }[];
    matchConditions: { expression: string }[];
    clientConfig: { service: object };
    namespaceSelector: object;
  }
  const ofKubernetes = ["CREATE", "Always", "kubernetes.io/config.mirror"];
  const user = `system:serviceaccount:${names.operatorNamespace}:${names.serviceAccount}`;
  const { webhooks } = find<{ webhooks: Webhook[] }>("MutatingWebhookConfiguration", "webhooks");

  test.each([
    [names.podsWebhook, "pods"],
    [names.jobsWebhook, "jobs"],
  ] as const)("%s is called for annotated %s only", (name, resource) => {
    const webhook = webhooks.find((candidate) => candidate.name === name);
    expect(webhook?.rules.map((rule) => rule.resources)).toEqual([[resource]]);
    expect(webhook?.rules[0]?.operations).toEqual(["CREATE", "UPDATE"]);
    expect(webhook).toMatchObject({
      failurePolicy: "Fail",
      reinvocationPolicy: "IfNeeded",
      matchPolicy: "Equivalent",
      sideEffects: "None",
    });
    expect(webhook?.clientConfig.service).toEqual({
      name: names.webhookService,
      namespace: names.operatorNamespace,
      path: names.webhookPath,
      port: 443,
    });
  });

  test("are those of the kinds that the code knows, and match by the names that it writes", () => {
    expect(
      webhooks.flatMap(({ rules }) => rules.flatMap(({ apiGroups, resources }) => [apiGroups, resources])),
    ).toEqual(workloadKinds.flatMap(({ group, plural }) => [[group], [plural]]));
    for (const { matchConditions } of webhooks) {
      const cel = matchConditions.map(({ expression }) => expression).join();
      const texts = new Set([...cel.matchAll(/"([^"]*)"|'([^']*)'/g)].map(([, a, b]) => a ?? b));
      const { prefix, markerAnnotation, shareVolume, pullContainer, pushContainer } = names;
      const { inputVolume, injectionVariable } = names;
      const held = [names.waitingLabel, "true", names.gateAnnotation, "pod", user];
      // The record is JSON, in which the namespace stands.
      const record = [injectionVariable, '"namespace":"', '"'];
      expect([
        ...[prefix, markerAnnotation, shareVolume, inputVolume, pullContainer, pushContainer],
        ...[...record, ...held],
      ]).toEqual(expect.arrayContaining([...texts].filter((text) => !ofKubernetes.includes(text ?? ""))));
      expect([...texts]).toEqual(
        expect.arrayContaining([prefix, markerAnnotation, shareVolume, names.waitingLabel, user]),
      );
    }
  });

  test("leave the operator's own namespace alone: its Pod must start while nothing answers", () => {
    const selector = {
      matchExpressions: [
        { key: "kubernetes.io/metadata.name", operator: "NotIn", values: [names.operatorNamespace] },
      ],
    };
    for (const webhook of webhooks) expect(webhook.namespaceSelector).toEqual(selector);
  });
});

interface Endpoint {
  readonly metricRelabelings?: readonly { regex: string; action: string; sourceLabels: string[] }[];
}

// Whoever may create a Service with the label of a registry is read, too.
test("what a Service of any namespace answers says nothing of the operator", () => {
  const registries = find<{ spec: { endpoints: Endpoint[] } }>(
    "ServiceMonitor",
    "spec",
    `${names.operatorName}-registries`,
  );
  const [rule] = registries.spec.endpoints[0]?.metricRelabelings ?? [];
  expect(rule).toMatchObject({ sourceLabels: ["__name__"], action: "drop" });
  // Prometheus anchors it.
  const dropped = new RegExp(`^(?:${rule?.regex})$`);
  const named = [...alerts, ...panels].flatMap(
    ({ expr }) => expr.match(/\b[a-z]+(?:_[a-z]+)+\b(?=[{[) ])/g) ?? [],
  );
  const metrics = [...new Set(named)].filter((name) => name !== "error_type");
  expect(metrics).toContain("leader_election_master_status");
  // The panel of memory shows those of Pods that lead alone.
  const ofOperator = metrics.filter((name) => !/^(?:orascache|process)_|^histogram_quantile$/.test(name));
  expect(ofOperator.filter((name) => !dropped.test(name))).toEqual([]);
  for (const ours of ["orascache_free_bytes", "registry_http_requests_total", "go_goroutines"]) {
    expect(dropped.test(ours)).toBe(false);
  }
});
