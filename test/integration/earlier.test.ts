import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Container, V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { controlPlaneProgram } from "../../dev/cluster/binaries.ts";
import { names } from "../../schema/names.ts";
import type { KubeClient } from "../../src/kube/client.ts";
import { keyed } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { minor, since } from "../support/kubernetes-version.ts";
import { metric, ready, startOperator } from "../support/operator.ts";
import { start } from "../support/processes.ts";
import { until } from "../support/wait.ts";
import { installWebhooks } from "../support/webhooks.ts";

const annotations = keyed({ "output-uri": "a/b:c", "output-path": "/tmp/$(POD_NAME)" });
const main: V1Container = {
  name: "main",
  image: "busybox:1.36",
  command: ["sh", "-c"],
  args: ["echo > /tmp/x"],
};
const pods = "/api/v1/namespaces/default/pods";
const jobs = "/apis/batch/v1/namespaces/default/jobs";

const podOf = (name: string, map: Record<string, string> = annotations, spec: object = {}): V1Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, annotations: map },
  spec: { restartPolicy: "Never", containers: [main], ...spec },
});
const jobOf = (name: string, template: object = {}): V1Job => ({
  apiVersion: "batch/v1",
  kind: "Job",
  metadata: { name, annotations },
  spec: { template: { ...template, spec: { restartPolicy: "Never", containers: [main] } } },
});

const test = base
  /** The operator, which is ready when it finds the webhook configuration that names it. */
  .extend("asked", { scope: "file" }, async ({ plane, installed }, { onCleanup }) => {
    const operator = await startOperator(plane.operatorKubeconfig);
    onCleanup(async () => {
      await operator.stop();
    });
    await installWebhooks(installed, operator.webhookPort);
    await ready(operator, installed);
    return operator;
  })
  .extend("cluster", { scope: "file" }, async ({ installed, asked: _ }) => {
    await installed.request({
      method: "POST",
      path: "/api/v1/namespaces/default/serviceaccounts",
      body: { metadata: { name: "default" } },
    });
    await until(
      async () => (await post<V1Pod>(installed, pods, podOf("probe"), true)).spec?.initContainers?.length,
      "the webhook to be asked",
    );
    return installed;
  })
  .extend("kubectl", { scope: "file" }, async ({ plane, folder }) => {
    const program = await controlPlaneProgram("kubectl");
    let n = 0;
    return async (args: string[], manifest?: object) => {
      const file = join(folder, `${n++}.json`);
      if (manifest) writeFileSync(file, JSON.stringify(manifest));
      const env = { ...process.env, KUBECONFIG: plane.kubeconfig };
      return start([program, ...args, ...(manifest ? ["-f", file] : [])], { env }).ended;
    };
  });

function post<T>(client: KubeClient, path: string, body: object, dryRun = false): Promise<T> {
  return client.request<T>({ method: "POST", path, body, ...(dryRun && { query: { dryRun: "All" } }) });
}

const namesOf = ({ spec }: V1Pod) =>
  [...(spec?.initContainers ?? []), ...(spec?.containers ?? [])].map((c) => c.name);

/** The Pod that the Job controller would make. */
const made = ({ spec, metadata }: V1Job, name: string): V1Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    ...spec?.template.metadata,
    name,
    ownerReferences: [
      {
        apiVersion: "batch/v1",
        kind: "Job",
        name: metadata?.name ?? "",
        uid: metadata?.uid ?? "",
        controller: true,
      },
    ],
  },
  spec: spec?.template.spec ?? { containers: [] },
});

