import { once } from "node:events";
import { createServer } from "node:http";
import type { V1Secret } from "@kubernetes/client-node";
import { describe, expect, onTestFinished } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { get } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { test } from "../support/integration.ts";
import type { ObjectsIn } from "../support/objects-in.ts";
import { readyPod, registryPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

const report = { capacity: 1000, used: 940, free: 60, artifacts: 3, bytes: 900 };

/** A keeper at an address of its own, which notes by what token it was asked. */
async function keeperAt(host: string, body: object): Promise<string[]> {
  const tokens: string[] = [];
  const server = createServer((request, response) => {
    tokens.push(request.headers.authorization ?? "");
    response.end(JSON.stringify(body));
  });
  await once(server.listen(names.keeperPort, host), "listening");
  onTestFinished(() => void server.close());
  return tokens;
}

/** A registry whose Pod has an address at which the test listens. */
async function runAt(ns: ObjectsIn, podIP: string): Promise<void> {
  await ns.createCache();
  await registryPod(ns, "oras", { ...readyPod("2026-01-01T00:00:00Z"), podIP, podIPs: [{ ip: podIP }] });
  await ns.rollOut();
}

describe("the keeper of a registry", () => {
  test("says how full the volume is, to the operator by its token, once", async ({ ns, installed }) => {
    const mark = { cache: "x", volume: "drawn", since: "2026-01-01T00:00:00Z" };
    const tokens = await keeperAt("127.77.0.1", { ...report, mark });
    await runAt(ns, "127.77.0.1");
    const { message } = await ns.untilReason("oras", "StorageLow", "RefusesSteps");
    expect(message).toContain("94 % full (1000); 3 artifacts take 900. From 85 % on, steps");
    expect((await ns.status("oras"))?.storage).toMatchObject({
      ...{ kind: "emptyDir", capacity: "1000", used: "900", fullPercent: 94, artifacts: 3 },
      volumeID: "drawn",
    });
    await until(
      async () => (await ns.events("oras")).some(({ reason }) => reason === "RefusesSteps"),
      "the Event",
    );
    const place = { namespace: names.operatorNamespace, name: names.cacheKeySecret };
    const secret = await get<V1Secret & { kind: string }>(installed, resources.secrets, place);
    const operatorKey = Buffer.from(secret?.data?.["key"] ?? "", "base64").toString();
    const key = cacheKey(operatorKey, { name: "oras", namespace: ns.namespace });
    expect(tokens).toEqual([`Bearer ${keeperToken(key)}`]);
  });

  test("says what it cannot write to", async ({ ns }) => {
    await keeperAt("127.77.0.2", { ...report, free: 900, notWritable: "user 65532 cannot write to /x" });
    await runAt(ns, "127.77.0.2");
    const { message } = await ns.untilReason("oras", "Degraded", "VolumeNotWritable");
    expect(message).toContain("user 65532 cannot write to /x");
    expect((await ns.condition("oras", "Available"))?.status).toBe("True");
  });

  test("that is not reached is told once that lasts, stays told while it is asked anew, and not once it answers", async ({
    ns,
  }) => {
    const address = "127.77.0.4";
    await runAt(ns, address);
    await ns.untilReason("oras", "Ready", "RegistryReady");
    const { message } = await ns.untilReason("oras", "KeeperUnreachable", "KeeperRefusesConnections");
    expect(message).toContain(`connect ECONNREFUSED ${address}:5002`);
    expect(message).toContain(`NetworkPolicy oras lets in Pods of namespace ${names.operatorNamespace}`);
    // Steps go on.
    expect((await ns.condition("oras", "Ready"))?.status).toBe("True");
    await until(
      async () => (await ns.events("oras")).find(({ reason }) => reason === "KeeperRefusesConnections"),
      "the Event",
    );
    const { lastTransitionTime } = (await ns.condition("oras", "KeeperUnreachable")) ?? {};

    // Another keeper is asked at once, and one failure of it says nothing new.
    const startedAgain = (restartCount: number) => {
      const ready = readyPod("2026-01-01T00:00:00Z");
      const keeper = { name: "keeper", image: "x", imageID: "", ready: true, restartCount };
      const containerStatuses = [...(ready.containerStatuses ?? []), keeper];
      return ns.patchStatus(resources.pods, "oras-0", {
        ...ready,
        ...{ podIP: address, podIPs: [{ ip: address }], containerStatuses },
      });
    };
    await startedAgain(1);
    await ns.patch(resources.orasCaches, "oras", { spec: { storage: { warnAt: 71 } } });
    await until(
      async () => (await ns.status("oras"))?.observedGeneration === 2,
      "the operator to have looked again",
    );
    expect(await ns.condition("oras", "KeeperUnreachable")).toMatchObject({ lastTransitionTime });

    await keeperAt(address, { ...report, free: 900 });
    await startedAgain(2);
    await until(async () => (await ns.condition("oras", "KeeperUnreachable")) === undefined, "no word of it");
  });

  test("that answers nonsense makes no difference", async ({ ns }) => {
    const tokens = await keeperAt("127.77.0.3", { capacity: "everything" });
    await runAt(ns, "127.77.0.3");
    await until(async () => tokens.length > 0, "the question");
    await ns.untilReason("oras", "Ready", "RegistryReady");
    expect((await ns.status("oras"))?.storage).not.toHaveProperty("used");
  });
});
