import { createPrivateKey, type KeyObject } from "node:crypto";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import { writeIn } from "../../src/controllers/memo-store.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { canonical, sha256 } from "../../src/lineage/canonical.ts";
import { nameOfKey, referrerOf } from "../../src/lineage/sign.ts";
import { statementOf } from "../../src/lineage/statement.ts";
import { readManifest } from "../../src/registry/manifests.ts";
import { addReferrer } from "../../src/registry/referrers.ts";
import { agentProgram } from "../support/agent-pod.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { test as base } from "../support/integration.ts";
import { forwardedCache } from "../support/kept-caches.ts";
import type { KeptRegistry } from "../support/kept-registry.ts";
import type { Plugin } from "../support/plugin.ts";
import { ecKey } from "../support/signing-keys.ts";

/** A cache with its real registry behind the real API server, but no kubelet. */
const test = base
  .extend("agent", { scope: "file" }, () => agentProgram())
  .extend("kept", async ({ task, agent, installed, plane }, { onCleanup }) => {
    const namespace = `lineage-${task.id.replaceAll(/[^a-z0-9]+/g, "-")}x`;
    const kept = await forwardedCache({ agent, installed, plane }, namespace, onCleanup);
    return { ...kept, host: `oras-0.oras.${namespace}.svc.cluster.local:${names.registryPort}` };
  });

interface Run {
  readonly artifact: string;
  readonly digest: string;
  readonly step: string;
  readonly inputs?: readonly { readonly uri: string; readonly digest: string }[];
  readonly program?: string;
  readonly at?: number;
  readonly key?: KeyObject;
}

/** Writes what the operator would about a run. */
async function state(registry: KeptRegistry, host: string, run: Run): Promise<void> {
  const { artifact, digest, step, inputs = [], program = "x", at = 0 } = run;
  const [repository = ""] = artifact.split(":");
  const asked = {
    ...registry,
    peer: { host: registry.host },
    signal: AbortSignal.timeout(60_000),
    repository,
  };
  const subject = await readManifest(asked, repository, digest);
  if (subject === undefined) throw new Error(`there is no ${digest}`);
  const finishedOn = new Date(at * 1_000).toISOString();
  const text = canonical(
    statementOf({
      ...{
        artifact: `oci://${host}/${artifact}`,
        digest,
        finishedOn,
        annotations: {},
        operator: "1",
        bytes: 1,
      },
      step: { kind: "Job", namespace: "x", name: step },
      containers: [{ name: "main", image: "busybox", programDigest: program }],
      images: [{ name: "main", uri: "oci://busybox", digest: `sha256:${"e".repeat(64)}` }],
      inputs: inputs.map((input) => ({ ...input, uri: `oci://${input.uri}` })),
      pod: { uid: `uid-${step}-${at}`, name: `${step}-x7k2p` },
      exitCodes: { main: 0 },
    }),
  );
  const about = { invocation: `uid-${step}-${at}`, created: finishedOn };
  await addReferrer(asked, subject, { ...referrerOf(text, run.key), ...about }, () => {});
}

/** Writes what the operator would of a memoized step that has succeeded, with a variable. */
async function remember(
  registry: KeptRegistry,
  {
    artifact,
    digest,
    uid,
    at,
    value,
  }: { artifact: string; digest: string; uid: string; at: number; value: string },
): Promise<void> {
  const [repository = "", tag = ""] = artifact.split(":");
  const signal = AbortSignal.timeout(60_000);
  const own = { ...registry, peer: { host: registry.host }, signal, repository };
  const scope = { ...{ namespace: "x", name: "oras", uid: "u", secret: "s" }, state: undefined };
  const parts = canonical({ pod: { containers: [{ name: "main", env: [{ name: "LEVEL", value }] }] } });
  await writeIn(
    { registry: own, repository: names.memoRepository, scope, seen: new WeakMap(), now: () => at * 1_000 },
    {
      key: sha256(parts),
      parts,
      by: { kind: "Job", name: "make", uid },
      tag,
      output: { repository, digest },
    },
  );
}

