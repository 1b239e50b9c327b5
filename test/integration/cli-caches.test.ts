import { randomBytes } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { V1Pod } from "@kubernetes/client-node";
import { describe, expect, onTestFinished } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { keeperToken } from "../../src/cache/access.ts";
import { selectorLabels } from "../../src/cache/labels.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { exits } from "../../src/cli/exits.ts";
import { runPass } from "../../src/controllers/retention-pass.ts";
import { stepInputs } from "../../src/controllers/step-inputs.ts";
import { retentionKeeper } from "../../src/keeper/retention.ts";
import { get, type KubeObject } from "../../src/kube/objects.ts";
import { pathOf, resources } from "../../src/kube/resources.ts";
import { deleteManifest } from "../../src/registry/delete.ts";
import { policyOf } from "../../src/retention/policy.ts";
import { keepList, type Selection } from "../../src/retention/uses.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { keyOf, podOf } from "../support/builders.ts";
import { falseClock } from "../support/clocks.ts";
import { temporaryFolder } from "../support/folders.ts";
import { test as base } from "../support/integration.ts";
import { forwardedCache } from "../support/kept-caches.ts";
import { objectsIn } from "../support/objects-in.ts";
import type { Plugin } from "../support/plugin.ts";
import { start } from "../support/processes.ts";
import { startStandIn } from "../support/stand-in.ts";
import { until } from "../support/wait.ts";

const day = 24 * 3_600_000;
const signal = new AbortController().signal;

