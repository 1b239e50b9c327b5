import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { strFromU8, unzipSync } from "fflate";
import { describe, expect } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import { packCrate } from "../../src/cli/graph/crate.ts";
import { stepsOf } from "../../src/cli/graph/steps.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, type Resource, resources } from "../../src/kube/resources.ts";
import { graphOf } from "../../src/lineage/graph.ts";
import { cacheOf } from "../support/builders.ts";
import { kubeconfigFor } from "../support/control-plane.ts";
import { parseDot } from "../support/dot.ts";
import { endOf, makeEndedPod, makeJob } from "../support/ended-jobs.ts";
import { temporaryFolder } from "../support/folders.ts";
import { test as base } from "../support/integration.ts";
import { blocksOf } from "../support/pages.ts";
import { makePlugin } from "../support/plugin.ts";
import { until } from "../support/wait.ts";

const test = base.extend("drawn", async ({ ns }) => {
  await ns.create(resources.orasCaches, cacheOf("oras") as KubeObject);
  await makeJob(ns, "split", { "input-uri": "data/raw:v1", "output-uri": "parts/all:v1" });
  await makeJob(ns, "count", { "input-uri": "parts/all:v1", "output-uri": "counts/all:v1" });
  const indexed = { completionMode: "Indexed", completions: 6, parallelism: 2, suspend: true };
  await makeJob(
    ns,
    "plot",
    { "input-uri": "parts/all:v1", "output-uri": "plots/p:$(JOB_COMPLETION_INDEX)" },
    indexed,
  );
  const both = {
    "input-uri": "counts/all:v1",
    "input-uri_1": "plots/p:0",
    "output-uri": "report/$(JOB_NAME):v1",
  };
  await makeJob(ns, "report", both);
  await makeJob(ns, "alone", { "output-uri": "other/x:v1" });
  await ns.patchStatus(resources.jobs, "split", endOf("Complete", "CompletionsReached"));
  await ns.patchStatus(resources.jobs, "count", endOf("Failed", "BackoffLimitExceeded"));
  const digest = `sha256:97936b5a01c4${"0".repeat(52)}`;
  const artifact = `oras-0.oras.${ns.namespace}.svc.cluster.local:${names.registryPort}/parts/all:v1`;
  const message = JSON.stringify({ artifact, digest, bytes: 1, seconds: 1 });
  await makeEndedPod(ns, "split", "Succeeded", names.pushContainer, { exitCode: 0, message });
  await makeEndedPod(ns, "count", "Failed", "main", { exitCode: 137, reason: "OOMKilled" });
  return makePlugin(ns.namespace);
});

