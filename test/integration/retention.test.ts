import type { V1Job } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { type PassSettings, planPass, runPass } from "../../src/controllers/retention-pass.ts";
import { stepInputs } from "../../src/controllers/step-inputs.ts";
import { retentionKeeper } from "../../src/keeper/retention.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { deleteManifest } from "../../src/registry/delete.ts";
import type { Policy } from "../../src/retention/facts.ts";
import { keepList, type Selection } from "../../src/retention/uses.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { type KeptRegistry, startKeptRegistry } from "../support/kept-registry.ts";
import { expectEntriesKept } from "../support/memo-retention.ts";
import { objectsIn } from "../support/objects-in.ts";
import { readyPod } from "../support/registry-pod.ts";
import { until } from "../support/wait.ts";

const day = 24 * 3_600_000;
const signal = new AbortController().signal;
const test = base.extend("agent", { scope: "file" }, () => agentProgram());

const policy: Policy = {
  rules: [{ repositories: ["scratch/**"], keepLast: 1, keepYoungerThan: day }],
  keepInputs: true,
  untaggedAfter: day,
  grace: 0,
};

function passOn(
  registry: KeptRegistry,
  key: string,
  uses: PassSettings["uses"],
  over: Partial<Policy> = {},
): PassSettings {
  return {
    policy: { ...policy, ...over },
    keep: keepList("scratch/mine:kept") as Selection,
    keeper: retentionKeeper({ host: `${registry.address}:5002` }, keeperToken(key), signal, (work) => work()),
    now: Date.now,
    uses,
    remove: (repository, reference) =>
      deleteManifest({
        peer: { host: registry.host },
        repository,
        reference,
        authorization: registry.authorization,
        signal,
      }),
    assertWanted: () => {},
    signal,
  };
}

