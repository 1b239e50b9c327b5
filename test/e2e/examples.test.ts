import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../schema/names.ts";
import { endOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { kubectl, tryKubectl } from "../support/kubectl.ts";
import { blocksOf, commandsOf } from "../support/pages.ts";
import { startServers } from "../support/servers.ts";
import { openTerminal, type } from "../support/typed.ts";
import { until } from "../support/wait.ts";

const registry = "examples/tests/registry/oras.yaml";
/** Every file but the MetricSets, whose operator is not here, and the Pod whose registry is ghcr.io: see below. */
const examples = [
  registry,
  "examples/tests/folder/oras.yaml",
  "examples/tests/folder/job.yaml",
  "examples/tests/folder/next/job.yaml",
  "examples/tests/hello-world/pod.yaml",
  "examples/tests/hello-world/pod-with-storage.yaml",
  "examples/tests/hello-world/job.yaml",
  "examples/tests/hello-world/next/job.yaml",
  "examples/tests/multiple-hello-world/pods-1.yaml",
  "examples/tests/multiple-hello-world/pod-2.yaml",
  "examples/registry/oras.yaml",
  "examples/workflow/five-jobs/oras.yaml",
  "examples/workflow/five-jobs/jobs.yaml",
  "examples/workflow/metrics/oras.yaml",
  "examples/workflow/metrics/stand-in/metrics.yaml",
];

interface Named {
  kind: string;
  metadata: { name: string };
}

/** What kubectl prints of one object, or of several. */
interface Stored {
  items?: Stored[];
  metadata: { uid: string; generation?: number };
  spec: unknown;
}

const objectsIn = (file: string) =>
  parseAllDocuments(readFileSync(file, "utf8")).map((d) => d.toJS() as Named);

/** The commands of a page that log in to a registry. */
function login(page: string): string[] {
  const block = blocksOf(page).find(({ text }) => text.includes("oras login"));
  if (block === undefined) throw new Error(`${page} has no block with oras login`);
  return commandsOf(block);
}

/** Waits until the Pods and Jobs of a file have ended with success. */
async function succeeded(namespace: string, file: string): Promise<void> {
  for (const { kind, metadata } of objectsIn(file)) {
    const condition: Record<string, string> = {
      Pod: "--for=jsonpath={.status.phase}=Succeeded",
      Job: "--for=condition=Complete",
      StatefulSet: "--for=jsonpath={.status.readyReplicas}=1",
      [names.kind]: "--for=condition=Available",
    };
    if (file === "examples/registry/oras.yaml") continue; // it runs no registry
    await kubectl([
      "-n",
      namespace,
      "wait",
      `${kind}/${metadata.name}`,
      condition[kind] ?? "",
      "--timeout=120s",
    ]);
  }
}

describe.each([
  ["client-side", []],
  ["server-side", ["--server-side"]],
])("every example applied %s", (side, flags) => {
  const namespace = `examples-${side}-${Date.now().toString(36)}`;
  beforeAll(() => kubectl(["create", "namespace", namespace]));
  afterAll(() => kubectl(["delete", "namespace", namespace, "--wait=false"]));

  it.for(examples)("%s works, and applied again is a no-op", async (file) => {
    const apply = () => tryKubectl(["-n", namespace, "apply", ...flags, "-f", file]);
    const first = await apply();
    expect(first.code, first.stderr).toBe(0);
    await succeeded(namespace, file);
    const stored = async () => {
      const found = JSON.parse(await kubectl(["-n", namespace, "get", "-f", file, "-o", "json"])) as Stored;
      return (found.items ?? [found]).map(({ metadata, spec }) => ({
        uid: metadata.uid,
        generation: metadata.generation,
        spec,
      }));
    };
    const before = await stored();
    const second = await apply();
    expect(second.code, second.stderr).toBe(0);
    const unchanged = side === "client-side" ? /(unchanged|configured)$/ : /serverside-applied$/;
    for (const line of second.stdout.trim().split("\n")) expect(line).toMatch(unchanged);
    expect(await stored()).toEqual(before);
    await succeeded(namespace, file);
  });

  it("breakfast: its pancakes are in the registry, and multiple-hello-world read both inputs", async () => {
    const terminal = await openTerminal(namespace);
    const typed = await type(terminal, [
      ...login("examples/tests/registry/README.md"),
      "oras pull --plain-http localhost:5000/dinosaur/hello-world:pancakes",
    ]);
    expect(typed.code, typed.stderr).toBe(0);
    expect(typed.stdout).toContain("dinosaur/hello-world\n");
    expect(readFileSync(join(terminal.folder, "pancakes.txt"), "utf8")).toBe("blueberry\n");
    const both = JSON.parse(await kubectl(["-n", namespace, "get", "pod", "hello-world-both", "-o", "json"]));
    expect(endOf(both, "hello-world")?.exitCode).toBe(0);
    expect(await kubectl(["-n", namespace, "logs", "hello-world-both", "-c", "hello-world"])).toContain(
      "Hello from one\nHello from two\n",
    );
    expect(await kubectl(["-n", namespace, "logs", "job/brunch", "-c", "brunch"])).toContain("blueberry");
  });

  it("folder: the second Job has every file of the folder that the first wrote", async () => {
    expect(await kubectl(["-n", namespace, "logs", "job/summarize", "-c", "summarize"])).toBe(
      [
        "results/summary.txt:3 trees",
        "results/trees/ash.txt:ash has 7 rings",
        "results/trees/elm.txt:elm has 7 rings",
        "results/trees/oak.txt:oak has 7 rings",
        "",
      ].join("\n"),
    );
  });

  it("workflow/five-jobs: each Job read what the one before wrote, and waited for it", async () => {
    const get = (...args: string[]) => kubectl(["-n", namespace, ...args]);
    expect(await get("logs", "job/report", "-c", "report")).toBe("oak 7 rings\telm 9 rings\n");
    const started = async (job: string) =>
      new Date(await get("get", "job", job, "-o", "jsonpath={.status.startTime}")).getTime();
    const starts = await Promise.all(["measure", "oaks", "compare", "report"].map(started));
    expect(starts).toEqual([...starts].sort((a, b) => a - b));
    const conditions = await get(
      "get",
      "job",
      "report",
      "-o",
      `jsonpath={.status.conditions[?(@.type=="${names.inputsAvailable}")].status}`,
    );
    expect(conditions).toBe("True");
  });

  it("workflow/metrics: the file and the directory are in the registry, and the worker is left alone", async () => {
    const get = async (...args: string[]) => kubectl(["-n", namespace, ...args]);
    const containers = (pod: string) => get("get", pod, "-o", "jsonpath={.spec.containers[*].name}");
    expect(await containers("pod/lammps-0-w-0-0")).toBe("workers");
    const terminal = await openTerminal(namespace);
    const { code, stderr } = await type(terminal, login("examples/workflow/metrics/README.md"));
    expect(code, stderr).toBe(0);
    for (const file of ["lammps.out", "analysis/architecture.png", "analysis/machine.xml"]) {
      expect(readFileSync(join(terminal.folder, file), "utf8")).not.toBe("");
    }
  });
});

describe("examples/registry", () => {
  it("with a registry of the cluster in the place of ghcr.io: what the Pod pushes, the next step reads", async ({
    ws,
  }) => {
    const servers = await startServers(ws, {});
    const { user, password, registry, ca } = servers;
    const [cache] = objectsIn("examples/registry/oras.yaml") as (Named & { spec: object })[];
    const [pod] = objectsIn("examples/registry/pod.yaml");
    await ws.apply({ ...cache, spec: { ...cache?.spec, registry } });
    await ws.apply({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "oras-env" },
      stringData: {
        ORAS_USER: user,
        ORAS_PUSH_PASS: password,
        ORAS_PULL_PASS: password,
        "ca.crt": ca,
      },
    });
    // What the webhook knows of the cache, it has from a watch.
    await until(async () => {
      const { stderr } = await tryKubectl([
        "-n",
        ws.namespace,
        "apply",
        "--dry-run=server",
        "-f",
        "examples/registry/pod.yaml",
      ]);
      return stderr === "";
    }, "the cache to be known");
    await ws.apply(pod as object);
    expect((await ws.ended(pod?.metadata.name ?? "")).status?.phase).toBe("Succeeded");
    const map = {
      "oras-cache": cache?.metadata.name ?? "",
      "oras-env": "oras-env",
      "input-uri": "dinosaur/hello-world:remote",
    };
    await ws.step("next", map, "cat hello-world.txt");
    expect(await ws.log("next", "main")).toBe("Hello, world\n");
  });
});