describe("an earlier injection, told to a real API server", () => {
  test("inj-08: a left-over marker keeps nothing from being injected", async ({ cluster }) => {
    for (const marker of ['{"hash":"1cc8","containers":["main"]}', "true"]) {
      const map = { ...annotations, [names.markerAnnotation]: marker };
      expect(namesOf(await post<V1Pod>(cluster, pods, podOf("stale", map), true))).toEqual([
        "oras-pull",
        "main",
        "oras",
      ]);
    }
  });

  test("inj-28: kubectl debug --copy-to makes a copy that runs the program alone", async ({
    cluster,
    kubectl,
  }) => {
    await post(cluster, pods, podOf("debugged"));
    const debug = (...more: string[]) =>
      kubectl(["debug", "debugged", "--image=busybox:1.36", ...more, "--", "sleep", "5"]);
    const { code, stderr } = await debug("--copy-to=copied", "--profile=general");
    expect(code, stderr).toBe(0);
    const copy = await cluster.request<V1Pod>({ path: `${pods}/copied` });
    expect(copy.spec?.containers[0]).toMatchObject(main);
    expect(namesOf(copy)).toEqual(["main", expect.stringContaining("debugger")]);
    expect(JSON.stringify(copy.spec)).not.toContain("oras");
    expect(stderr).toContain("neither pulls nor pushes");

    // That profile keeps annotations and drops labels.
    expect((await debug("--copy-to=kept", "--profile=legacy")).code).toBe(0);
    const kept = await cluster.request<V1Pod>({ path: `${pods}/kept` });
    expect(namesOf(kept)).toEqual(["oras-pull", "main", expect.stringContaining("debugger"), "oras"]);
    expect(kept.metadata?.labels).toMatchObject({
      [names.injectedLabel]: "true",
      [names.usesCacheLabel]: "oras",
    });
  });

  test.for([
    ["input", keyed({ "input-uri": "a/b:c" })],
    ["both", { ...annotations, ...keyed({ "input-uri": "a/b:c" }) }],
  ] as const)(
    "kubectl debug --copy-to --keep-init-containers=false of a step with %s drops the record, and the copy runs the program alone",
    async ([name, map], { cluster, kubectl }) => {
      await post(cluster, pods, podOf(`uninitialized-${name}`, map));
      const flags = [`--copy-to=copied-${name}`, "--keep-init-containers=false", "--profile=general"];
      const { code, stderr } = await kubectl([
        "debug",
        `uninitialized-${name}`,
        "--image=busybox:1.36",
        ...flags,
        "--",
        "sleep",
        "5",
      ]);
      expect(code, stderr).toBe(0);
      const copy = await cluster.request<V1Pod>({ path: `${pods}/copied-${name}` });
      expect(namesOf(copy)).toEqual(["main", expect.stringContaining("debugger")]);
      expect(copy.spec?.containers[0]?.command).toEqual(["sh", "-c", "echo > /tmp/x"]);
      expect(JSON.stringify(copy.spec)).not.toContain("oras");
      expect(stderr).toContain("neither pulls nor pushes");
    },
  );

  test("what a controller makes from an export loses the registry of another namespace", async ({
    cluster,
  }) => {
    const path = "/api/v1/namespaces";
    await post(cluster, path, { metadata: { name: "elsewhere" } });
    await post(cluster, `${path}/elsewhere/serviceaccounts`, { metadata: { name: "default" } });
    const there = (path: string) => path.replace("/default/", "/elsewhere/");
    const { spec } = await post<V1Pod>(cluster, pods, podOf("exported"), true);
    const job = await post<V1Job>(cluster, jobs, jobOf("exported"), true);
    const owner = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "made", uid: "1" };
    for (const controller of [true, false]) {
      const metadata = { name: "replica", ownerReferences: [{ ...owner, controller }] };
      const bare = JSON.parse(JSON.stringify({ metadata, spec }).replaceAll("serviceaccount", "x")) as V1Pod;
      expect(namesOf(await post<V1Pod>(cluster, there(pods), bare, true))).toEqual(["main"]);
    }
    const template = { spec: job.spec?.template.spec };
    const cronJob = { apiVersion: "batch/v1", kind: "CronJob", name: "made", uid: "1", controller: true };
    for (const path of [jobs, there(jobs)]) {
      const made = { metadata: { name: "cron", ownerReferences: [cronJob] }, spec: { template } };
      const stored = await post<V1Job>(cluster, path, made, true);
      expect(stored.spec && namesOf(stored.spec.template as V1Pod)).toEqual(["main"]);
    }
  });

  test.for(["Pod", "Job"])(
    "kubectl apply of a %s, twice and with server-side apply",
    async (kind, { cluster, kubectl }) => {
      const manifest = kind === "Pod" ? podOf("applied") : jobOf("applied");
      const path = `${kind === "Pod" ? pods : jobs}/applied`;
      expect((await kubectl(["apply"], manifest)).code).toBe(0);
      const stored = await cluster.request<V1Pod>({ path });
      for (const flags of [[], ["--server-side", "--force-conflicts"]]) {
        const { code, stderr } = await kubectl(["apply", ...flags], manifest);
        expect(code, stderr).toBe(0);
      }
      expect((await cluster.request<V1Pod>({ path })).spec).toEqual(stored.spec);
    },
  );

  test("a PUT of the object without its injection restores it whole", async ({ cluster }) => {
    const control = await post<V1Pod>(cluster, pods, podOf("control", {}));
    const stored = await post<V1Pod>(cluster, pods, podOf("put"));
    const bare = { ...control, metadata: { name: "put", annotations } };
    await cluster.request({
      method: "PUT",
      path: `${pods}/put`,
      body: { ...bare, spec: without(control, stored) },
    });
    const after = await cluster.request<V1Pod>({ path: `${pods}/put` });
    expect(after.spec).toEqual(stored.spec);
    expect(after.metadata?.labels).toEqual(stored.metadata?.labels);
    expect(after.metadata?.annotations).toEqual(stored.metadata?.annotations);
  });

  test.for([
    [
      ...(["Pod", pods, ["status", "binding"]] as const),
      [...(minor >= since.podResize ? ["resize"] : []), "ephemeralcontainers"],
    ],
    ["Job", jobs, ["status"], []],
  ] as const)(
    "the marker of a %s can be changed by its status, and nothing depends on it",
    async ([kind, path, reaching, closed], { cluster, kubectl }) => {
      for (const subresource of [...reaching, ...closed]) {
        const name = `unmarked-${subresource}`;
        const manifest = kind === "Pod" ? podOf(name) : jobOf(name);
        expect((await kubectl(["apply"], manifest)).code).toBe(0);
        const read = () => cluster.request<V1Pod>({ path: `${path}/${name}` });
        const stored = await read();
        const marker = stored.metadata?.annotations?.[names.markerAnnotation];
        expect(marker).toBeDefined();
        const at = `${path}/${name}/${subresource}`;
        if (subresource === "binding") {
          const forged = { name, annotations: { [names.markerAnnotation]: "none" } };
          await post(cluster, at, {
            apiVersion: "v1",
            kind: "Binding",
            metadata: forged,
            target: { kind: "Node", name: "n" },
          });
        } else {
          await cluster.request({
            method: "PATCH",
            path: at,
            contentType: "application/merge-patch+json",
            body: { metadata: { annotations: { [names.markerAnnotation]: null } } },
          });
        }
        const after = (await read()).metadata?.annotations?.[names.markerAnnotation];
        // The API server keeps metadata from the old object in the others.
        expect(after === marker).toBe((closed as readonly string[]).includes(subresource));

        const { code, stderr } = await kubectl(["apply"], manifest);
        expect(code, stderr).toBe(0);
        const { nodeName, ...spec } = (await read()).spec ?? {};
        expect(spec).toEqual(stored.spec);
      }
    },
  );

  test("40,000 annotations are answered: match conditions cost no more than the API server allows", async ({
    cluster,
    asked,
  }) => {
    const foreign = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`a${i.toString(36)}`, ""]));
    const many = foreign(40_000);
    const calls = () => metric(asked, "controller_runtime_webhook_requests_total");
    const create = (path: string, object: V1Pod | V1Job) =>
      cluster.request<V1Pod & V1Job>({
        method: "POST",
        path,
        body: object,
        query: { dryRun: "All" },
        timeoutMs: 120_000,
      });
    const before = await calls();
    expect(namesOf(await create(pods, podOf("some", foreign(1_000))))).toEqual(["main"]);
    expect(await calls()).toBe(before);
    // Of more the webhook looks at the keys, which CEL takes seconds for.
    const plain = await create(pods, podOf("many", many));
    expect(namesOf(plain)).toEqual(["main"]);
    expect(await calls()).toBe(before + 1);
    expect(namesOf(await create(pods, podOf("many", { ...many, ...annotations })))).toContain("oras");
    const job = jobOf("many", { metadata: { annotations: many } });
    const { template } = (await create(jobs, job)).spec ?? {};
    expect(template && namesOf(template as V1Pod)).toContain("oras");
  });

  test("sec-16: another program is refused by the API server", async ({ cluster }) => {
    const stored = await post<V1Pod>(cluster, pods, podOf("smuggled"));
    const body = JSON.parse(JSON.stringify(stored).replaceAll("echo > /tmp/x", "echo smuggled")) as V1Pod;
    await expect(cluster.request({ method: "PUT", path: `${pods}/smuggled`, body })).rejects.toMatchObject({
      status: 422,
    });
  });

  test("the webhook is not asked about the Pods of a Job, nor about changes of what is not its own", async ({
    cluster,
    asked,
  }) => {
    const calls = () => metric(asked, "controller_runtime_webhook_requests_total");
    const job = await post<V1Job>(cluster, jobs, jobOf("quiet"));
    const stored = await post<V1Pod>(cluster, pods, podOf("quiet"));
    const before = await calls();
    await post(cluster, pods, made(job, "quiet-1"));
    await cluster.request({
      method: "PUT",
      path: `${pods}/quiet`,
      body: { ...stored, metadata: { ...stored.metadata, finalizers: ["example.com/x"] } },
    });
    await post(cluster, pods, podOf("plain", {}, { volumes: [{ name: "mine", emptyDir: {} }] }));
    expect(await calls()).toBe(before);
  });

  test.runIf(minor >= since.mutatingPolicies)(
    "a container that another webhook adds later sees no password: its Pod is refused, and so is a Job's",
    async ({ cluster }) => {
      const group = "/apis/admissionregistration.k8s.io/v1";
      const added = `Object.spec.containers{name: "later", image: "later"}`;
      await post(cluster, `${group}/mutatingadmissionpolicies`, {
        metadata: { name: "later" },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
            ],
          },
          matchConditions: [
            {
              name: "asked",
              expression: "has(object.metadata.labels) && 'later' in object.metadata.labels",
            },
            { name: "once", expression: "!object.spec.containers.exists(c, c.name == 'later')" },
          ],
          failurePolicy: "Fail",
          reinvocationPolicy: "IfNeeded",
          mutations: [
            {
              patchType: "JSONPatch",
              jsonPatch: {
                // Policies come before webhooks: this one acts when it is called again, on what was injected.
                expression: `has(object.spec.volumes) && object.spec.volumes.exists(v, v.name == "oras-share") ? [JSONPatch{op: "add", path: "/spec/containers/-", value: ${added}}] : [JSONPatch{op: "add", path: "/metadata/labels/seen", value: "once"}]`,
              },
            },
          ],
        },
      });
      await post(cluster, `${group}/mutatingadmissionpolicybindings`, {
        metadata: { name: "later" },
        spec: { policyName: "later" },
      });
      const securityContext = { runAsUser: 1000, allowPrivilegeEscalation: false };
      const spec = { shareProcessNamespace: true, containers: [{ ...main, securityContext }] };
      const map = { ...annotations, ...keyed({ "oras-env": "login" }) };
      const labels = { later: "on" };
      const pod = podOf("shared", map, spec);
      expect(namesOf(await post<V1Pod>(cluster, pods, pod, true))).toContain("oras");
      const labelled = { ...pod, metadata: { ...pod.metadata, labels } };
      const told = () =>
        post<V1Pod>(cluster, pods, labelled, true).then(
          (made) => namesOf(made).join(),
          (error: Error) => error.message,
        );
      await expect.poll(told).toMatch(/spec\.shareProcessNamespace: .*\(later\).*\(ProcessesShared\)/s);

      const job = jobOf("shared", { metadata: { labels } });
      const template = { ...job.spec?.template, spec: { restartPolicy: "Never", ...spec } };
      const stored = await post<V1Job>(cluster, jobs, {
        ...job,
        metadata: { ...job.metadata, annotations: map },
        spec: { template },
      });
      await expect(post<V1Pod>(cluster, pods, made(stored, "shared-1"), true)).rejects.toThrow(
        /ProcessesShared/,
      );
      const quiet = made(stored, "shared-2");
      expect(
        namesOf(
          await post<V1Pod>(cluster, pods, { ...quiet, metadata: { ...quiet.metadata, labels: {} } }, true),
        ),
      ).toContain("oras");
    },
  );

  test.runIf(minor >= since.mutatingPolicies)(
    "a program that another webhook writes in front stays there, in a Pod and in a Job's Pod",
    async ({ cluster }) => {
      const group = "/apis/admissionregistration.k8s.io/v1";
      const [container, path] = ["object.spec.containers[0]", "/spec/containers/0"];
      const inFront = [
        `JSONPatch{op: "replace", path: "${path}/args", value: ${container}.command + ${container}.args}`,
        `JSONPatch{op: "replace", path: "${path}/command", value: ["/vault/vault-env"]}`,
      ];
      await post(cluster, `${group}/mutatingadmissionpolicies`, {
        metadata: { name: "vault" },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
            ],
          },
          matchConditions: [
            { name: "asked", expression: "has(object.metadata.labels) && 'vault' in object.metadata.labels" },
            { name: "once", expression: `${container}.command[0] != "/vault/vault-env"` },
          ],
          failurePolicy: "Fail",
          reinvocationPolicy: "IfNeeded",
          mutations: [
            {
              patchType: "JSONPatch",
              jsonPatch: {
                // Policies come before webhooks: this one acts when it is called again, on what was injected.
                expression: `has(object.spec.volumes) && object.spec.volumes.exists(v, v.name == "oras-share") ? [${inFront.join(", ")}] : [JSONPatch{op: "add", path: "/metadata/labels/seen", value: "once"}]`,
              },
            },
          ],
        },
      });
      await post(cluster, `${group}/mutatingadmissionpolicybindings`, {
        metadata: { name: "vault" },
        spec: { policyName: "vault" },
      });
      const labels = { vault: "on" };
      const pod = podOf("wrapped");
      const wordsOf = (made: V1Pod) => [
        made.spec?.containers[0]?.command?.[0],
        made.spec?.containers[0]?.args?.filter((word) => word.endsWith("/agent")).length,
        ...namesOf(made),
      ];
      const expected = ["/vault/vault-env", 1, "oras-pull", "main", "oras"];
      const told = () =>
        post<V1Pod>(cluster, pods, { ...pod, metadata: { ...pod.metadata, labels } }, true).then(
          wordsOf,
          (error: Error) => error.message,
        );
      await expect.poll(told).toEqual(expected);
      const input = keyed({ "input-uri": "a/b:c" });
      const job = jobOf("wrapped", { metadata: { labels, annotations: input } });
      const metadata = { ...job.metadata, annotations: { ...annotations, ...input } };
      const stored = await post<V1Job>(cluster, jobs, { ...job, metadata });
      const unlabelled = made(stored, "wrapped-1");
      expect(
        wordsOf(
          await post<V1Pod>(
            cluster,
            pods,
            { ...unlabelled, metadata: { ...unlabelled.metadata, labels } },
            true,
          ),
        ),
      ).toEqual(expected);
    },
  );

  test.runIf(minor >= since.mutatingPolicies)(
    "inj-07: a native sidecar that a mesh adds to a Job's Pod comes before the added init container",
    async ({ cluster }) => {
      const group = "/apis/admissionregistration.k8s.io/v1";
      const sidecar = `Object.spec.initContainers{name: "mesh-proxy", image: "mesh", restartPolicy: "Always"}`;
      const path = `/spec/initContainers/-`;
      await post(cluster, `${group}/mutatingadmissionpolicies`, {
        metadata: { name: "mesh" },
        spec: {
          matchConstraints: {
            resourceRules: [
              { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["pods"] },
            ],
          },
          matchConditions: [
            {
              name: "meshed",
              expression:
                "has(object.metadata.labels) && 'mesh' in object.metadata.labels && has(object.spec.initContainers)",
            },
            { name: "once", expression: "!object.spec.initContainers.exists(c, c.name == 'mesh-proxy')" },
          ],
          failurePolicy: "Fail",
          reinvocationPolicy: "IfNeeded",
          mutations: [
            {
              patchType: "JSONPatch",
              jsonPatch: { expression: `[JSONPatch{op: "add", path: "${path}", value: ${sidecar}}]` },
            },
          ],
        },
      });
      await post(cluster, `${group}/mutatingadmissionpolicybindings`, {
        metadata: { name: "mesh" },
        spec: { policyName: "mesh" },
      });
      const job = await post<V1Job>(cluster, jobs, jobOf("meshed", { metadata: { labels: { mesh: "on" } } }));
      const initNames = async () =>
        (await post<V1Pod>(cluster, pods, made(job, "meshed-1"), true)).spec?.initContainers?.map(
          (c) => c.name,
        );
      await expect.poll(initNames).toEqual(["mesh-proxy", "oras-pull"]);
    },
  );
});

/** What the control is, with the volume and mount of the token that the injected Pod has. */
function without(control: V1Pod, stored: V1Pod): object {
  const token = (pod: V1Pod) => pod.spec?.volumes?.find(({ projected }) => projected)?.name ?? "none";
  return JSON.parse(JSON.stringify(control.spec).replaceAll(token(control), token(stored))) as object;
}
