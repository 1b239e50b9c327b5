import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { buildModule, controlPlaneProgram } from "../../../dev/cluster/binaries.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { chartValues, type Value } from "../../../schema/chart-values.ts";
import { names } from "../../../schema/names.ts";
import { optionTable } from "../../../schema/options.ts";
import { buildConfig, type Manifest } from "../../../scripts/build-config.ts";
import { objectsIn, title } from "../../support/manifests.ts";
import { helm, helmTemplate, kubectl } from "../../support/programs.ts";

/** Labels and annotations that only Helm's objects have. */
const helms = [
  "app.kubernetes.io/instance",
  "app.kubernetes.io/managed-by",
  "app.kubernetes.io/version",
  "helm.sh/chart",
  "helm.sh/resource-policy",
];

interface Env {
  name: string;
}

/** Entries without those that only Helm has, and none where no other is left. */
function withoutHelms(name: "labels" | "annotations", object: Manifest): object {
  const entries = Object.entries((object.metadata as { [key in typeof name]?: object })[name] ?? {});
  const own = entries.filter(([key]) => !helms.includes(key));
  return own.length === 0 ? {} : { [name]: Object.fromEntries(own) };
}

/** An object without what is Helm's, and with environment variables in the order of their names. */
function normalised(object: Manifest): unknown {
  const { name, namespace } = object.metadata;
  const copy = structuredClone({
    ...object,
    metadata: {
      ...{ name, namespace },
      ...withoutHelms("labels", object),
      ...withoutHelms("annotations", object),
    },
  });
  return JSON.parse(JSON.stringify(copy), (key, value: unknown) =>
    key === "env" && Array.isArray(value)
      ? (value as Env[]).toSorted((a, b) => a.name.localeCompare(b.name))
      : value,
  );
}

function byTitle(objects: readonly Manifest[]): Record<string, unknown> {
  return Object.fromEntries(objects.map((object) => [title(object), normalised(object)]));
}

/** Without the hooks, which are not installed. */
async function rendered(...args: string[]): Promise<Manifest[]> {
  return objectsIn(await helmTemplate(["--no-hooks", ...args]));
}