describe("a pass on a real registry", () => {
  test("deletes what the plan says, and the space comes back", async ({ agent, installed }) => {
    const ns = await objectsIn(installed, "retention-pass");
    const key = cacheKey("secret", { name: "oras", namespace: ns.namespace });
    const registry = await startKeptRegistry(agent, key);
    const old = { ageMs: 3 * day, content: 200_000 };
    const input = await registry.push("scratch/mine:input", old);
    await registry.push("scratch/mine:running", old);
    await registry.push("scratch/mine:waiting-7", old);
    await registry.push("scratch/mine:over", old);
    await registry.push("scratch/mine:kept", old);
    await registry.push("scratch/mine:marked", { ...old, annotations: { [names.keepAnnotation]: "true" } });
    await registry.push("scratch/mine:last", {
      ...{ ageMs: 2 * day, content: 100_000 },
      annotations: { [names.artifactInputAnnotation]: input },
    });
    const gone = await registry.push("scratch/mine:gone", old);
    const about = await registry.push("scratch/mine", { ...old, subject: gone });
    const loose = await registry.push("models/a", old);
    await registry.push("models/a:v1", old);

    await ns.create(resources.pods, podOf("runs", { "input-uri": "scratch/mine:running" }) as KubeObject);
    await ns.create(resources.pods, podOf("has-ended", { "input-uri": "scratch/mine:over" }) as KubeObject);
    await ns.patchStatus(resources.pods, "has-ended", { phase: "Succeeded" });
    const job = jobOf("waits", { "input-uri": "scratch/mine:waiting-$(JOB_COMPLETION_INDEX)" }) as V1Job;
    await ns.create(resources.jobs, { ...job, spec: { ...job.spec, suspend: true } } as KubeObject);

    const pass = passOn(registry, key, () => stepInputs(installed, ns.namespace, signal));
    const before = registry.used();
    const plan = await planPass(pass);
    expect(registry.used()).toBe(before);
    expect(await registry.tags("scratch/mine")).toHaveLength(8);

    const done = await runPass(pass);
    expect(done.plan).toEqual(plan);
    expect(done.deleted).toEqual(plan.deletions);
    expect(done.spared).toBe(0);
    expect(await registry.tags("scratch/mine")).toEqual([
      "input",
      "kept",
      "last",
      "marked",
      "running",
      "waiting-7",
    ]);
    expect(await registry.tags("models/a")).toEqual(["v1"]);
    for (const digest of [gone, about]) expect(await registry.has("scratch/mine", digest)).toBe(false);
    expect(await registry.has("models/a", loose)).toBe(false);

    // The trash is emptied by the pass after the next.
    await runPass(pass);
    const last = await runPass(pass);
    expect(last.plan.deletions).toEqual([]);
    expect(registry.used()).toBeLessThan(last.plan.bytes.after * 1.05);
    expect(registry.used()).toBeGreaterThanOrEqual(last.plan.bytes.after);
    await registry.stop();
  });

  test("keeps results that are remembered for their time, with their entries, whatever rules say", async ({
    agent,
  }) => {
    const key = cacheKey("secret", { name: "oras", namespace: "work" });
    const registry = await startKeptRegistry(agent, key);
    await expectEntriesKept({
      ...registry,
      root: registry.data,
      push: (reference) => registry.push(reference, { content: 1_000 }),
      pass: (policy) => ({
        ...passOn(registry, key, async () => [], policy),
        keep: keepList("") as Selection,
      }),
    });
    await registry.stop();
  });

  test("frees what somebody else deleted, also without rules, and nothing that has a tag", async ({
    agent,
  }) => {
    const key = cacheKey("secret", { name: "oras", namespace: "any" });
    const registry = await startKeptRegistry(agent, key);
    const old = { ageMs: day, content: 200_000 };
    await registry.push("a:gone", old);
    await registry.push("a:stays", old);
    // As docs/troubleshooting.md has it for a registry that is full.
    const pass = passOn(registry, key, async () => [], { rules: [], untaggedAfter: 600_000 });
    await pass.remove("a", "gone");
    const before = registry.used();
    for (const _ of ["takes", "waits", "empties"]) await runPass(pass);
    expect(before - registry.used()).toBeGreaterThan(190_000);
    expect(await registry.tags("a")).toEqual(["stays"]);
    expect(await registry.has("a", "stays")).toBe(true);
    await registry.stop();
  });

  test("leaves what changes while it deletes", async ({ agent, installed }) => {
    const ns = await objectsIn(installed, "retention-race");
    const key = cacheKey("secret", { name: "oras", namespace: ns.namespace });
    const registry = await startKeptRegistry(agent, key);
    const old = { ageMs: 3 * day, content: "same" };
    await registry.push("scratch/a:again", old);
    await registry.push("scratch/a:moved", { ...old, content: "other" });
    await registry.push("scratch/a:used", { ...old, content: "used" });
    await registry.push("scratch/a:gone", { ...old, content: "gone" });
    let asked = 0;
    const pass = passOn(
      registry,
      key,
      async () => {
        // The first time for the plan; then what follows has happened since.
        if (asked++ === 0) return [];
        await registry.push("scratch/a:again", { content: "same" });
        await registry.push("scratch/a:moved", { content: "newer" });
        return ["scratch/a:used"];
      },
      { rules: [{ repositories: ["**"], keepYoungerThan: day }], grace: 3_600_000 },
    );
    const done = await runPass(pass);
    expect(done.deleted.flatMap(({ tags }) => tags.map(({ name }) => name))).toEqual(["gone"]);
    expect(done.spared).toBe(1);
    expect(await registry.tags("scratch/a")).toEqual(["again", "moved", "used"]);
    await registry.stop();
  });

  test.for([
    ["ahead of", -60 * day],
    ["behind", day],
  ] as const)(
    "deletes and sweeps nothing while its clock is %s the API server's by days",
    async ([how, ms], { agent, onTestFinished }) => {
      const key = cacheKey("secret", { name: "oras", namespace: "any" });
      const registry = await startKeptRegistry(agent, key);
      onTestFinished(registry.stop);
      await registry.push("scratch/a:old", { ageMs: 3 * day });
      await registry.push("scratch/a:new");
      const rules = [{ repositories: ["**"], keepYoungerThan: day }];
      const pass = passOn(registry, key, async () => [], { rules });
      const now = () => Date.now() + ms;
      await expect(runPass({ ...pass, now })).rejects.toThrow(
        `the clock of the registry's node is ${Math.abs(ms) / day}d ${how}`,
      );
      expect(await registry.tags("scratch/a")).toEqual(["new", "old"]);
      expect(await pass.keeper.lastPass()).toBe("none");
      await runPass(pass);
      expect(await registry.tags("scratch/a")).toEqual(["new"]);
    },
  );
});

