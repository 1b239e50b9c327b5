import { Agent } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { expect } from "vitest";
import { createRegistry, digestOf } from "../../src/cli/oci/registry.ts";
import type { Registry } from "../../src/cli/oci/types.ts";
import { inParallel } from "../../src/common/in-parallel.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { temporaryFolder } from "../support/folders.ts";
import { test } from "../support/integration.ts";
import { objectsIn } from "../support/objects-in.ts";
import { makePlugin } from "../support/plugin.ts";
import { startRegistry } from "../support/registry.ts";

const count = 5000;
const mediaType = "application/vnd.oci.image.manifest.v1+json";
const artifacts = Array.from({ length: count }, (_, i) => ({ repository: `runs/${i % 50}`, tag: `v${i}` }));

function clientOf(url: string): Registry {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  return createRegistry({ base: new URL(url), agent, agentFor: () => agent, login: undefined });
}

async function pushTo(registry: Registry, repository: string, tag: string): Promise<string> {
  const blobs = [Buffer.from("{}"), Buffer.from(`what ${repository}:${tag} is`)];
  const [config, ...layers] = blobs.map((bytes) => ({
    mediaType: "application/octet-stream",
    digest: digestOf(bytes),
    size: bytes.length,
  }));
  for (const bytes of blobs) {
    const blob = { digest: digestOf(bytes), size: bytes.length, open: () => Readable.from([bytes]) };
    await registry.pushBlob(repository, blob);
  }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers }));
  await registry.pushManifest(repository, tag, { bytes, mediaType });
  return digestOf(bytes);
}

test(`a backup of ${count} artifacts, restored elsewhere, has the same digests`, {
  timeout: 900_000,
}, async ({ installed, plane, onTestFinished }) => {
  const [from, to] = await Promise.all([startRegistry(), startRegistry()]);
  onTestFinished(async () => {
    await Promise.all([from.stop(), to.stop()]);
  });
  const source = clientOf(from.url);
  const digests = await inParallel(artifacts, ({ repository, tag }) => pushTo(source, repository, tag));
  const ns = await objectsIn(installed, "backup");
  for (const [name, { url }] of Object.entries({ from, to })) {
    const spec = { deploy: false, registry: url };
    await ns.create(resources.orasCaches, { metadata: { name }, spec } as KubeObject);
  }
  const plugin = await makePlugin(ns.namespace, plane.kubeconfig);
  const folder = join(temporaryFolder("backup"), "oras");
  const run = async (command: string, cache: string) => {
    const begun = performance.now();
    const { code, stdout } = await plugin.run(command, cache, folder, "-o", "json");
    expect(code).toBe(0);
    console.info({ command, seconds: Math.round((performance.now() - begun) / 1000) });
    return JSON.parse(stdout);
  };
  expect(await run("backup", "from")).toMatchObject({ artifacts: count, copied: count });
  expect(await run("backup", "from")).toMatchObject({ artifacts: count, copied: 0, bytes: 0 });
  expect(await run("restore", "to")).toMatchObject({ artifacts: count, copied: count });
  const target = clientOf(to.url);
  const restored = await inParallel(artifacts, ({ repository, tag }) => target.resolve(repository, tag));
  expect(restored).toEqual(digests);
});