/** A cache as it is in a cluster, with its real registry and keeper behind the real API server, but no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("kept", ({ task, agent, installed, plane }, { onCleanup }) => {
    const namespace = `cli-${task.id.replaceAll(/[^a-z0-9]+/g, "-")}x`;
    return forwardedCache({ agent, installed, plane }, namespace, onCleanup);
  });

async function done(plugin: Plugin, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plugin.run(...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

describe("ls", () => {
  test("says when a step pushed an artifact, and which step", async ({ kept: { ns, registry, plugin } }) => {
    const annotations = { [names.artifactImageAnnotation]: "busybox:1.36" };
    const digest = await registry.push("runs/a:v1", { ageMs: 3 * day, annotations });
    await registry.push("runs/a:v2", { ageMs: 4 * day, annotations });
    await ns.create(resources.pods, {
      ...podOf("maker-x7k2p", {}),
      metadata: {
        name: "maker-x7k2p",
        ownerReferences: [{ apiVersion: "batch/v1", kind: "Job", name: "maker", uid: "1", controller: true }],
      },
    } as KubeObject);
    const host = `oras-0.oras.${ns.namespace}.svc.cluster.local:${names.registryPort}`;
    const message = JSON.stringify({ artifact: `${host}/runs/a:v1`, digest, bytes: 1, seconds: 1 });
    const terminated = { exitCode: 0, finishedAt: new Date().toISOString(), message, containerID: "x" };
    const status = { name: names.pushContainer, ready: false, restartCount: 0, image: "x", imageID: "x" };
    await ns.patchStatus(resources.pods, "maker-x7k2p", {
      phase: "Succeeded",
      containerStatuses: [{ ...status, state: { terminated } }],
    });
    const [, first, second] = (await done(plugin, "ls")).split("\n");
    expect(first).toMatch(/^runs\/a:v1 .* job\/maker +- +3d$/);
    expect(second).toMatch(/^runs\/a:v2 .* busybox:1\.36 +- +4d$/);
    const { items } = JSON.parse(await done(plugin, "ls", "-o", "json"));
    expect(items[0]).toMatchObject({ artifact: "runs/a:v1", step: "job/maker", images: ["busybox:1.36"] });
    expect(Date.now() - Date.parse(items[0].pushed)).toBeGreaterThan(3 * day);
    // A shell waits for three seconds, which a busy machine may need.
    const complete = [...plugin.argv, "__complete", "get", "-n", plugin.namespace, "runs/"];
    await until(
      async () => (await start(complete, { env: plugin.env }).ended).stdout === "runs/a:v1\nruns/a:v2\n:4\n",
      "the names",
    );
  });

  test("works where nobody knows more", async ({ kept: { ns, registry, plugin } }) => {
    await registry.push("runs/a:v1");
    // A Secret's variables may put artifacts anywhere, so there is no keeper; that of an earlier version tells no user.
    await ns.remove(resources.orasCaches, "oras");
    await ns.create(resources.orasCaches, {
      metadata: { name: "oras" },
      spec: { secrets: { orasEnv: "own" } },
    } as KubeObject);
    await ns.patchStatus(resources.orasCaches, "oras", { credentialsSecret: "login" });
    expect(await done(plugin, "ls")).toMatch(/\nruns\/a:v1 .* - +- +-\n$/);
  });
});

test("ls, rm and status do not wait for a keeper that hangs, and say so", async ({
  kept: { ns, registry, plugin },
}) => {
  await registry.push("runs/a:v1");
  const condition = (type: string) => ({
    ...{ type, status: "True", reason: "RegistryReady", message: "The registry answers." },
    lastTransitionTime: new Date().toISOString(),
  });
  await ns.patchStatus(resources.orasCaches, "oras", {
    conditions: [condition("Ready"), condition("Available")],
  });
  await ns.create(resources.pods, {
    ...podOf("oras-0", {}),
    metadata: { name: "oras-0", labels: selectorLabels("oras") },
    spec: {
      containers: [names.registryContainer, names.keeperContainer].map((name) => ({ name, image: "x" })),
    },
  } as KubeObject);
  expect(await done(plugin, "status")).not.toContain("FAILS");
  registry.hang();
  const listed = await plugin.run("ls");
  expect(listed).toMatchObject({ code: 0, stdout: expect.stringContaining("runs/a:v1") });
  expect(listed.stderr).toMatch(
    /The keeper of the cache oras .* says nothing for 5 seconds.* --namespace \S+ logs oras-0 -c keeper/,
  );
  expect(await done(plugin, "rm", "--older-than", "1h")).toContain("Kept 1 whose age is not known");
  const page = await done(plugin, "status");
  const { code, stderr } = await plugin.run("status", "--cache", "other");
  expect({ code, stderr }).toEqual({
    code: exits.notFound,
    stderr: expect.stringContaining('There is no OrasCache "other"'),
  });
  expect(page).toMatch(
    /FAILS +The container keeper of the Pod oras-0 does not answer: it says nothing for 3/,
  );
  expect(page).toContain("kubectl logs oras-0 -c keeper");
  registry.goOn();
  expect(await done(plugin, "status")).not.toContain("FAILS");
});

test("put refuses what would fill the cache beyond its limit", async ({ agent, installed, plane }) => {
  const where = { agent, installed, plane };
  const { plugin, registry } = await forwardedCache(where, "cli-full", onTestFinished, {
    keeper: [`--limit=${2 ** 26}`],
    spec: { storage: { emptyDir: { sizeLimit: "64Mi" } } },
  });
  const folder = temporaryFolder("full");
  writeFileSync(join(folder, "small"), randomBytes(2 ** 16));
  writeFileSync(join(folder, "large"), randomBytes(80 * 2 ** 20));
  await done(plugin, "put", join(folder, "small"), "a/b:v1");
  const { code, stderr } = await plugin.run("put", join(folder, "large"), "a/b:v2");
  expect({ code, stderr }).toEqual({
    code: exits.failed,
    stderr: expect.stringMatching(/and 80Mi more would make that 1\d\d %: from 95 % on nothing is put/),
  });
  expect(await registry.tags("a/b")).toEqual(["v1"]);
});

test("ls -A: what a registry says in an error does not reach the terminal as it is", async ({
  kept: { ns, plugin },
}) => {
  const message = "\u001b]0;evil\u0007";
  const { base: address, stop } = await startStandIn((_, response) => {
    response.writeHead(400).end(JSON.stringify({ errors: [{ code: "EVIL", message }] }));
  });
  onTestFinished(stop);
  await ns.create(resources.orasCaches, {
    metadata: { name: "evil" },
    spec: { deploy: false, registry: address.href.replace(/\/$/, "") },
  } as KubeObject);
  const { code, stderr } = await plugin.run("ls", "-A");
  expect(code).toBe(exits.failed);
  expect(stderr).toContain(String.raw`EVIL: \u001b]0;evil\u0007`);
  expect(stderr).not.toContain("\u001b");
});

test("rotate asks the operator for another login, where there is one", async ({ kept: { ns, plugin } }) => {
  expect(await done(plugin, "rotate", "oras")).toContain("oras-1 stays valid for 24 hours after that");
  const asked = (await ns.cache("oras"))?.metadata?.annotations?.[names.rotateAnnotation];
  expect(Date.parse(asked ?? "")).toBeLessThanOrEqual(Date.now());
  await ns.patchStatus(resources.orasCaches, "oras", { credentialsSecret: null });
  const { code, stderr } = await plugin.run("rotate", "oras");
  expect({ code, stderr }).toEqual({
    code: exits.usage,
    stderr: expect.stringContaining("asks for no password"),
  });
});

test("rm --older-than removes what steps pushed that long ago", async ({ kept: { registry, plugin } }) => {
  await registry.push("runs/a:old", { ageMs: 3 * day });
  await registry.push("runs/a:young", { ageMs: day });
  // An old thing that came lately.
  const created = { "org.opencontainers.image.created": "2020-01-01T00:00:00Z" };
  await registry.push("runs/a:copied", { annotations: created });
  expect(await done(plugin, "rm", "--older-than", "2d", "--dry-run")).toBe("Would remove runs/a:old\n");
  const clock = falseClock();
  for (const days of [2, -2]) {
    clock.set(days);
    const { stdout, stderr } = await plugin.start(["rm", "--older-than", "2d", "--dry-run"], clock.env).ended;
    expect({ days, stdout, stderr }).toEqual({ days, stdout: "Would remove runs/a:old\n", stderr: "" });
  }
  expect(await done(plugin, "rm", "--older-than", "2d")).toBe("Removed runs/a:old\n");
  expect(await registry.tags("runs/a")).toEqual(["copied", "young"]);
});

describe("check --network-from", () => {
  test("makes a step there, reads how it ended, and deletes it", async ({
    kept: { ns, plugin },
    installed,
  }) => {
    const other = await objectsIn(installed, `${ns.namespace}-other`);
    const before = await ns.status("oras");
    const time = "2026-01-01T00:00:00Z";
    const available = {
      type: "Available",
      status: "True",
      reason: "RegistryReady",
      message: "",
      lastTransitionTime: time,
    };
    await ns.patchStatus(resources.orasCaches, "oras", {
      url: "http://oras-0.oras.x.svc.cluster.local:5000",
      conditions: [available],
    });
    const checked = plugin.run("check", "--network-from", other.namespace, "-o", "json");
    const path = pathOf(resources.pods, { namespace: other.namespace });
    const pods = async () => (await installed.request<{ items: V1Pod[] }>({ path })).items;
    const pod = await until(async () => (await pods())[0], "the Pod");
    expect(pod.metadata?.annotations).toMatchObject({
      [keyOf("registry")]: "http://oras-0.oras.x.svc.cluster.local:5000",
    });
    // What the kubelet says, which does not run beside an API server alone.
    const terminated = {
      exitCode: exitCodes.denied.code,
      reason: "Error",
      message: "the registry answers 401",
    };
    await other.patchStatus(resources.pods, pod.metadata?.name ?? "", {
      phase: "Failed",
      initContainerStatuses: [
        {
          name: names.pullContainer,
          ready: false,
          restartCount: 0,
          image: "x",
          imageID: "x",
          state: { terminated },
        },
      ],
    });
    const { stdout } = await checked;
    const { results } = JSON.parse(stdout) as { results: { about: string; state: string; detail: string }[] };
    expect(results.at(-1)).toMatchObject({ about: "Network", state: "?" });
    expect(results.at(-1)?.detail).toContain(
      `a Pod of the namespace ${other.namespace} reaches the registry of oras`,
    );
    expect(await pods()).toEqual([]);
    await ns.patchStatus(resources.orasCaches, "oras", {
      url: before?.url ?? null,
      conditions: before?.conditions ?? [],
    });
  });
});

describe("retention plan, as docs/cli.md shows it", () => {
  const retention = {
    rules: [{ repositories: ["scratch/**"], keepLast: 1, keepYoungerThan: "24h" }],
    schedule: "17 3 * * *",
    grace: "1m",
  };

  test("says what the next pass then deletes, and deletes nothing", async ({
    kept: { ns, key, registry, plugin },
    installed,
  }) => {
    for (const tag of ["a", "b", "c"]) await registry.push(`scratch/x:${tag}`, { ageMs: 3 * day });
    await registry.push("scratch/x:last", { ageMs: 2 * day });
    await registry.push("scratch/x:used", { ageMs: 3 * day });
    await registry.push("scratch/x:kept", { ageMs: 3 * day });
    await registry.push("models/x:v1", { ageMs: 3 * day });
    await ns.create(resources.pods, podOf("runs", { "input-uri": "scratch/x:used" }) as KubeObject);
    await ns.patch(resources.orasCaches, "oras", {
      metadata: { annotations: { [names.keepAnnotation]: "scratch/x:kept" } },
      spec: { retention },
    });
    const planned = await done(plugin, "retention", "plan");
    expect(planned).toMatch(
      /^ARTIFACT +RULE +WHY\nscratch\/x:[abc] +1 +not one of the last 1, older than 24h\n/,
    );
    expect(planned).toMatch(
      /\nThe next pass \(\d{4}-\d\d-\d\dT03:17Z\) deletes 3 tags and 3 manifests, .* Kept: /,
    );
    const named = (await done(plugin, "retention", "plan", "oras", "-o", "name")).trim().split("\n");
    expect(named.sort()).toEqual(["scratch/x:a", "scratch/x:b", "scratch/x:c"]);
    const byOption = await done(plugin, "retention", "plan", "--cache", "oras", "-o", "name");
    expect(byOption.trim().split("\n").sort()).toEqual(named);
    expect(await registry.tags("scratch/x")).toHaveLength(6);

    const cache = (await get(installed, resources.orasCaches, {
      namespace: ns.namespace,
      name: "oras",
    })) as unknown as StoredOrasCache;
    const { deleted } = await runPass({
      policy: policyOf(cache.spec.retention as never),
      keep: keepList("scratch/x:kept") as Selection,
      keeper: retentionKeeper(
        { host: `${registry.address}:${names.keeperPort}` },
        keeperToken(key),
        signal,
        (work) => work(),
      ),
      now: Date.now,
      uses: () => stepInputs(installed, ns.namespace, signal),
      remove: (repository, reference) => {
        const { host, authorization } = registry;
        return deleteManifest({ peer: { host }, repository, reference, authorization, signal });
      },
      assertWanted: () => {},
      signal,
    });
    const tags = deleted.flatMap(({ repository, tags: all }) =>
      all.map(({ name }) => `${repository}:${name}`),
    );
    expect(tags.sort()).toEqual(named);
    expect(await done(plugin, "retention", "plan")).toMatch(
      /^The next pass \(.*\) deletes 0 tags and 0 manifests/,
    );
  });

  test("says why nothing is deleted, or known", async ({ kept: { ns, plugin } }) => {
    const says = async (code: number, words: RegExp) => {
      const { code: ended, stdout, stderr } = await plugin.run("retention", "plan");
      expect({ ended, text: stdout + stderr }).toEqual({ ended: code, text: expect.stringMatching(words) });
    };
    await says(exits.usage, /has no spec\.retention/);
    await ns.patch(resources.orasCaches, "oras", { spec: { retention: { ...retention, suspend: true } } });
    await says(0, /^Nothing is deleted, because spec\.retention\.suspend is true; .* would delete 0 tags/);
    await ns.patch(resources.orasCaches, "oras", {
      metadata: { annotations: { [names.keepAnnotation]: "a/b:v1, Not OK" } },
    });
    await says(exits.failed, /"Not" is not a repository/);
  });
});

describe("diff", () => {
  const write = (folder: string, path: string, text: string) => {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  };

  test("names the files of folders that are added, removed and changed, as diff does", async ({
    kept: { plugin },
  }) => {
    const folder = join(temporaryFolder("diff"), "bones");
    write(folder, "same", "same");
    write(folder, "goes", "goes");
    write(folder, "deep/changes", "before");
    linkSync(join(folder, "same"), join(folder, "hard"));
    symlinkSync("same", join(folder, "link"));
    await done(plugin, "put", folder, "a/b:v1");
    await done(plugin, "put", folder, "a/b:equal");
    expect(await plugin.run("diff", "a/b:v1", "a/b:equal")).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });

    write(folder, "deep/changes", "after it");
    write(folder, "comes", "");
    chmodSync(join(folder, "same"), 0o755);
    symlinkSync("comes", join(folder, "link2"));
    for (const name of ["goes", "link"]) rmSync(join(folder, name));
    symlinkSync("deep", join(folder, "link"));
    await done(plugin, "put", folder, "a/b:v2");
    const { code, stdout } = await plugin.run("diff", "a/b:v1", "a/b:v2");
    expect(code).toBe(1);
    expect(stdout.replaceAll(/ +/g, " ").split("\n")).toEqual([
      "CHANGE FILE BEFORE AFTER",
      "added bones/comes - 0B",
      "changed bones/deep/changes 6B 8B",
      "removed bones/goes 4B -",
      "changed bones/link link to same link to deep",
      "added bones/link2 - link to comes",
      "",
    ]);
    const json = await plugin.run("diff", "a/b:v2", "a/b:v1", "-o", "json");
    expect(JSON.parse(json.stdout).items[0]).toMatchObject({ change: "removed", path: "bones/comes" });
  });

  test("compares single files with those of folders, and says 2 where it cannot compare", async ({
    kept: { plugin, registry },
  }) => {
    const folder = temporaryFolder("diff");
    write(folder, "notes", "text");
    await done(plugin, "put", join(folder, "notes"), "a/file:v1");
    await done(plugin, "put", `${folder}/.`, "a/folder:v1");
    expect(await plugin.run("diff", "a/file:v1", "a/folder:v1")).toMatchObject({ code: 0, stdout: "" });
    await registry.push("an/image:v1");
    const refused = await plugin.run("diff", "a/file:v1", "an/image:v1");
    expect(refused).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("has no files") });
    expect(await plugin.run("diff", "a/file:v1", "a/file:v9")).toMatchObject({ code: exits.notFound });
  });
});