describe("what is pulled", () => {
  const rules = [{ repositories: ["**"], keepPulledWithin: day }];

  test("stays, and what nobody pulls goes", async ({ agent }) => {
    const key = cacheKey("secret", { name: "oras", namespace: "any" });
    const registry = await startKeptRegistry(agent, key, { pullsSince: new Date(Date.now() - 3 * day) });
    const old = { ageMs: 3 * day };
    for (const tag of ["pulled", "again", "idle", "asked", "listed"]) await registry.push(`a:${tag}`, old);
    await registry.push("a:new");
    let asked = 0;
    const pass = passOn(
      registry,
      key,
      async () => {
        // After the first plan somebody comes for what it lets go.
        if (asked++ === 0) await registry.pull("a", "again");
        return [];
      },
      { rules, untaggedAfter: 0 },
    );
    await registry.pull("a", "pulled");
    expect(await registry.has("a", "asked")).toBe(true);
    await registry.pull("a", "listed", names.listingUserAgent);
    const pulls = async () =>
      pass.keeper.withInventory(
        async ({ manifests }) => manifests.filter(({ pulled }) => pulled !== undefined).length,
      );
    await until(async () => (await pulls()) === 1, "the keeper to know of it");

    const planned = await planPass(pass);
    expect(planned.deletions.flatMap(({ tags }) => tags.map(({ name }) => name)).sort()).toEqual([
      ...["again", "asked", "idle", "listed"],
    ]);
    await until(async () => (await pulls()) === 2, "the keeper to know of the other one");
    for (const deletion of planned.deletions) {
      const isPulled = deletion.tags.some(({ name }) => name === "again");
      expect(await pass.keeper.isUnchanged(deletion)).toBe(!isPulled);
    }
    await runPass(pass);
    expect(await registry.tags("a")).toEqual(["again", "new", "pulled"]);
    await registry.stop();
  });

  test("is not known at first: everything stays", async ({ agent }) => {
    const key = cacheKey("secret", { name: "oras", namespace: "any" });
    const registry = await startKeptRegistry(agent, key);
    await registry.push("a:idle", { ageMs: 3 * day });
    const { kept } = await planPass(passOn(registry, key, async () => [], { rules }));
    expect(kept).toMatchObject([{ tag: "idle", reason: "pullsUnknown" }]);
    await registry.stop();
  });

  test("goes last where all may take so much", async ({ agent }) => {
    const key = cacheKey("secret", { name: "oras", namespace: "any" });
    const registry = await startKeptRegistry(agent, key);
    for (const [tag, days] of [["oldest", 5] as const, ["older", 4] as const, ["old", 3] as const])
      await registry.push(`a:${tag}`, { ageMs: days * day, content: 100_000 });
    await registry.pull("a", "oldest");
    const pass = passOn(registry, key, async () => [], {
      ...{ rules: [{ repositories: ["**"], keepYoungerThan: day }], maxSize: 150_000 },
    });
    await until(
      () =>
        pass.keeper.withInventory(async ({ manifests }) =>
          manifests.some(({ pulled }) => pulled !== undefined),
        ),
      "the keeper to know of it",
    );
    await runPass(pass);
    expect(await registry.tags("a")).toEqual(["oldest"]);
    await registry.stop();
  });
});

describe("a step that comes while a pass deletes", () => {
  test("keeps its input, and what that was made from", async ({ agent, installed }) => {
    const ns = await objectsIn(installed, "retention-comes");
    const key = cacheKey("secret", { name: "oras", namespace: ns.namespace });
    const registry = await startKeptRegistry(agent, key);
    let input: string | undefined;
    for (const name of ["c", "b", "a"]) {
      const annotations = input === undefined ? {} : { [names.artifactInputAnnotation]: input };
      input = await registry.push(`scratch/x:${name}`, { ageMs: 3 * day, annotations });
    }
    await registry.push("scratch/y:z", { ageMs: 3 * day });
    let asked = 0;
    const pass = passOn(registry, key, async () => (asked++ === 0 ? [] : ["scratch/x:b"]), {
      rules: [{ repositories: ["**"], keepYoungerThan: day }],
    });
    const done = await runPass(pass);
    expect(await registry.tags("scratch/x")).toEqual(["b", "c"]);
    expect(await registry.tags("scratch/y")).toEqual([]);
    expect(done.deleted).toHaveLength(2);
    await registry.stop();
  });
});