/** What an overlay of somebody's own with a component of config/ makes. */
async function kustomized(component: string): Promise<Manifest[]> {
  const folder = await mkdtemp(join(tmpdir(), "oras-operator-overlay-"));
  try {
    const path = (below: string) => relative(folder, join("config", below));
    const overlay = { resources: [path("default")], components: [path(`components/${component}`)] };
    await writeFile(join(folder, "kustomization.yaml"), JSON.stringify(overlay));
    return objectsIn((await kubectl("", ["kustomize", folder])).stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

beforeAll(async () => {
  await buildModule("helm");
  await controlPlaneProgram("kubectl");
}, 900_000);

describe("the chart", () => {
  test("makes the same objects as the built YAML", async () => {
    expect(byTitle(await rendered())).toEqual(byTitle(await buildConfig({ overlay: "default" })));
  });

  test("makes the same objects with cert-manager too", async () => {
    const objects = await rendered("--set", "certManager.enabled=true");
    expect(byTitle(objects)).toEqual(byTitle(await buildConfig({ overlay: "certmanager" })));
  });

  test("takes other images as the built YAML does", async () => {
    const objects = await rendered(
      ...["--set", "image.repository=example.com/operator", "--set", "image.tag=one"],
      ...["--set", "agentImage.repository=example.com/agent", "--set", "agentImage.tag=two"],
      ...["--set", "scriptsImage.repository=example.com/scripts", "--set", "scriptsImage.tag=three"],
    );
    const build = {
      operatorImage: "example.com/operator:one",
      agentImage: "example.com/agent:two",
      scriptsImage: "example.com/scripts:three",
    };
    expect(byTitle(objects)).toEqual(byTitle(await buildConfig({ overlay: "default", ...build })));
  });

  test("can be in another namespace, which is then the one whose Pods are left alone", async () => {
    const objects = await rendered("--set", "namespace.name=elsewhere");
    expect(new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []))).toEqual(
      new Set(["elsewhere"]),
    );
    expect(JSON.stringify(objects)).not.toContain("oras-operator-system");
  });

  test.each([
    ["policies.confineOperator", "operator-unconfined"],
    ["policies.annotations", "annotations-unchecked"],
  ])("leaves out with %s=false what config/components/%s leaves out", async (value, component) => {
    const objects = byTitle(await rendered("--set", `${value}=false`));
    expect(objects).toEqual(byTitle(await kustomized(component)));
    expect(Object.keys(objects).length).toBeLessThan((await rendered()).length);
  });

  test("may look at nodes where manager.podShape is auto, as with config/components/pod-shape-auto", async () => {
    const objects = byTitle(await rendered("--set", "manager.podShape=auto"));
    expect(objects).toEqual(byTitle(await kustomized("pod-shape-auto")));
    expect(JSON.stringify(objects)).toContain('"nodes"');
    expect(JSON.stringify(await rendered())).not.toContain('"nodes"');
  });

  test("may change no Job where workflow.enabled is false, as with config/components/workflow-off", async () => {
    const objects = await rendered("--set", "workflow.enabled=false");
    expect(byTitle(objects)).toEqual(byTitle(await kustomized("workflow-off")));
    interface Rule {
      readonly resources?: readonly string[];
      readonly verbs: readonly string[];
    }
    const patched = (of: typeof objects) =>
      of
        .filter(({ kind }) => kind === "ClusterRole")
        .flatMap(({ rules }) => rules as Rule[])
        .filter(({ verbs }) => verbs.includes("patch"))
        .flatMap(({ resources = [] }) => resources);
    const onSteps = ["jobs", "jobs/status", "pods/status"];
    expect(patched(await rendered())).toEqual(expect.arrayContaining(onSteps));
    expect(patched(objects).filter((one) => onSteps.includes(one))).toEqual([]);
  });

  const kinds = ["ServiceMonitor", "PrometheusRule"].map((kind) => `monitoring.coreos.com/v1/${kind}`);
  const monitoring = ["serviceMonitor", "prometheusRule", "dashboard"].flatMap((what) => [
    "--set",
    `metrics.${what}.enabled=true`,
  ]);

  test("has the operator watched as config/components/monitoring has it", async () => {
    const objects = byTitle(await rendered(...monitoring, "--api-versions", kinds.join(",")));
    expect(objects).toEqual(byTitle(await kustomized("monitoring")));
    expect(Object.keys(objects).filter((name) => /Monitor|Rule|dashboard/.test(name))).toHaveLength(4);
  });

  test.each(kinds)("says what is missing where the cluster does not know %s", async (kind) => {
    const others = kinds.filter((other) => other !== kind);
    const refused = rendered(...monitoring, "--api-versions", others.join(","));
    await expect(refused).rejects.toThrow(`the cluster does not know the kind ${kind.split("/").at(-1)}`);
  });

  test("lets nobody read the metrics, or anybody reach any port, if its values say so", async () => {
    const rules = async (...set: string[]) =>
      (await rendered(...set.flatMap((value) => ["--set-json", value])))
        .filter(({ kind }) => kind === "NetworkPolicy")
        .map(({ spec }) => (spec as { ingress: { ports: { port: string }[] }[] }).ingress.length);
    expect(await rules()).toEqual([2]);
    expect(await rules("networkPolicy.metricsFrom=[]")).toEqual([1]);
    expect(await rules("networkPolicy.enabled=false")).toEqual([]);
  });

  test("sec-10: confines the ServiceAccount of the namespace that it is in", async () => {
    const objects = await rendered("--set", "namespace.name=elsewhere");
    const conditions = objects
      .filter(({ kind, metadata }) => kind === "ValidatingAdmissionPolicy" && metadata.name.endsWith("-only"))
      .map(({ spec }) => JSON.stringify((spec as { matchConditions: object }).matchConditions));
    expect(conditions.length).toBeGreaterThan(4);
    for (const condition of conditions) expect(condition).toContain("system:serviceaccount:elsewhere:");
  });

  test("does not make the namespace that the release is in", async () => {
    const objects = await rendered("--namespace", "oras-operator-system");
    expect(objects.map(({ kind }) => kind)).not.toContain("Namespace");
  });

  test("is in the namespace of the release unless it is told another one", async () => {
    const objects = await rendered("--set", "namespace.name=", "--namespace", "tools");
    expect(new Set(objects.flatMap(({ metadata }) => metadata.namespace ?? []))).toEqual(new Set(["tools"]));
    expect(objects.map(({ kind }) => kind)).not.toContain("Namespace");
    expect(JSON.stringify(objects)).not.toContain("oras-operator-system");
  });

  test.each([
    ["--namespace=default", "--set=namespace.name="],
    ["--namespace=tools", "--set=namespace.name=default"],
  ])("refuses the namespace in which users' Pods are: %s %s", async (...args) => {
    await expect(rendered(...args)).rejects.toThrow("--namespace oras-operator-system --create-namespace");
  });

  test("keeps the namespace that it made, with the key of the caches' passwords in it", async () => {
    const [namespace] = (await rendered()).filter(({ kind }) => kind === "Namespace");
    expect(namespace?.metadata).toMatchObject({ annotations: { "helm.sh/resource-policy": "keep" } });
  });

  test.each([
    ["an unknown option", "manager.logLevle=debug", "logLevle"],
    ["an unknown level", "manager.logLevel=loud", "logLevel"],
    ["a wrong type", "replicas=many", "replicas"],
    ["a digest that is none", "image.digest=sha256:0", "digest"],
    ["a registry with a scheme", "global.imageRegistry=https://mirror.example", "imageRegistry"],
    ["a policy that the API server has not", "webhook.failurePolicy=Warn", "failurePolicy"],
  ])("refuses %s by name", async (_, value, named) => {
    await expect(helmTemplate(["--set", value])).rejects.toThrow(named);
  });

  const paths = (values: Record<string, Value>, path = ""): string[] =>
    Object.entries(values).flatMap(([name, { properties }]) => [
      `${path}${name}`,
      ...(properties ? paths(properties, `${path}${name}.`) : []),
    ]);

  test("each value may be missing, as after helm upgrade --reuse-values from a chart that had it not", async () => {
    const inOwn = ["--namespace", names.operatorNamespace, "--set", "namespace.name="];
    const whole = byTitle(await rendered(...inOwn));
    for (const path of paths(chartValues())) {
      const objects = byTitle(await rendered(...inOwn, "--set", `${path}=null`));
      expect(Object.keys(objects).sort(), path).toEqual(Object.keys(whole).sort());
    }
  });

  test("passes helm lint, and helm package makes an archive of it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "oras-operator-chart-"));
    try {
      await helm(["lint", "--strict", "chart"]);
      await helm(["package", "chart", "--destination", folder]);
      const archive = join(folder, `oras-operator-${packageJson.version}.tgz`);
      const args = [
        ...["template", "x", archive, "--kube-version", "1.36.0", "--include-crds", "--no-hooks"],
        ...["--namespace", "releases", "--set", "namespace.name=oras-operator-system"],
      ];
      expect(Object.keys(byTitle(objectsIn((await helm(args)).stdout)))).toEqual(
        Object.keys(byTitle(await rendered())),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly dnsPolicy?: string;
  readonly imagePullSecrets?: readonly object[];
  readonly containers: readonly {
    readonly image: string;
    readonly env: readonly { readonly name: string; readonly value?: string }[];
  }[];
}

interface Deployed {
  readonly strategy: object;
  readonly template: {
    readonly metadata: { readonly labels: Record<string, string> };
    readonly spec: PodSpec;
  };
}

describe("lif-34: what platform teams set", () => {
  const only = async (kind: string, ...set: string[]) =>
    (await rendered(...set.flatMap((value) => ["--set-json", value]))).filter(
      (object) => object.kind === kind,
    );
  const deployed = async (...set: string[]) =>
    (await only("Deployment", ...set))[0]?.["spec"] as unknown as Deployed;
  const imagesOf = ({ template }: Deployed) =>
    template.spec.containers.flatMap(({ image, env }) => [
      image,
      ...env.flatMap(({ name, value = "" }) => (name.endsWith("_IMAGE") ? [value] : [])),
    ]);

  test("global.imageRegistry: every image comes from it", async () => {
    const registry = 'global.imageRegistry="mirror.example:5000/all/"';
    expect(imagesOf(await deployed(registry))).toEqual([
      `mirror.example:5000/all/converged-computing/oras-operator:${packageJson.version}`,
      `mirror.example:5000/all/converged-computing/oras-operator-agent:${packageJson.version}`,
      `mirror.example:5000/all/converged-computing/oras-operator-scripts:${packageJson.version}`,
      "mirror.example:5000/all/library/registry:3.1.2",
    ]);
    const names = ['manager.registryImage="team/registry:3"', 'image.repository="localhost/operator"'];
    const images = imagesOf(await deployed(registry, ...names));
    expect(images).toContain("mirror.example:5000/all/team/registry:3");
    expect(images).toContain(`mirror.example:5000/all/operator:${packageJson.version}`);
  });

  test("a digest: it names the image, and the tag does not", async () => {
    const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
    const images = ["image", "agentImage", "scriptsImage"];
    const set = images.flatMap((name) => [`${name}.digest="${digest}"`, `${name}.tag="ignored"`]);
    expect(imagesOf(await deployed(...set)).filter((image) => image.endsWith(`@${digest}`))).toHaveLength(3);
  });

  test("pull secrets: by name or as Kubernetes has them, global ones too, each once", async () => {
    const { template } = await deployed(
      'global.imagePullSecrets=["one",{"name":"two"}]',
      'imagePullSecrets=[{"name":"one"},{"name":"three"}]',
    );
    expect(template.spec.imagePullSecrets).toEqual([{ name: "one" }, { name: "two" }, { name: "three" }]);
  });

  test("hostNetwork: names of the cluster are found, and two replicas need not share a node in a rollout", async () => {
    const { template, strategy } = await deployed("hostNetwork=true");
    expect(template.spec).toMatchObject({ hostNetwork: true, dnsPolicy: "ClusterFirstWithHostNet" });
    expect(strategy).toMatchObject({ rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } });
    expect((await only("Namespace", "hostNetwork=true"))[0]?.metadata).toMatchObject({
      labels: { "pod-security.kubernetes.io/enforce": "privileged" },
    });
    expect((await deployed()).strategy).toMatchObject({ rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } });
    const told = await deployed("hostNetwork=true", 'dnsPolicy="Default"', 'strategy={"type":"Recreate"}');
    expect(told.template.spec.dnsPolicy).toBe("Default");
    expect(told.strategy).toEqual({ type: "Recreate" });
  });

  test("webhook: in some namespaces, with another time, policy and annotations", async () => {
    const [configuration] = await only(
      "MutatingWebhookConfiguration",
      'webhook.namespaceSelector={"matchLabels":{"oras":"on"},"matchExpressions":[{"key":"a","operator":"Exists"}]}',
      'webhook.failurePolicy="Ignore"',
      "webhook.timeoutSeconds=5",
      'webhook.annotations={"admissions.enforcer/disabled":"true"}',
      "certManager.enabled=true",
    );
    const webhooks = configuration?.["webhooks"] as object[];
    expect(webhooks).toHaveLength(2);
    for (const webhook of webhooks) {
      expect(webhook).toMatchObject({
        failurePolicy: "Ignore",
        timeoutSeconds: 5,
        namespaceSelector: {
          matchLabels: { oras: "on" },
          matchExpressions: [
            { key: "kubernetes.io/metadata.name", operator: "NotIn", values: ["oras-operator-system"] },
            { key: "a", operator: "Exists" },
          ],
        },
      });
    }
    expect(configuration?.metadata).toMatchObject({
      annotations: {
        "admissions.enforcer/disabled": "true",
        "cert-manager.io/inject-ca-from": "oras-operator-system/oras-operator-webhook-certificate",
      },
    });
  });

  test.each(["fullnameOverride", "nameOverride"])(
    "%s: every reference follows, and what the operator looks for by name keeps its name",
    async (value) => {
      const objects = await rendered("--set", `${value}=renamed`, "--set", "certManager.enabled=true");
      const named = objects.filter(({ metadata }) => metadata.name.startsWith("oras"));
      expect(new Set(named.map(({ kind }) => kind))).toEqual(
        new Set([
          ...["Namespace", "CustomResourceDefinition", "Service", "MutatingWebhookConfiguration"],
          ...["ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"],
        ]),
      );
      // Whom the webhooks and the policies know as the operator.
      expect(JSON.stringify(objects)).not.toContain(`${names.operatorNamespace}:${names.serviceAccount}`);
      const back = JSON.stringify(byTitle(objects)).replaceAll(/\brenamed\b/g, "oras-operator");
      const before = await rendered("--set", "certManager.enabled=true");
      expect(Object.values(JSON.parse(back) as object)).toEqual(Object.values(byTitle(before)));
    },
  );

  test("commonLabels: on each object and on Pods, and never in a selector", async () => {
    const objects = await rendered("--set", "commonLabels.team=data");
    const labelled = objects.filter(({ kind }) => kind !== "CustomResourceDefinition");
    for (const { metadata } of labelled) expect(metadata).toMatchObject({ labels: { team: "data" } });
    const { template } = await deployed('commonLabels.team="data"');
    expect(template.metadata.labels).toMatchObject({ team: "data" });
    expect(JSON.stringify(objects.map(({ spec }) => spec)).match(/"team":"data"/g)).toHaveLength(1);
  });

  test("proxy: the operator has it in the variables that every program reads", async () => {
    const proxy = { http: "http://a:1", https: "http://b:2", noProxy: "10.0.0.0/8" };
    const { template } = await deployed(`proxy=${JSON.stringify(proxy)}`);
    const env = template.spec.containers[0]?.env ?? [];
    expect(env).toEqual(
      expect.arrayContaining([
        { name: "HTTP_PROXY", value: "http://a:1" },
        { name: "HTTPS_PROXY", value: "http://b:2" },
        { name: "NO_PROXY", value: "10.0.0.0/8" },
      ]),
    );
    expect(JSON.stringify(await rendered())).not.toContain("_PROXY");
  });

  test("extraEnv, and annotations of the ServiceAccount", async () => {
    const { template } = await deployed('extraEnv=[{"name":"TZ","value":"UTC"}]');
    expect(template.spec.containers[0]?.env).toContainEqual({ name: "TZ", value: "UTC" });
    const [account] = await only("ServiceAccount", 'serviceAccount.annotations={"a":"b"}');
    expect(account?.metadata).toMatchObject({ annotations: { a: "b" } });
  });

  test("topologySpreadConstraints: one's own selector stays; none, and no budget, where the values say so", async () => {
    const own = { topologyKey: "rack", maxSkew: 2, labelSelector: { matchLabels: { a: "b" } } };
    const spec = async (...set: string[]) => (await deployed(...set)).template.spec;
    expect(await spec(`topologySpreadConstraints=[${JSON.stringify(own)}]`)).toMatchObject({
      topologySpreadConstraints: [own],
    });
    expect(await spec("topologySpreadConstraints=[]")).not.toHaveProperty("topologySpreadConstraints");
    expect(await only("PodDisruptionBudget", "podDisruptionBudget.enabled=false")).toEqual([]);
    const [budget] = await only("PodDisruptionBudget", 'podDisruptionBudget.maxUnavailable="50%"');
    expect(budget?.["spec"]).toMatchObject({ maxUnavailable: "50%" });
  });
});

describe("examples/dist/oras-operator.yaml", () => {
  test("is what make build-config writes", async () => {
    const committed = objectsIn(await readFile("examples/dist/oras-operator.yaml", "utf8"));
    expect(committed).toEqual(await buildConfig({ overlay: "default" }));
  });
});

describe("build-config", () => {
  interface Deployment {
    spec: {
      replicas: number;
      template: {
        spec: {
          nodeSelector?: object;
          containers: { image: string; env: { name: string; value?: string }[] }[];
        };
      };
    };
  }
  const deploymentOf = (objects: readonly Manifest[]) =>
    objects.find(({ kind }) => kind === "Deployment") as unknown as Deployment;

  test("for another architecture runs on its nodes only", async () => {
    const { spec } = deploymentOf(await buildConfig({ overlay: "default", arch: "arm64" }));
    expect(spec.template.spec.nodeSelector).toEqual({
      "kubernetes.io/os": "linux",
      "kubernetes.io/arch": "arm64",
    });
  });

  test("for developing is one replica that logs everything", async () => {
    const { spec } = deploymentOf(await buildConfig({ overlay: "dev" }));
    expect(spec.replicas).toBe(1);
    const level = optionTable.find(({ name }) => name === "log-level");
    expect(spec.template.spec.containers[0]?.env).toContainEqual({
      name: level?.env,
      value: level?.choices?.[0],
    });
  });
});
