import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test as base, describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { cacheKey, keeperToken } from "../../src/cache/access.ts";
import { type PassSettings, planPass, runPass } from "../../src/controllers/retention-pass.ts";
import { retentionKeeper } from "../../src/keeper/retention.ts";
import { deleteManifest } from "../../src/registry/delete.ts";
import { claimStorage } from "../../src/registry/owner.ts";
import type { Policy } from "../../src/retention/facts.ts";
import { keepList, type Selection } from "../../src/retention/uses.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { temporaryFolder } from "../support/folders.ts";
import { pusherTo } from "../support/memo.ts";
import { expectEntriesKept } from "../support/memo-retention.ts";
import { stockOras } from "../support/oras.ts";
import { start } from "../support/processes.ts";
import { startRegistry } from "../support/registry.ts";
import { s3Environment, s3Owner, startS3, startS3Keeper } from "../support/s3.ts";
import { until } from "../support/wait.ts";

const day = 24 * 3_600_000;
const signal = new AbortController().signal;
const key = cacheKey("secret", { name: "oras", namespace: "work" });
const test = base.extend("agent", { scope: "file" }, () => agentProgram());

/** A bucket, two registries in one folder of it, and the keeper of the first one. */
async function startAll(agent: string) {
  const s3 = await startS3();
  const environment = s3Environment(s3);
  const replicas = await Promise.all([1, 2].map(() => startRegistry({ environment })));
  const keeper = await startS3Keeper(agent, s3, { key, installation: "this" });
  const [one, two] = replicas as [(typeof replicas)[0], (typeof replicas)[0]];
  const claim = (installation: string) =>
    claimStorage(
      { peer: { host: one.host }, authorization: undefined, signal },
      { installation, cache: s3Owner },
    );
  const folder = join(s3.objects, ...s3Owner.split("/"));
  let turn = 0;
  return {
    one,
    two,
    claim,
    /** Of the cache, in the bucket. */
    folder,
    /** Pushes an artifact of so many random bytes by one and the other, and makes it older. */
    push: async (reference: string, ageMs: number, size = 100_000) => {
      const files = temporaryFolder("pushed");
      writeFileSync(join(files, "out"), randomBytes(size));
      const { host } = replicas[turn++ % 2] ?? one;
      const args = ["push", "--plain-http", `${host}/${reference}`, "out"];
      const { code, stderr } = await start(["oras", ...args], { cwd: files, env: await stockOras() }).ended;
      expect([code, stderr]).toEqual([0, ""]);
      const [repository = "", tag = ""] = reference.split(":");
      const time = new Date(Date.now() - ageMs);
      const below = join(folder, "docker/registry/v2/repositories", repository, "_manifests");
      for (const { name, parentPath } of readdirSync(below, { recursive: true, withFileTypes: true }))
        if (name === "link" && (parentPath.includes(`/tags/${tag}/`) || parentPath.includes("/revisions/")))
          if (statSync(join(parentPath, name)).mtimeMs > Date.now() - day)
            utimesSync(join(parentPath, name), time, time);
    },
    tags: async (repository: string) => {
      const answer = await fetch(`${two.url}/v2/${repository}/tags/list`);
      return answer.ok ? (((await answer.json()) as { tags: string[] | null }).tags ?? []).sort() : [];
    },
    ask: async (method: string, path: string) => {
      const url = `http://${keeper.address}:${names.keeperPort}${path}`;
      const answer = await fetch(url, { method, headers: { authorization: `Bearer ${keeperToken(key)}` } });
      return { status: answer.status, body: await answer.text() };
    },
    // With its last object, a folder is gone.
    objects: () =>
      existsSync(folder)
        ? readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
        : [],
    pass: (policy: Policy, uses: string[] = []): PassSettings => ({
      policy,
      keep: keepList("") as Selection,
      keeper: retentionKeeper(
        { host: `${keeper.address}:${names.keeperPort}` },
        keeperToken(key),
        signal,
        (work) => work(),
      ),
      uses: async () => uses,
      remove: (repository, reference) =>
        deleteManifest({ peer: { host: one.host }, repository, reference, authorization: undefined, signal }),
      assertWanted: () => {},
      now: Date.now,
      signal,
    }),
    stop: async () => {
      await Promise.all([...replicas.map(({ stop }) => stop()), keeper.stop()]);
      await s3.stop();
    },
  };
}