describe("the operator", () => {
  test("tells what a dry run would delete, then does it at the schedule", async ({
    agent,
    installed,
    ns,
  }) => {
    const secret = await get<KubeObject & { data: { key: string } }>(installed, resources.secrets, {
      namespace: names.operatorNamespace,
      name: names.cacheKeySecret,
    });
    const operatorKey = Buffer.from(Object.values(secret?.data ?? {})[0] ?? "", "base64").toString();
    const key = cacheKey(operatorKey, { name: "oras", namespace: ns.namespace });
    const registry = await startKeptRegistry(agent, key, { pullsSince: new Date(Date.now() - 3 * day) });
    await registry.push("scratch/a:old", { ageMs: 3 * day });
    await registry.push("scratch/a:new");
    await registry.push("pulled/a:used", { ageMs: 3 * day });
    await registry.pull("pulled/a", "used");
    await registry.push("models/a:v1", { ageMs: 30 * day });

    const rules = [
      { repositories: ["scratch/*"], keepYoungerThan: "24h" },
      { repositories: ["pulled/*"], keepPulledWithin: "24h" },
    ];
    const retention = { schedule: "* * * * *", dryRun: true, rules, grace: "1s" };
    const set = await ns.createCache("oras", { auth: { type: "htpasswd" }, retention } as object);
    const { template } = set.spec ?? {};
    await ns.create(resources.pods, {
      metadata: { name: "oras-0", labels: template?.metadata?.labels ?? {} },
      ...({ spec: template?.spec } as object),
    });
    const status = {
      ...readyPod("2026-01-01T00:00:00Z"),
      podIP: registry.address,
      podIPs: [{ ip: registry.address }],
    };
    await ns.patchStatus(resources.pods, "oras-0", status);
    await ns.rollOut("oras");

    const planned = await ns.untilReason("oras", "SweepHealthy", "RetentionPlanned");
    expect(planned.message).toContain("1 tag and 1 manifest");
    expect(planned.message).toContain("rule 1: 1");
    expect(planned.message).toContain("scratch/a:old");
    expect(await registry.tags("scratch/a")).toEqual(["new", "old"]);
    expect(
      await until(
        async () => (await ns.events()).find(({ reason }) => reason === "RetentionPlanned"),
        "the Event",
      ),
    ).toMatchObject({
      type: "Normal",
      note: planned.message,
    });

    await ns.patch(resources.orasCaches, "oras", { spec: { retention: { dryRun: false } } });
    const swept = await ns.untilReason("oras", "SweepHealthy", "Swept");
    expect(swept).toMatchObject({
      status: "True",
      message: expect.stringContaining("Deleted 1 tag and 1 manifest (rule 1: 1)"),
    });
    expect(await registry.tags("scratch/a")).toEqual(["new"]);
    expect(await registry.tags("models/a")).toEqual(["v1"]);
    expect(await registry.tags("pulled/a")).toEqual(["used"]);
    const { storage } = (await ns.status("oras")) ?? {};
    expect(storage).toMatchObject({ lastSweep: expect.stringMatching(/Z$/), freedBytes: expect.any(Number) });

    await ns.patch(resources.orasCaches, "oras", {
      metadata: { annotations: { [names.keepAnnotation]: "Models/**" } },
    });
    const failed = await ns.untilReason("oras", "SweepHealthy", "SweepFailed");
    expect(failed.message).toContain('"Models/**"');
    await ns.patch(resources.orasCaches, "oras", { spec: { retention: null } });
    await until(
      async () => (await ns.condition("oras", "SweepHealthy")) === undefined,
      "no word of retention",
    );
    await registry.stop();
  });
});