describe("graph", () => {
  test("shows five Jobs, also those that have not run, as docs/cli.md does", async ({ drawn, ns }) => {
    const [shown] = blocksOf("docs/cli.md").filter(({ text }) =>
      text.startsWith("$ kubectl oras-cache graph"),
    );
    const [command = "", ...lines] = shown?.text.split("\n") ?? [];
    const { code, stdout, stderr } = await drawn.run(...command.split(" ").slice(3));
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout.replace(`namespace ${ns.namespace}:`, "namespace runs:").split("\n")).toEqual(lines);
  });

  test("is drawn without the right to see OrasCaches, and says who may not see Jobs", async ({
    drawn,
    ns,
    installed,
    plane,
  }) => {
    const { namespace } = ns;
    const post = (path: string, body: object) =>
      installed.request<{ status: { token: string } }>({ method: "POST", path, body });
    const roles = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`;
    await post(`/api/v1/namespaces/${namespace}/serviceaccounts`, { metadata: { name: "jane" } });
    const { status } = await post(`/api/v1/namespaces/${namespace}/serviceaccounts/jane/token`, {});
    const kubeconfig = join(temporaryFolder("graph"), "jane");
    writeFileSync(kubeconfig, kubeconfigFor(plane.server, plane.ca, status.token), { mode: 0o600 });
    const jane = await makePlugin(namespace, kubeconfig);
    const denied = await jane.run("graph");
    expect(denied).toMatchObject({ code: exits.denied, stdout: "" });
    expect(denied.stderr).toMatch(/^You have no right to list (jobs|pods) in the namespace /);
    const rules = [{ apiGroups: ["", "batch"], resources: ["pods", "jobs"], verbs: ["list"] }];
    await post(`${roles}/roles`, { metadata: { name: "graph" }, rules });
    const roleRef = { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "graph" };
    const subjects = [{ kind: "ServiceAccount", namespace, name: "jane" }];
    await post(`${roles}/rolebindings`, { metadata: { name: "graph" }, roleRef, subjects });
    const drawnFor = await until(async () => {
      const ended = await jane.run("graph");
      return ended.code === 0 ? ended : undefined;
    }, "the right to count");
    expect(drawnFor.stdout).toBe((await drawn.run("graph")).stdout);
    expect(drawnFor.stderr).toMatch(
      /^You have no right to list orascaches .* Registries are told apart by the annotations alone\.\n$/,
    );
  });

  test("has all of it for programs", async ({ drawn }) => {
    const { stdout } = await drawn.run("graph", "-o", "json");
    const { steps, artifacts, cycles } = JSON.parse(stdout);
    expect(steps.map(({ id }: { id: string }) => id)).toEqual([
      ...["job/alone", "job/count", "job/plot", "job/report", "job/split"],
    ]);
    expect(steps[2].outputs.length).toBe(6);
    expect(artifacts.find(({ reference }: { reference: string }) => reference === "plots/p:0")).toMatchObject(
      {
        madeBy: ["job/plot"],
        usedBy: ["job/report"],
      },
    );
    expect(cycles).toEqual([]);
    const { labels } = parseDot((await drawn.run("graph", "-o", "dot")).stdout);
    expect(labels).toContainEqual(["job/split", "succeeded"]);
    expect((await drawn.run("graph", "-o", "mermaid")).stdout).toMatch(
      /^flowchart LR\n {2}n0\["job\/alone<br>waiting"\]\n/,
    );
  });

  test("packs a crate whose manifests can be applied again", async ({ drawn, ns, installed }) => {
    expect(await drawn.run("graph", "-o", "ro-crate")).toMatchObject({
      ...{ code: 0, stderr: "" },
      stdout: expect.stringMatching(/^PK/),
    });
    const all = <T>(resource: Resource) =>
      installed.request<{ items: T[] }>({ path: pathOf(resource, { namespace: ns.namespace }) });
    const [{ items: jobs }, { items: pods }] = [
      await all<V1Job>(resources.jobs),
      await all<V1Pod>(resources.pods),
    ];
    const objects = { namespace: ns.namespace, jobs, pods, caches: [] };
    const notes: string[] = [];
    const zip = packCrate(graphOf(stepsOf(objects)), objects, new Date(0), (note) => notes.push(note));
    const workflow = strFromU8(unzipSync(zip)["workflow.yaml"] ?? new Uint8Array());
    expect([notes, workflow.includes(names.injectedLabel)]).toEqual([[], false]);
    const manifests = parseAllDocuments(workflow).map((document) => document.toJS() as V1Job & KubeObject);
    expect(manifests.map(({ metadata }) => metadata?.name)).toEqual([
      ...["alone", "count", "plot", "report", "split"],
    ]);
    for (const { metadata, ...manifest } of manifests) {
      const body = { ...manifest, metadata: { ...metadata, namespace: "default" } };
      const path = pathOf(resources.jobs, { namespace: "default" });
      const made = await installed.request<V1Job>({ method: "POST", path, query: { dryRun: "All" }, body });
      expect(made.metadata?.labels?.[names.injectedLabel]).toBe("true");
    }
  });

  test("says what is wrong with a selector, and that there is nothing", async ({ drawn }) => {
    const wrong = await drawn.run("graph", "-l", "run in 17");
    expect(wrong).toMatchObject({ code: exits.usage, stdout: "" });
    expect(wrong.stderr).toMatch(/^-l run in 17: it is no selector of labels; allowed is /);
    expect(await drawn.run("graph", "-l", "run=19")).toMatchObject({
      ...{ code: 0, stderr: "" },
      stdout: expect.stringMatching(/^No Job or Pod .* names an input or output\.\n$/),
    });
    const elsewhere = await (await makePlugin("is-not-there")).run("graph");
    expect(elsewhere).toMatchObject({ code: exits.notFound, stdout: "" });
    expect(elsewhere.stderr).toMatch(/^There is no namespace is-not-there\./);
  });
});
