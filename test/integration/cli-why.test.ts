import { describe, expect } from "vitest";
import { exits } from "../../src/cli/exits.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { cacheOf, jobOf, podOf } from "../support/builders.ts";
import { makeEndedPod } from "../support/ended-jobs.ts";
import { test } from "../support/integration.ts";
import { makePlugin } from "../support/plugin.ts";

const job = jobOf("fetch", { "input-uri": "data/raw:v1", "output-uri": "climate/raw:v1" }) as KubeObject;

describe("Events of a step", () => {
  test("are of the one that is there: none of an earlier one of its name, and none of what that has left", async ({
    installed,
    ns,
  }) => {
    const plugin = await makePlugin(ns.namespace);
    const told = async (command: string) => (await plugin.run(command, "job/fetch")).stdout;
    const before = await ns.create(resources.jobs, job);
    await ns.tell(before, "MemoMiss", "Runs, as the one before.");
    await makeEndedPod(ns, "fetch", "Failed", "main", { exitCode: 3, reason: "Error" });
    const left = await ns.read<KubeObject>(resources.pods, "fetch-x7k2p");
    await ns.tell(left as KubeObject, "Killing", "Of a Pod that is left.");
    expect(await told("why")).toContain("Runs, as the one before.");
    expect(await told("why")).toContain("ended with exit code 3");
    expect(await told("status")).toContain("Of a Pod that is left.");

    // As kubectl does it: the API server alone would keep it for its garbage collector.
    const path = pathOf(resources.jobs, { namespace: ns.namespace, name: "fetch" });
    await installed.request({ method: "DELETE", path, body: { propagationPolicy: "Background" } });
    const gone = await plugin.run("why", "job/fetch");
    expect(gone).toMatchObject({ code: exits.notFound, stdout: "" });
    expect(gone.stderr).toContain('There is no Job "fetch" in the namespace');
    expect(gone.stderr).toContain("A Job of that name was deleted. The last Events of that one:\n");
    expect(gone.stderr).toContain("MemoMiss: Runs, as the one before.");

    const now = await ns.create(resources.jobs, job);
    await ns.tell(now, "Memoized", "Did not run, as the one of now.");
    for (const command of ["why", "status"]) {
      const text = await told(command);
      expect(text).toContain("Did not run, as the one of now.");
      for (const old of ["as the one before", "exit code 3", "fetch-x7k2p", "Of a Pod that is left"])
        expect(text).not.toContain(old);
    }
  });

  test("are the same for a Pod and a cache that have come again", async ({ ns }) => {
    const plugin = await makePlugin(ns.namespace);
    const steps: readonly (readonly [string, KubeObject, Parameters<typeof ns.create>[0]])[] = [
      ["pod/alone", podOf("alone", { "input-uri": "data/raw:v1" }) as KubeObject, resources.pods],
      ["oras", cacheOf("oras") as KubeObject, resources.orasCaches],
    ];
    for (const [name, object, resource] of steps) {
      const own = object.metadata?.name ?? "";
      await ns.tell(await ns.create(resource, object), "MemoMiss", "Of the one before.");
      expect((await plugin.run("status", name)).stdout).toContain("Of the one before.");
      await ns.remove(resource, own);
      await ns.tell(await ns.create(resource, object), "Memoized", "Of the one of now.");
      const { stdout } = await plugin.run("status", name);
      expect(stdout).toContain("Of the one of now.");
      expect(stdout).not.toContain("Of the one before.");
    }
  });
});
