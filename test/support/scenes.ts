import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { names } from "../../schema/names.ts";
import { jobOf, keyOf, podOf, type StepAnnotations } from "./builders.ts";
import { kubectl } from "./kubectl.ts";
import { localVolume } from "./local-volume.ts";
import { blocksOf } from "./pages.ts";
import { startS3Pod } from "./s3-pod.ts";
import { startServers } from "./servers.ts";
import { edit, type Terminal } from "./typed.ts";
import type { Workspace } from "./workspace.ts";

/** What is there before the commands of a page are typed, in a namespace of their own. */
export interface Scene {
  /** Whether the namespace has no OrasCache `oras`. */
  readonly bare?: true;
  /** Makes what the page takes for granted; returns what is typed in the place of words of the page. */
  readonly prepare?: (
    ws: Workspace,
    terminal: Terminal,
  ) => Promise<Readonly<Record<string, string>> | undefined>;
  /** What is among what the commands print. */
  readonly prints?: readonly (string | RegExp)[];
}

/** The Job of a step, complete. */
async function done(ws: Workspace, name: string, map: StepAnnotations, script: string): Promise<void> {
  await ws.apply(jobOf(name, map, script));
  await ws.kubectl("wait", `job/${name}`, "--for=condition=Complete", "--timeout=120s");
}

const withSample: Scene = {
  bare: true,
  prepare: async (ws) => {
    await ws.kubectl("apply", "-f", "examples/tests/registry");
    await ws.kubectl("wait", "--for=condition=Available", "--timeout=120s", "orascache/orascache-sample");
    return undefined;
  },
};

/** A registry outside of the namespace's caches: with a password, and a certificate of a CA of its own. */
async function remote(ws: Workspace, { env, folder }: Terminal): Promise<string> {
  const { registry, user, password, ca } = await startServers(ws, {});
  Object.assign(env, { ORAS_USER: user, ORAS_PASS: password });
  writeFileSync(join(folder, "ca.crt"), ca);
  return registry;
}

