import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { beforeAll, describe, expect, inject, onTestFinished, test } from "vitest";
import { names } from "../../../schema/names.ts";
import { buildConfig, type Manifest } from "../../../scripts/build-config.ts";
import { foreignCrd, foreignCrdName } from "../../support/foreign-crd.ts";
import { objectsIn, title, yamlFiles, yamlOf } from "../../support/manifests.ts";
import { blocksOf } from "../../support/pages.ts";
import { helmTemplate, kubectl, type Output } from "../../support/programs.ts";

const kubeconfig = inject("kubeconfig");

/** Kinds of other projects: only that they are well-formed objects can be said without those projects. */
const foreign = [
  { group: "flux-framework.org", version: "v1alpha2", kind: "MetricSet" },
  { group: "cert-manager.io", version: "v1", kind: "Certificate" },
  { group: "cert-manager.io", version: "v1", kind: "Issuer" },
];

function asYaml(objects: readonly unknown[]): string {
  return yamlOf(objects);
}

function apply(objects: readonly unknown[], ...args: string[]): Promise<Output> {
  return kubectl(kubeconfig, ["apply", "-f", "-", ...args], asYaml(objects));
}

/** What the API server says to each object, without keeping any. Unknown fields are errors. */
function accepts(objects: readonly unknown[], ...args: string[]): Promise<Output> {
  return apply(objects, "--dry-run=server", "--validate=strict", ...args);
}

const examples = (await yamlFiles("examples")).filter((file) => !file.startsWith("examples/dist/"));
/** What kubectl warns of, but for what comes of trying both ways of applying on the same objects. */
function warnings(stderr: string): string[] {
  return stderr.split("\n").filter((line) => line !== "" && !line.includes("last-applied-configuration"));
}

let built: Manifest[];

beforeAll(async () => {
  built = await buildConfig({ overlay: "default" });
  const crds = built.filter(({ kind }) => kind === "CustomResourceDefinition");
  const namespaces = built.filter(({ kind }) => kind === "Namespace");
  const shown = (await Promise.all(examples.map((file) => readFile(file, "utf8")))).flatMap(objectsIn);
  const others = new Set(shown.flatMap(({ metadata }) => metadata.namespace ?? []));
  const foreignNamespaces = [...others].map((name) => ({
    ...{ apiVersion: "v1", kind: "Namespace" },
    metadata: { name },
  }));
  // A dry run knows no namespace and no kind that it would have made itself.
  await apply([...crds, ...foreign.map(foreignCrd), ...namespaces, ...foreignNamespaces]);
  const served = [...crds.map(({ metadata }) => metadata.name), ...foreign.map(foreignCrdName)];
  const waited = served.map((name) => `crd/${name}`);
  await kubectl(kubeconfig, ["wait", "--for=condition=Established", "--timeout=60s", ...waited]);
}, 900_000);

describe("the API server accepts, without a warning", () => {
  test.each([[[]], [["--server-side"]]])("the built YAML, applied with %j", async (args) => {
    const { stdout, stderr } = await accepts(built, ...args);
    expect(stdout.trim().split("\n")).toHaveLength(built.length);
    expect(warnings(stderr)).toEqual([]);
  });

  test.each(["dev", "certmanager"] as const)("config/%s", async (overlay) => {
    const objects = await buildConfig({ overlay });
    const { stdout, stderr } = await accepts(objects);
    expect(stdout.trim().split("\n")).toHaveLength(objects.length);
    expect(stderr).toBe("");
  });

  test("an overlay with an issuer of one's own, as docs/how-to/cert-manager.md has it", async () => {
    const overlay = blocksOf("docs/how-to/cert-manager.md").find(({ language }) => language === "yaml");
    await mkdir(".tmp", { recursive: true });
    const folder = await mkdtemp(resolve(".tmp", "issuer-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const text = overlay?.text.replace("[config/certmanager]", "[../../config/certmanager]") ?? "";
    await writeFile(join(folder, "kustomization.yaml"), text);
    const { stdout } = await kubectl(kubeconfig, ["kustomize", folder]);
    const specs = objectsIn(stdout).map(
      ({ spec }) => spec as { secretName?: string; issuerRef?: object } | undefined,
    );
    const certificate = specs.find((spec) => spec?.secretName === names.webhookSecret);
    expect(certificate?.issuerRef).toEqual({ kind: "ClusterIssuer", name: "corporate" });
  });

  test.each([
    { set: [] },
    { set: ["certManager.enabled=true"] },
    { set: ["replicas=2", "imagePullSecrets[0].name=mine", "nodeSelector.disk=ssd", "podLabels.team=a"] },
    { set: ["tolerations[0].operator=Exists", "priorityClassName=system-cluster-critical"] },
  ])("the chart with $set, and its test", async ({ set }) => {
    const objects = objectsIn(await helmTemplate(set.flatMap((value) => ["--set", value])));
    expect(objects.map(({ metadata }) => metadata.name)).toContain(`${names.operatorName}-answers`);
    const { stdout, stderr } = await accepts(objects);
    expect(stdout.trim().split("\n")).toHaveLength(objects.length);
    expect(stderr).toBe("");
  });

  test.each(examples)("%s", async (file) => {
    const objects = objectsIn(await readFile(file, "utf8"));
    const { stdout, stderr } = await accepts(objects);
    expect(stdout.trim().split("\n")).toHaveLength(objects.length);
    expect(stderr).toBe("");
  });
});

describe("Pod Security", () => {
  test("restricted, which the operator's namespace enforces, admits its Pods", async () => {
    interface Deployment {
      spec: { template: { metadata: object; spec: object } };
    }
    const deployment = built.find(({ kind }) => kind === "Deployment") as unknown as Deployment;
    const metadata = {
      ...deployment.spec.template.metadata,
      name: "probe",
      namespace: names.operatorNamespace,
    };
    const pod = { apiVersion: "v1", kind: "Pod", metadata, spec: deployment.spec.template.spec };
    expect(title(pod as unknown as Manifest)).toContain(names.operatorNamespace);
    const { stderr } = await accepts([pod]);
    expect(stderr).toBe("");
    // That it would not admit any Pod shows that this says something.
    const careless = { ...pod, spec: { containers: [{ name: "a", image: "a" }] } };
    await expect(accepts([careless])).rejects.toThrow("PodSecurity");
  });
});
