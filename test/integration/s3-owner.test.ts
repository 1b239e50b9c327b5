import { expect } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey } from "../../src/cache/access.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { deleteManifest } from "../../src/registry/delete.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { test as base } from "../support/integration.ts";
import { startKeptRegistry } from "../support/kept-registry.ts";
import { failuresOf } from "../support/pages.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

const test = base.extend("agent", { scope: "file" }, () => agentProgram());
const mark = `${names.stateRepository}:${names.ownerTag}`;

test("the folder of a bucket is marked, and the mark of another cluster is told until it is removed", async ({
  agent,
  installed,
  ns,
  onTestFinished,
}) => {
  const secret = await get<KubeObject & { data: { key: string } }>(installed, resources.secrets, {
    namespace: names.operatorNamespace,
    name: names.cacheKeySecret,
  });
  const operatorKey = Buffer.from(Object.values(secret?.data ?? {})[0] ?? "", "base64").toString();
  // Where it keeps its data is no matter of whose mark it has.
  const registry = await startKeptRegistry(agent, cacheKey(operatorKey, { name: "oras", ...ns }));
  onTestFinished(registry.stop);
  const s3 = { endpoint: "https://s3.example", bucket: "artifacts", secretRef: { name: "s3" } };
  await ns.createCache("oras", { auth: { type: "htpasswd" }, storage: { s3 } } as object);
  const runs = readyPod("2026-01-01T00:00:00Z");
  const started = (restartCount: number) => ({
    ...runs,
    podIP: registry.address,
    podIPs: [{ ip: registry.address }],
    containerStatuses: runs.containerStatuses?.map((one) => ({ ...one, restartCount })) ?? [],
  });
  await registryPod(ns, "oras", started(0));
  await ns.rollOut("oras");
  await until(() => registry.has(names.stateRepository, names.ownerTag), "the mark");
  expect(await ns.untilReason("oras", "Ready", "RegistryReady")).toMatchObject({ status: "True" });

  await registry.push(mark, {
    annotations: {
      [names.ownerInstallationAnnotation]: "another",
      [names.ownerCacheAnnotation]: "theirs/oras",
    },
  });
  await ns.patchStatus(resources.pods, "oras-0", started(1));
  expect(failuresOf("docs/how-to/s3.md")).toContain("reason `PrefixTaken`");
  const taken = await ns.untilReason("oras", "Ready", "PrefixTaken");
  expect(taken).toMatchObject({
    status: "False",
    message: expect.stringMatching(
      /"theirs\/oras" of another cluster.*\(installation another\).*oras-cache rm/,
    ),
  });

  const { host, authorization } = registry;
  const signal = AbortSignal.timeout(10_000);
  const { stateRepository: repository, ownerTag: reference } = names;
  await deleteManifest({ peer: { host }, authorization, signal, repository, reference });
  await ns.patchStatus(resources.pods, "oras-0", started(2));
  expect(await ns.untilReason("oras", "Ready", "RegistryReady")).toMatchObject({ status: "True" });
  expect(await registry.has(names.stateRepository, names.ownerTag)).toBe(true);
});