/** Every page with commands that are typed in a cluster, by its path. */
export const scenes: Readonly<Record<string, Scene>> = {
  "docs/start.md": {
    bare: true,
    prints: [
      "results/trees/oak.txt:oak has 7 rings\n",
      /^summary\.txt\ntrees$/m,
      "input-uri: forest/simulation:run-1",
      "Got forest/simulation:run-1: 4 files",
      /^ {2}reads {2}forest\/simulation:run-1 {2}from job\/simulate$/m,
    ],
  },
  "docs/workflows.md": {
    bare: true,
    prepare: async (ws) => {
      const input: StepAnnotations = { "input-uri": "a/nobody:1", "wait-for-inputs": "true" };
      await ws.apply(jobOf("alone", input, "true"));
      return { STEP: "alone" };
    },
    prints: [
      ...["oak 7 rings\telm 9 rings\n", "oak 7 rings\t2:elm 9 rings\n", "Starts after"],
      ...[/^report +Complete .* true$/m, "No resources found", "job.batch/alone annotated"],
    ],
  },
  "docs/install.md": { prints: ["deployment.apps/oras-operator condition met"] },
  "docs/troubleshooting.md": {
    prepare: async (ws, { folder }) => {
      await done(ws, "before", { "output-uri": "a/b:1", "output-path": "f" }, "echo x > f");
      const both: StepAnnotations = { "input-uri": "a/b:1", "output-uri": "a/b:2", "output-path": "f" };
      await done(ws, "sim", both, "cat f");
      writeFileSync(join(folder, "job.yaml"), JSON.stringify(jobOf("other", both)));
      return { STEP: "sim", CACHE: "oras", POD: (await ws.podOf("sim")).metadata?.name ?? "" };
    },
    prints: ["a/b:2", '"message":"injected"', /oras-operator-agent request\/[0-9a-f-]{36}/],
  },
  "docs/cli.md": {
    prepare: async (ws, { folder }) => {
      const bones: StepAnnotations = { "output-uri": "dinosaur/bones:v1", "output-path": "bones" };
      await done(ws, "dig", bones, "mkdir bones; printf 'name,length,width\\nrex,1,2\\n' > bones/skull.csv");
      await done(ws, "breakfast", { "input-uri": "dinosaur/bones:v1" }, "true");
      mkdirSync(join(folder, "bones"));
      writeFileSync(join(folder, "bones", "skull.csv"), "name,length,width\n");
      return undefined;
    },
    prints: ["name,length,width\n", "Put dinosaur/bones:v2", "Login Succeeded"],
  },
  "docs/registry.md": {
    prepare: async (ws) => {
      const other = `${ws.namespace}-other`;
      await kubectl(["create", "namespace", other]);
      onTestFinished(async () => {
        await kubectl(["delete", "namespace", other, "--wait=false"]);
      });
      await done(ws, "any", { "output-uri": "typed/any:1", "output-path": "f" }, "echo x > f");
      return { OTHER: other, "REPOSITORY:TAG": "typed/any:1" };
    },
    prints: ["Login Succeeded", "typed/any\n", "secret/oras-login created"],
  },
  "docs/private-images.md": {
    prints: ["rolebinding.rbac.authorization.k8s.io/oras-operator-read-pull-secret"],
  },
  "docs/warnings.md": {
    prepare: async (_, { folder }) => {
      const { spec } = podOf("any");
      const template = {
        metadata: { labels: { app: "analysis" } },
        spec: { ...spec, restartPolicy: "Always" },
      };
      const deployment = {
        apiVersion: "apps/v1",
        kind: "Deployment",
        metadata: { name: "analysis", annotations: { [keyOf("output-uri")]: "a/b:1" } },
        spec: { replicas: 0, selector: { matchLabels: { app: "analysis" } }, template },
      };
      writeFileSync(join(folder, "deployment.yaml"), JSON.stringify(deployment));
      return undefined;
    },
    prints: ["deployment.apps/analysis created"],
  },
  "docs/gitops.md": { prints: ["job.batch/nightly unchanged"] },
  "docs/how-to/volume.md": {
    bare: true,
    prepare: async (ws, terminal) => {
      const { className, remove } = await localVolume(ws);
      const claim = { "size: 10Gi": `size: 1Gi\n      storageClassName: ${className}` };
      edit(terminal, "examples/how-to/volume.yaml", claim);
      onTestFinished(async () => {
        await ws.kubectl("delete", names.plural, "oras", "--cascade=foreground", "--ignore-not-found");
        await ws.kubectl("delete", "pvc", "oras-data", "--ignore-not-found");
        await remove();
      });
      return undefined;
    },
    prints: [/oras +True +persistentVolumeClaim/, "Bound, 1Gi"],
  },
  "docs/how-to/s3.md": {
    bare: true,
    prepare: async (ws, terminal) => {
      const endpoint = await startS3Pod(ws, { tls: false });
      const keys = {
        "accessKey: accessKey": 'accessKey: "0123456789"',
        "secretKey: secretKey": 'secretKey: "0x12e10"',
      };
      edit(terminal, "examples/s3/oras.yaml", { "https://s3.example.com": endpoint, ...keys });
      return undefined;
    },
    prints: ["/artifacts/e2e-"],
  },
  "docs/how-to/remote-registry.md": {
    prepare: async (ws, terminal) => {
      edit(terminal, "examples/registry/oras.yaml", { "ghcr.io": await remote(ws, terminal) });
      return { "generic oras-env": "generic oras-env --from-file=ca.crt" };
    },
    prints: ["dinosaur/hello-world:remote", "sha256:", "oras-operator-read-oras-env created"],
  },
  "docs/how-to/private-ca.md": {
    prepare: async (ws, terminal) => {
      const registry = await remote(ws, terminal);
      edit(terminal, "examples/how-to/private-ca.yaml", {
        "registry: registry.example.com": `registry: ${registry}`,
      });
      return undefined;
    },
    prints: ["forest/simulation:run-1"],
  },
  "docs/how-to/indexed-jobs.md": {
    prints: ["forest/sample:2", /measure\] tree 1$/m, "tree 0\ntree 1\ntree 2\n"],
  },
  "docs/how-to/nodes.md": {
    bare: true,
    prepare: async () => {
      const [priority] = blocksOf("docs/how-to/nodes.md").filter(({ text }) =>
        text.includes("PriorityClass\n"),
      );
      await kubectl(["apply", "-f", "-"], priority?.text);
      onTestFinished(async () => {
        await kubectl(["delete", "priorityclass", "registries"]);
      });
      return undefined;
    },
    prints: [/oras-0 +2\/2 +Running/],
  },
  "docs/how-to/monitoring.md": { bare: true, prints: ["orascache_capacity_bytes"] },
  "docs/how-to/resources.md": { prints: [/oras:.*?memory: +128Mi/s] },
  "examples/tests/registry/README.md": { bare: true, prints: ["Login Succeeded"] },
  "examples/tests/folder/README.md": { bare: true, prints: ["results/trees/elm.txt:elm has 7 rings\n"] },
  "examples/tests/hello-world/README.md": { ...withSample, prints: ["blueberry"] },
  "examples/tests/multiple-hello-world/README.md": {
    ...withSample,
    prints: ["Hello from one\nHello from two\n"],
  },
  "examples/workflow/five-jobs/README.md": {
    bare: true,
    prints: ["oak 7 rings\telm 9 rings\n", /^report +Complete .* true$/m],
  },
  "examples/workflow/metrics/README.md": { bare: true, prints: ["job.batch/hwloc-0-m-0 condition met"] },
};
