import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseAllDocuments } from "yaml";
import { names } from "../../generated/names.ts";
import { start, temporaryFolder } from "../support/sidecar.ts";
import { endOf, kubectl, tryKubectl } from "../support/step.ts";

const registry = "examples/tests/registry/oras.yaml";
/** Every file but two, which need what is not here: ghcr.io, and the Metrics Operator. */
const examples = [
  registry,
  "examples/tests/hello-world/pod.yaml",
  "examples/tests/hello-world/pod-with-storage.yaml",
  "examples/tests/hello-world/job.yaml",
  "examples/tests/hello-world/next/job.yaml",
  "examples/tests/multiple-hello-world/pods-1.yaml",
  "examples/tests/multiple-hello-world/pod-2.yaml",
  "examples/registry/oras.yaml",
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

/** Waits until the Pods and Jobs of a file have ended with success. */
async function succeeded(namespace: string, file: string): Promise<void> {
  for (const { kind, metadata } of objectsIn(file)) {
    const condition: Record<string, string> = {
      Pod: "--for=jsonpath={.status.phase}=Succeeded",
      Job: "--for=condition=Complete",
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

  it.each(examples)("%s works, and applied again is a no-op", async (file) => {
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
    const pod = `${objectsIn(registry)[0]?.metadata.name}-0`;
    const host = (
      await kubectl(["-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}"])
    ).trim();
    const folder = temporaryFolder("breakfast");
    const env = { ...process.env, HOME: "/nonexistent" };
    const { code, stderr } = await start(
      [
        "oras",
        "pull",
        "--plain-http",
        `${host}:${names.registryPort}/dinosaur/hello-world:pancakes`,
        "-o",
        folder,
      ],
      { env },
    ).ended;
    expect(code, stderr).toBe(0);
    expect(readFileSync(join(folder, "pancakes.txt"), "utf8")).toBe("blueberry\n");
    const both = JSON.parse(await kubectl(["-n", namespace, "get", "pod", "hello-world-both", "-o", "json"]));
    expect(endOf(both, "hello-world")?.exitCode).toBe(0);
    expect(await kubectl(["-n", namespace, "logs", "hello-world-both", "-c", "hello-world"])).toContain(
      "Hello from one\nHello from two\n",
    );
    expect(await kubectl(["-n", namespace, "logs", "job/brunch", "-c", "brunch"])).toContain("blueberry");
  });
});
