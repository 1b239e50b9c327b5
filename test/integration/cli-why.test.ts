import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { cacheOf, jobOf, podOf } from "../support/builders.ts";
import { endOf, makeEndedPod } from "../support/ended-jobs.ts";
import { test } from "../support/integration.ts";
import { makePlugin } from "../support/plugin.ts";
import { makeUser } from "../support/ui.ts";
import { until } from "../support/wait.ts";

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

describe("what holds a step", () => {
  test("is followed through all that wait before it", async ({ ns, plane, installed }) => {
    const waiting = async (name: string, map: Parameters<typeof jobOf>[1]) => {
      const made = jobOf(name, { "wait-for-inputs": "true", ...map }, "true", {
        suspend: true,
      }) as KubeObject;
      const labels = { [names.waitingLabel]: "true" };
      await ns.create(resources.jobs, { ...made, metadata: { ...made.metadata, labels } });
    };
    await ns.create(resources.orasCaches, cacheOf("oras") as KubeObject);
    await ns.create(resources.jobs, jobOf("south", { "output-uri": "south:1" }) as KubeObject);
    await waiting("merge", { "input-uri": "south:1", "output-uri": "merged:1" });
    await waiting("plot", { "input-uri": "merged:1", "output-uri": "plot:1" });
    await ns.patchStatus(resources.jobs, "south", endOf("Failed", "BackoffLimitExceeded"));
    await makeEndedPod(ns, "south", "Failed", "main", { exitCode: 5, reason: "Error" });
    const plugin = await makePlugin(ns.namespace);
    const cause = "job/south failed: Error: The container main ended with exit code 5.";
    for (const command of ["why", "status"]) {
      const { code, stdout } = await plugin.run(command, "job/plot");
      expect(code).toBe(0);
      expect(stdout).toContain(`Cannot start: ${cause}`);
      expect(stdout).toContain("kubectl oras-cache rerun job/south");
    }
    expect((await plugin.run("graph")).stdout).toMatch(
      /job\/plot {2}waiting\n(?: {2}.*\n)*? {2}cannot start: job\/south failed\n/,
    );

    // Who may see no more than this Job is told what is missing, and the rest.
    const user = await makeUser({ plane, client: installed }, ns.namespace, "sees-one");
    const group = "rbac.authorization.k8s.io";
    const of = `/apis/${group}/v1/namespaces/${ns.namespace}`;
    const rules = [{ apiGroups: ["batch"], resources: ["jobs"], verbs: ["get"] }];
    await installed.request({
      method: "POST",
      path: `${of}/roles`,
      body: { metadata: { name: "one" }, rules },
    });
    const subjects = [{ kind: "ServiceAccount", name: "sees-one", namespace: ns.namespace }];
    const body = {
      metadata: { name: "one" },
      subjects,
      roleRef: { apiGroup: group, kind: "Role", name: "one" },
    };
    await installed.request({ method: "POST", path: `${of}/rolebindings`, body });
    const sees = await makePlugin(ns.namespace, user);
    const { stdout } = await until(async () => {
      const ended = await sees.run("status", "job/plot");
      return ended.code === 0 && ended;
    }, "the right to count");
    expect(stdout).toContain("What holds the steps before it is not known: ");
    expect(stdout).toMatch(/[Ww]aits for/);
  });
});

describe("what is told of a step", () => {
  test("has its inputs, and nothing of how something was made that it has not made", async ({ ns }) => {
    const plugin = await makePlugin(ns.namespace);
    const made = await ns.create(resources.jobs, job);
    await ns.tell(made, "InputsAvailable", "Starts after 3 s with data/raw:v1 (sha256:1234).");
    await ns.tell(made, "InputTagMoved", "data/raw:v1 is another one by now.");
    await ns.patchStatus(resources.jobs, "fetch", endOf("Failed", "BackoffLimitExceeded"));
    await makeEndedPod(ns, "fetch", "Failed", "main", { exitCode: 3, reason: "Error" });
    const { stdout } = await plugin.run("why", "job/fetch");
    expect(stdout).toContain("Starts after 3 s with data/raw:v1 (sha256:1234).");
    expect(stdout).toContain("data/raw:v1 is another one by now.");
    expect(stdout).not.toContain("Nothing is recorded");
  });

  test("is how a step is named, where the name stands alone", async ({ ns }) => {
    const plugin = await makePlugin(ns.namespace);
    await ns.create(resources.jobs, job);
    const why = await plugin.run("why", "fetch");
    expect(why).toMatchObject({ code: exits.usage, stdout: "" });
    expect(why.stderr).toContain("job/fetch");
    const status = await plugin.run("status", "fetch");
    expect(status).toMatchObject({ code: exits.notFound, stdout: "" });
    expect(status.stderr).toContain("There is job/fetch: status job/fetch.");
    expect((await plugin.run("status", "none")).stderr).not.toContain("job/none");
  });
});