describe("retention with S3 and two registries", () => {
  test("deletes by rules, keeps inputs, and frees the space", { timeout: 300_000 }, async ({
    agent,
    onTestFinished,
  }) => {
    const all = await startAll(agent);
    onTestFinished(all.stop);
    const policy: Policy = {
      rules: [{ repositories: ["**"], keepLast: 1 }],
      ...{ keepInputs: true, untaggedAfter: 0, grace: 0 },
    };
    for (const [tag, days] of [["old", 4] as const, ["used", 3] as const, ["last", 2] as const])
      await all.push(`runs/a:${tag}`, days * day);
    // Nobody has said whose the folder is, or another one has.
    await expect(runPass(all.pass(policy))).rejects.toThrow(/after|mark/);
    expect(await all.tags("runs/a")).toEqual(["last", "old", "used"]);
    await all.claim("this");

    const plan = await planPass(all.pass(policy, ["runs/a:used"]));
    expect(plan.deletions.map(({ tags }) => tags.map(({ name }) => name))).toEqual([["old"]]);
    const done = await runPass(all.pass(policy, ["runs/a:used"]));
    expect(done.deleted).toHaveLength(1);
    expect(await all.tags("runs/a")).toEqual(["last", "used"]);
    const mark = `${all.two.url}/v2/${names.stateRepository}/manifests/${names.ownerTag}`;
    const accept = "application/vnd.oci.image.manifest.v1+json";
    expect((await fetch(mark, { headers: { accept } })).status).toBe(200);
    // The trash is emptied by the pass after the next.
    await runPass(all.pass(policy, ["runs/a:used"]));
    const last = await runPass(all.pass(policy, ["runs/a:used"]));
    expect(last.sweep.freed).toBeGreaterThan(100_000);
    const bytes = all
      .objects()
      .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    expect(bytes).toBeLessThan(220_000);
    expect(await all.tags("runs/a")).toEqual(["last", "used"]);
  });

  test("keeps results that are remembered for their time, with their entries, whatever rules say", {
    timeout: 300_000,
  }, async ({ agent, onTestFinished }) => {
    const all = await startAll(agent);
    onTestFinished(all.stop);
    await all.claim("this");
    const pusher = pusherTo(all.one.url);
    await expectEntriesKept({
      ...{ host: all.two.host, authorization: undefined, root: all.folder, tags: all.tags, pass: all.pass },
      push: async (reference) => {
        const [repository = "", tag = ""] = reference.split(":");
        return (await pusher.push(repository, tag, randomBytes(1_000))).digest;
      },
      has: async (repository, digest) => (await pusher.digest(repository, digest)) !== undefined,
    });
  });

  test("empties the folder of its own cache alone", { timeout: 300_000 }, async ({
    agent,
    onTestFinished,
  }) => {
    const all = await startAll(agent);
    onTestFinished(all.stop);
    await all.push("runs/a:some", 0);
    const emptied = async () => {
      expect((await all.ask("POST", "/empty")).status).toBe(202);
      return until(async () => {
        const { emptying, ...how } = JSON.parse((await all.ask("GET", "/empty")).body) as {
          emptying: boolean;
          done: boolean;
          failure?: string;
        };
        return emptying ? undefined : how;
      }, "the end of it");
    };
    await all.claim("another");
    const before = all.objects().length;
    expect(await emptied()).toMatchObject({ done: false, failure: expect.stringContaining("another") });
    expect(all.objects()).toHaveLength(before);

    const peer = { host: all.one.host };
    const { stateRepository: repository, ownerTag: reference } = names;
    await deleteManifest({ peer, repository, reference, authorization: undefined, signal });
    await all.claim("this");
    expect(await emptied()).toMatchObject({ done: true });
    expect(all.objects()).toEqual([]);
  });
});