async function done(plugin: Plugin, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await plugin.run(...args);
  expect({ args, code, stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

const short = (digest: string) => digest.slice(0, 19);

describe("trace", () => {
  test("tells who made an artifact from what, by statements, then by manifests, and which tag has moved", async ({
    kept: { host, registry, plugin },
  }) => {
    const raw = await registry.push("data/raw:v1");
    const parts = await registry.push("parts/all:v1", {
      annotations: { [names.artifactImageAnnotation]: "split:1", [names.artifactInputAnnotation]: raw },
    });
    const report = await registry.push("report/all:v1");
    await state(registry, host, {
      ...{ artifact: "report/all:v1", digest: report, step: "report" },
      inputs: [
        { uri: `${host}/parts/all:v1`, digest: parts },
        { uri: "ghcr.io/me/model:v1", digest: `sha256:${"f".repeat(64)}` },
      ],
    });
    const moved = await registry.push("parts/all:v1", { content: "later" });
    expect(await done(plugin, "trace", "report/all:v1")).toBe(
      [
        `report/all:v1  ${short(report)}`,
        "  made by job/report (Pod report-x7k2p), 1970-01-01T00:00:00.000Z",
        "  image busybox (sha256:eeeeeeeeeeee)",
        `  from parts/all:v1  ${short(parts)}`,
        "    as its manifest says; who made it is not recorded",
        `    the tag has moved since: now ${short(moved)}`,
        "    image split:1",
        `    from data/raw@${short(raw)}`,
        "      nothing tells how it was made",
        "  from oci://ghcr.io/me/model:v1  sha256:ffffffffffff",
        "    in another registry",
        "",
      ].join("\n"),
    );
    const told = JSON.parse(await done(plugin, "trace", "report/all:v1", "-o", "json"));
    expect(told).toMatchObject({
      source: "provenance",
      madeBy: { step: "job/report", pod: "report-x7k2p", isSigned: false },
      inputs: [
        { source: "manifest", digest: parts, moved, inputs: [{ digest: raw }] },
        { source: "unknown" },
      ],
    });

    const key = createPrivateKey(ecKey());
    await state(registry, host, { artifact: "report/all:v1", digest: report, step: "report", at: 60, key });
    const by = nameOfKey(key);
    expect(await done(plugin, "trace", "report/all:v1")).toContain(
      `1970-01-01T00:01:00.000Z, signed by key ${short(by)} (not verified here)\n`,
    );
    expect(JSON.parse(await done(plugin, "trace", "report/all:v1", "-o", "json"))).toMatchObject({
      madeBy: { isSigned: true, signedBy: by },
    });
    const missing = await plugin.run("trace", "report/none:v1");
    expect(missing).toMatchObject({ code: exits.notFound, stdout: "" });
  });
});

describe("why", () => {
  test("tells by its key what has changed that no statement records", async ({
    kept: { ns, host, registry, plugin },
  }) => {
    const artifact = "made/x:v1";
    const pod = await ns.create(resources.pods, podOf("make-x7k2p", {}) as KubeObject);
    const uid = pod.metadata?.uid ?? "";
    const run = async (value: string, at: number) => {
      const digest = await registry.push(artifact, { content: `${at}` });
      await state(registry, host, { artifact, digest, step: "make", at });
      await remember(registry, { artifact, digest, uid, at, value });
      const message = JSON.stringify({ artifact: `${host}/${artifact}`, digest, bytes: 1, seconds: 1 });
      const terminated = { exitCode: 0, finishedAt: new Date().toISOString(), message, containerID: "x" };
      const status = { name: names.pushContainer, ready: false, restartCount: 0, image: "x", imageID: "x" };
      await ns.patchStatus(resources.pods, "make-x7k2p", {
        phase: "Succeeded",
        containerStatuses: [{ ...status, state: { terminated } }],
      });
    };
    await run("quick", 10);
    expect(await done(plugin, "why", artifact)).not.toContain("key");
    await run("whole", 20);
    const changed =
      "  Its key is another than that of Job make of 1970-01-01T00:00:10.000Z:\n    pod.containers main.env LEVEL has another value\n";
    expect(await done(plugin, "why", artifact)).toContain(changed);
    expect((await plugin.run("why", "pod/make-x7k2p")).stdout).toContain(changed);
    await run("whole", 30);
    expect(await done(plugin, "why", artifact)).toContain(
      "  Its key is that of the result before, which was not taken.\n",
    );
    // What another step has made since tells nothing of this one.
    const digest = await registry.push(artifact, { content: "30" });
    await remember(registry, { artifact, digest, uid: "other", at: 40, value: "else" });
    expect((await plugin.run("why", "pod/make-x7k2p")).stdout).not.toContain("key");
    expect(JSON.parse(await done(plugin, "why", artifact, "-o", "json"))).toMatchObject({
      key: {
        before: "Job make of 1970-01-01T00:00:30.000Z",
        changes: ["pod.containers main.env LEVEL has another value"],
      },
    });
  });

  test("says that a step did not run, and nothing of how it was made", async ({ kept: { ns, plugin } }) => {
    const from = "Job/count Pod/count-x7k2p 2026-11-26T07:00:00.000Z";
    const job = jobOf("again", { "output-uri": "made/x:v1" }) as KubeObject;
    const annotations = { ...job.metadata?.annotations, [names.memoizedFromAnnotation]: from };
    await ns.create(resources.jobs, { ...job, metadata: { ...job.metadata, annotations } });
    const ended = { status: "True", reason: "Memoized", lastTransitionTime: "2026-11-26T08:00:00Z" };
    await ns.patchStatus(resources.jobs, "again", {
      ...{ startTime: "2026-11-26T08:00:00Z", completionTime: "2026-11-26T08:00:00Z", succeeded: 1 },
      conditions: [
        { ...ended, type: "SuccessCriteriaMet" },
        { ...ended, type: "Complete" },
      ],
    });
    const says = "Did not run: its result is that of Job count of 2026-11-26T07:00:00.000Z.";
    const told = async (command: string) => (await plugin.run(command, "job/again")).stdout;
    expect((await told("why")).split("\n").slice(1)).toEqual([`  ${says}`, ""]);
    expect(await told("status")).toContain(says);
    expect(await told("status")).not.toContain("It is complete.");
  });

  test("tells what has changed since the run before, of a step and of an artifact", async ({
    kept: { ns, host, registry, plugin },
  }) => {
    const [first, second] = [await registry.push("data/raw:v1"), await registry.push("data/raw:v2")];
    const [before, now] = [
      await registry.push("made/x:v1", { content: "1" }),
      await registry.push("made/x:v1"),
    ];
    const run = { artifact: "made/x:v1", step: "make" };
    const input = (digest: string) => [{ uri: `${host}/data/raw:v1`, digest }];
    await state(registry, host, { ...run, digest: before, inputs: input(first), at: 10 });
    await state(registry, host, { ...run, digest: now, inputs: input(second), program: "y", at: 20 });
    await ns.create(resources.pods, podOf("make-x7k2p", {}) as KubeObject);
    const message = JSON.stringify({
      artifact: `${host}/made/x:v1`,
      digest: now,
      bytes: 1,
      seconds: 1,
      replaced: before,
    });
    const terminated = { exitCode: 0, finishedAt: new Date().toISOString(), message, containerID: "x" };
    const status = { name: names.pushContainer, ready: false, restartCount: 0, image: "x", imageID: "x" };
    await ns.patchStatus(resources.pods, "make-x7k2p", {
      phase: "Succeeded",
      containerStatuses: [{ ...status, state: { terminated } }],
    });
    const { code, stdout } = await plugin.run("why", "pod/make-x7k2p");
    expect(code).toBe(0);
    expect(stdout).toContain("Since the run of 1970-01-01T00:00:10.000Z:");
    expect(stdout).toContain(`input oci://${host}/data/raw:v1: ${short(first)} -> ${short(second)}`);
    expect(stdout).toContain("program of container main: x -> y");

    await state(registry, host, { ...run, digest: now, inputs: input(second), program: "y", at: 30 });
    expect(await done(plugin, "why", "made/x:v1")).toContain(
      "All that is recorded was as in the run of 1970-01-01T00:00:20.000Z, with the same result",
    );
    expect(await done(plugin, "why", "data/raw:v1")).toContain("Nothing is recorded of how it was made.");
    const { lastRun } = JSON.parse(await done(plugin, "why", "made/x:v1", "-o", "json"));
    expect(lastRun).toMatchObject({ digest: now, before: { digest: now }, changes: [] });
    expect(await plugin.run("why", "job/none")).toMatchObject({ code: exits.notFound });
    expect(await plugin.run("why", "job/")).toMatchObject({ code: exits.usage });
  });
});
