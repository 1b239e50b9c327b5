import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { askReport } from "../../src/keeper/report.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { cacheOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { startKeptRegistry } from "../support/kept-registry.ts";
import { objectsIn } from "../support/objects-in.ts";
import { startProxy } from "../support/proxy.ts";
import { startRegistry } from "../support/registry.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("refused", { scope: "file" }, ({ installed }) => objectsIn(installed, "mirror-refused"));

describe("the operator", () => {
  test("says whether another registry has what is pushed", async ({ agent, installed, ns }) => {
    const remote = await startRegistry();
    const { hostname, port } = new URL(remote.url);
    const proxy = await startProxy({ hostname, port });
    const registry = `http://127.0.0.1:${proxy.port}/copies`;
    const set = await ns.createCache("oras", {
      auth: { type: "htpasswd" },
      mirrorTo: { registry, repositories: ["models/**"] },
    } as object);
    const keeper = set.spec?.template.spec?.containers.find(({ name }) => name === names.keeperContainer);
    const secret = await get<KubeObject & { data: { key: string } }>(installed, resources.secrets, {
      namespace: names.operatorNamespace,
      name: names.cacheKeySecret,
    });
    const operatorKey = Buffer.from(secret?.data.key ?? "", "base64").toString();
    const key = cacheKey(operatorKey, { name: "oras", namespace: ns.namespace });
    const kept = await startKeptRegistry(agent, key, {
      keeper: keeper?.args?.filter((arg) => arg.startsWith("--mirror")) ?? [],
    });
    await kept.push("models/a:v1");
    await kept.push("scratch/a:v1");
    let restarts = 0;
    // A keeper that was started again is asked at once.
    const askAgain = async () => {
      const ready = readyPod("2026-01-01T00:00:00Z");
      const keeperStatus = { name: "keeper", image: "x", imageID: "", ready: true, restartCount: restarts++ };
      await ns.patchStatus(resources.pods, "oras-0", {
        ...ready,
        ...{ podIP: kept.address, podIPs: [{ ip: kept.address }] },
        containerStatuses: [...(ready.containerStatuses ?? []), keeperStatus],
      });
    };
    await registryPod(ns, "oras", readyPod("2026-01-01T00:00:00Z"));
    await askAgain();
    await ns.rollOut("oras");
    await ns.untilReason("oras", "Mirrored", "Mirrored");
    const note = (reason: string) =>
      until(async () => (await ns.events("oras")).find((event) => event.reason === reason), reason);
    expect(await note("Mirrored")).toMatchObject({ type: "Normal" });
    const tags = async (repository: string) => {
      const answer = await fetch(`${remote.url}/v2/${repository}/tags/list`);
      return answer.ok ? ((await answer.json()) as { tags: string[] }).tags.sort() : [];
    };
    expect(await tags("copies/models/a")).toEqual(["v1"]);
    expect(await tags("copies/scratch/a")).toEqual([]);

    proxy.cut();
    await kept.push("models/a:v2");
    const report = () =>
      askReport(
        { host: `${kept.address}:${names.keeperPort}` },
        keeperToken(key),
        names.memoRepository,
        new AbortController().signal,
      );
    await until(
      async () => (await report()).report?.usage?.mirror?.trouble !== undefined,
      "the keeper to find it gone",
    );
    await askAgain();
    const { message } = await ns.untilReason("oras", "Mirrored", "MirrorFailed");
    expect(message).toContain(`Nothing is copied to ${registry}: `);
    expect(await note("MirrorFailed")).toMatchObject({ type: "Warning" });

    proxy.restore();
    await until(async () => (await tags("copies/models/a")).length === 2, "the mirror to catch up");
    await until(async () => (await report()).report?.usage?.mirror?.oldest === undefined, "nothing to wait");
    await askAgain();
    await ns.untilReason("oras", "Mirrored", "Mirrored");

    await ns.patch(resources.orasCaches, "oras", { spec: { mirrorTo: null } });
    await until(async () => (await ns.condition("oras", "Mirrored")) === undefined, "no word of a mirror");
    await kept.stop();
    await proxy.close();
    await remote.stop();
  });
});

describe("mirrorTo", () => {
  test.for<[string, object, string]>([
    [
      "of no registry",
      { deploy: false, mirrorTo: { registry: "ghcr.io" } },
      "mirrorTo may only be set where deploy is true",
    ],
    [
      "of a bucket",
      {
        storage: { s3: { endpoint: "https://s3.example", bucket: "some", secretRef: { name: "s3" } } },
        mirrorTo: { registry: "ghcr.io" },
      },
      "mirrorTo may only be set where storage.s3 is not",
    ],
    ["to nowhere", { mirrorTo: {} }, "spec.mirrorTo.registry"],
    ["to no registry", { mirrorTo: { registry: "ftp://host" } }, "spec.mirrorTo.registry"],
    ["of nothing", { mirrorTo: { registry: "ghcr.io", repositories: [] } }, "spec.mirrorTo.repositories"],
    [
      "of capitals",
      { mirrorTo: { registry: "ghcr.io", repositories: ["A"] } },
      "spec.mirrorTo.repositories[0]",
    ],
    [
      "with no Secret's name",
      { mirrorTo: { registry: "ghcr.io", secretRef: {} } },
      "spec.mirrorTo.secretRef.name",
    ],
  ])("is refused: %s", async ([, spec, message], { refused }) => {
    await expect(refused.create(resources.orasCaches, cacheOf("oras", spec))).rejects.toThrow(message);
  });

  test("copies everything where nothing else is said", async ({ ns }) => {
    await ns.createCache("oras", { mirrorTo: { registry: "ghcr.io/acme" } } as object);
    expect((await ns.cache("oras"))?.spec.mirrorTo).toEqual({
      registry: "ghcr.io/acme",
      repositories: ["**"],
    });
    await ns.untilReason("oras", "Mirrored", "NotMirrored");
  });
});
