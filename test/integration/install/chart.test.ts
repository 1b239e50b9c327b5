import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { buildModule, controlPlaneProgram } from "../../../dev/cluster/binaries.ts";
import packageJson from "../../../package.json" with { type: "json" };
import { optionTable } from "../../../schema/options.ts";
import { buildConfig, type Manifest } from "../../../scripts/build-config.ts";
import { objectsIn, title } from "../../support/manifests.ts";
import { helm, helmTemplate, kubectl } from "../../support/programs.ts";

/** What only Helm says of an object. */
const helmLabels = [
  "app.kubernetes.io/instance",
  "app.kubernetes.io/managed-by",
  "app.kubernetes.io/version",
  "helm.sh/chart",
];

interface Env {
  name: string;
}

/** An object without Helm's labels, and with environment variables in the order of their names. */
function normalised(object: Manifest): unknown {
  const { labels, ...metadata } = object.metadata as Manifest["metadata"] & {
    labels?: Record<string, string>;
  };
  const own = Object.entries(labels ?? {}).filter(([key]) => !helmLabels.includes(key));
  const copy = structuredClone({
    ...object,
    metadata: own.length === 0 ? metadata : { ...metadata, labels: Object.fromEntries(own) },
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

  test.each([
    ["an unknown option", "manager.logLevle=debug", "logLevle"],
    ["an unknown level", "manager.logLevel=loud", "logLevel"],
    ["a wrong type", "replicas=many", "replicas"],
  ])("refuses %s by name", async (_, value, named) => {
    await expect(helmTemplate(["--set", value])).rejects.toThrow(named);
  });

  test("passes helm lint, and helm package makes an archive of it", async () => {
    const folder = await mkdtemp(join(tmpdir(), "oras-operator-chart-"));
    try {
      await helm(["lint", "--strict", "chart"]);
      await helm(["package", "chart", "--destination", folder]);
      const archive = join(folder, `oras-operator-${packageJson.version}.tgz`);
      const args = ["template", "x", archive, "--kube-version", "1.36.0", "--include-crds", "--no-hooks"];
      expect(Object.keys(byTitle(objectsIn((await helm(args)).stdout)))).toEqual(
        Object.keys(byTitle(await rendered())),
      );
    } finally {
      await rm(folder, { recursive: true });
    }
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
