import { createPrivateKey, type KeyObject } from "node:crypto";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { exits } from "../../src/cli/exits.ts";
import { findIn, type MemoStore, retagIn, writeIn } from "../../src/controllers/memo-store.ts";
import type { KubeObject } from "../../src/kube/objects.ts";
import { resources } from "../../src/kube/resources.ts";
import { canonical, sha256 } from "../../src/lineage/canonical.ts";
import { nameOfKey, referrerOf } from "../../src/lineage/sign.ts";
import { statementOf } from "../../src/lineage/statement.ts";
import { readManifest, writeManifest } from "../../src/registry/manifests.ts";
import { addReferrer } from "../../src/registry/referrers.ts";
import { indexManifest } from "../../src/workflow/output-index.ts";
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
  readonly run?: string;
  readonly isLeft?: true;
  readonly key?: KeyObject;
}

/** Writes what the operator would about a run. */
async function state(registry: KeptRegistry, host: string, run: Run): Promise<void> {
  const { artifact, digest, step, inputs = [], program = "x", at = 0, run: ofRun } = run;
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
      run: ofRun,
      ...(run.isLeft && { isLeft: true, exitCodes: { main: 7 } }),
    }),
  );
  const about = { invocation: `uid-${step}-${at}`, created: finishedOn };
  await addReferrer(asked, subject, { ...referrerOf(text, run.key), ...about }, () => {});
}

/** Where the operator keeps what it remembers. */
function storeIn(registry: KeptRegistry, at: number): MemoStore {
  const signal = AbortSignal.timeout(60_000);
  const own = { ...registry, peer: { host: registry.host }, signal };
  const scope = { ...{ namespace: "x", name: "oras", uid: "u", secret: "s" }, state: undefined };
  return {
    registry: own,
    repository: names.memoRepository,
    scope,
    seen: new WeakMap(),
    now: () => at * 1_000,
  };
}

/** The parts of a key, which differ in a variable. */
const partsWith = (value: string) =>
  canonical({ pod: { containers: [{ name: "main", env: [{ name: "LEVEL", value }] }] } });

/** Writes what the operator would of a memoized step that has succeeded, with a variable. */
async function remember(
  registry: KeptRegistry,
  {
    artifact,
    digest,
    at,
    value,
    by,
  }: {
    artifact: string;
    digest: string;
    at: number;
    value: string;
    by: { name: string; uid: string; pod?: string };
  },
): Promise<void> {
  const [repository = "", tag = ""] = artifact.split(":");
  const parts = partsWith(value);
  const entry = {
    key: sha256(parts),
    parts,
    by: { kind: "Job", ...by },
    tag,
    output: { repository, digest },
  };
  await writeIn(storeIn(registry, at), entry);
}

/** Gives a tag the result that was remembered, as the operator does of a step that does the same work. */
async function take(registry: KeptRegistry, artifact: string, value: string): Promise<void> {
  const [repository = "", tag = ""] = artifact.split(":");
  const store = storeIn(registry, 1_000);
  const found = await findIn(store, sha256(partsWith(value)), undefined);
  if (found.kind !== "hit") throw new Error(`it is not remembered: ${JSON.stringify(found)}`);
  const limits = { before: undefined, deadline: 1_000_000 + 50_000 };
  expect(await retagIn(store, found.entry, { repository, tag }, limits)).toEqual({ kind: "done" });
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

describe("trace of bytes that several steps have made", () => {
  /** Two runs of two steps, which make the same; the second run is the later one. */
  async function runTwice(registry: KeptRegistry, host: string, bytes: string) {
    const found = { raw: "", plot: "" };
    for (const [n, at] of [
      [1, 10],
      [2, 20],
    ] as const) {
      const raw = await registry.push(`raw:t${n}`, { content: `${bytes} raw` });
      const plot = await registry.push(`plot:t${n}`, { content: `${bytes} plot` });
      const about = { run: `t${n}` };
      await state(registry, host, { ...about, artifact: `raw:t${n}`, digest: raw, step: `t${n}-raw`, at });
      await state(registry, host, {
        ...{ ...about, artifact: `plot:t${n}`, digest: plot, step: `t${n}-plot`, at: at + 2 },
        inputs: [{ uri: `${host}/raw:t${n}`, digest: raw }],
      });
      Object.assign(found, { raw, plot });
    }
    return found;
  }

  test("the statement of the name that was asked for tells, and each input is of the same run", async ({
    kept: { host, registry, plugin },
  }) => {
    const { raw, plot } = await runTwice(registry, host, "1");
    for (const [n, at, then] of [
      [1, 12, 10],
      [2, 22, 20],
    ]) {
      expect(await done(plugin, "trace", `plot:t${n}`)).toBe(
        [
          `plot:t${n}  ${short(plot)}`,
          `  made by job/t${n}-plot (Pod t${n}-plot-x7k2p), 1970-01-01T00:00:${at}.000Z`,
          "  image busybox (sha256:eeeeeeeeeeee)",
          `  from raw:t${n}  ${short(raw)}`,
          `    made by job/t${n}-raw (Pod t${n}-raw-x7k2p), 1970-01-01T00:00:${then}.000Z`,
          "    image busybox (sha256:eeeeeeeeeeee)",
          "",
        ].join("\n"),
      );
    }
    const told = JSON.parse(await done(plugin, "trace", "plot:t1", "-o", "json"));
    expect(told).toMatchObject({
      ...{ madeBy: { step: "job/t1-plot", artifact: "plot:t1", run: "t1" }, chosenBy: "name" },
      sameBytesBy: [{ step: "job/t2-plot", artifact: "plot:t2", run: "t2" }],
    });
    const earlier = { artifact: "plot:t1", digest: plot, step: "t1-plot", run: "t1", program: "y", at: 5 };
    await state(registry, host, earlier);
    expect(await done(plugin, "why", "plot:t1")).toContain("    program of container main: y -> x\n");
  });

  test("a name of which no statement tells says how many have made it", async ({
    kept: { host, registry, plugin },
  }) => {
    const { raw } = await runTwice(registry, host, "1");
    await registry.push("raw:mine", { content: "1 raw" });
    for (const name of ["raw:mine", `raw@${raw}`])
      expect(await done(plugin, "trace", name)).toContain(
        "  the same bytes were made by 2 steps; the latest: job/t2-raw (Pod t2-raw-x7k2p) as raw:t2, ",
      );
    const other = await registry.push("raw:t3", { content: "3 raw" });
    await state(registry, host, { artifact: "raw:t3", digest: other, step: "t3-raw" });
    await registry.push("raw:theirs", { content: "3 raw" });
    expect(await done(plugin, "trace", "raw:theirs")).toContain(
      "  made by job/t3-raw (Pod t3-raw-x7k2p) as raw:t3, ",
    );
    expect(JSON.parse(await done(plugin, "trace", "raw:mine", "-o", "json"))).toMatchObject({
      ...{ chosenBy: "bytes", madeBy: { step: "job/t2-raw" }, sameBytesBy: [{ step: "job/t1-raw" }] },
    });
  });

  test("a result that was remembered is told as that of its step, in the same repository and in another", async ({
    kept: { host, registry, plugin },
  }) => {
    const { raw, plot } = await runTwice(registry, host, "1");
    const by = { name: "t1-plot", uid: "u1", pod: "t1-plot-x7k2p" };
    await remember(registry, { artifact: "plot:t1", digest: plot, by, at: 12, value: "quick" });
    for (const taken of ["plot:u", "copies/plot:1"]) {
      await take(registry, taken, "quick");
      expect(await done(plugin, "trace", taken)).toBe(
        [
          `${taken}  ${short(plot)}`,
          "  result of job/t1-plot (memoized), made by Pod t1-plot-x7k2p as plot:t1, 1970-01-01T00:00:12.000Z",
          "  image busybox (sha256:eeeeeeeeeeee)",
          `  from raw:t1  ${short(raw)}`,
          "    made by job/t1-raw (Pod t1-raw-x7k2p), 1970-01-01T00:00:10.000Z",
          "    image busybox (sha256:eeeeeeeeeeee)",
          "",
        ].join("\n"),
      );
    }
    expect(JSON.parse(await done(plugin, "trace", "copies/plot:1", "-o", "json"))).toMatchObject({
      chosenBy: "memoized",
      memoizedFrom: { step: "job/t1-plot", pod: "t1-plot-x7k2p", at: "1970-01-01T00:00:12.000Z" },
      inputs: [{ artifact: "raw:t1" }],
    });
    // Where statements are not written, what is remembered tells.
    const alone = await registry.push("alone:1", { content: "alone" });
    const maker = { name: "alone", uid: "u2", pod: "alone-x7k2p" };
    await remember(registry, { artifact: "alone:1", digest: alone, by: maker, at: 30, value: "alone" });
    await take(registry, "alone:2", "alone");
    expect(await done(plugin, "trace", "alone:2")).toContain(
      "  result of job/alone (memoized), made by Pod alone-x7k2p, 1970-01-01T00:00:30.000Z\n",
    );
  });

  test("what a failed step has left is told as that", async ({ kept: { host, registry, plugin } }) => {
    const digest = await registry.push("failed/x:1", { content: "half" });
    await state(registry, host, { artifact: "failed/x:1", digest, step: "flaky", isLeft: true });
    expect(await done(plugin, "trace", "failed/x:1")).toContain(
      "  left by job/flaky (Pod flaky-x7k2p), which failed, 1970-01-01T00:00:00.000Z, container main ended with exit code 7\n",
    );
    const told = JSON.parse(await done(plugin, "trace", "failed/x:1", "-o", "json"));
    expect(told).toMatchObject({ madeBy: { isLeft: true } });
  });

  test("a copy in another repository is told by the statements about what it is a copy of", async ({
    kept: { host, registry, plugin },
  }) => {
    const made = { content: "x", annotations: { [names.artifactImageAnnotation]: "split:1" } };
    const digest = await registry.push("made/x:1", made);
    await state(registry, host, { artifact: "made/x:1", digest, step: "make" });
    await registry.push("copy/x:1", made);
    expect(await done(plugin, "trace", "copy/x:1")).toContain(
      "  made by job/make (Pod make-x7k2p) as made/x:1, ",
    );
  });

  test("an index is followed to its parts", async ({ kept: { host, registry, plugin } }) => {
    const parts: { digest: string; mediaType: string; size: number; index: number }[] = [];
    for (const index of [0, 1]) {
      const digest = await registry.push(`s:${index}`, { content: `part ${index}` });
      await state(registry, host, { artifact: `s:${index}`, digest, step: "samples", at: index });
      const mediaType = "application/vnd.oci.image.manifest.v1+json";
      parts.push({ digest, mediaType, size: 1, index });
    }
    const { mediaType, bytes } = indexManifest(parts);
    const own = { ...registry, peer: { host: registry.host }, signal: AbortSignal.timeout(60_000) };
    await writeManifest(own, "s", "all", { mediaType, bytes: bytes.toString() });
    const all = `sha256:${sha256(bytes.toString())}`;
    const gathered = await registry.push("gathered:1", { content: "all" });
    await state(registry, host, {
      ...{ artifact: "gathered:1", digest: gathered, step: "gather" },
      inputs: [{ uri: `${host}/s:all`, digest: all }],
    });
    expect(await done(plugin, "trace", "gathered:1")).toContain(
      [
        `  from s:all  ${short(all)}`,
        "    an index of 2 parts",
        `    part s@${short(parts[0]?.digest ?? "")}`,
        "      made by job/samples (Pod samples-x7k2p) as s:0, 1970-01-01T00:00:00.000Z",
        "      image busybox (sha256:eeeeeeeeeeee)",
        `    part s@${short(parts[1]?.digest ?? "")}`,
        "      made by job/samples (Pod samples-x7k2p) as s:1, 1970-01-01T00:00:01.000Z",
        "",
      ].join("\n"),
    );
    const told = JSON.parse(await done(plugin, "trace", "s:all", "-o", "json"));
    expect(told).toMatchObject({ source: "index", parts: [{ madeBy: { step: "job/samples" } }, {}] });
  });
});

describe("ls", () => {
  test("names inputs of the same run, also in other repositories, and who made the parts of an index", async ({
    kept: { ns, host, registry, plugin },
  }) => {
    const raw = await registry.push("raw:t1", { content: "raw" });
    for (const tag of ["t2", "t3"]) await registry.push(`raw:${tag}`, { content: "raw" });
    const annotations = { [names.artifactInputAnnotation]: raw };
    for (const tag of ["t1", "t2", "mine"]) await registry.push(`plot:${tag}`, { annotations });
    const part = await registry.push("s:0", { content: "part" });
    const mediaType = "application/vnd.oci.image.manifest.v1+json";
    const index = indexManifest([{ index: 0, digest: part, mediaType, size: 1 }]);
    const own = { ...registry, peer: { host: registry.host }, signal: AbortSignal.timeout(60_000) };
    await writeManifest(own, "s", "all", { ...index, bytes: index.bytes.toString() });
    await ns.create(resources.pods, podOf("samples-0", {}) as KubeObject);
    const message = JSON.stringify({ artifact: `${host}/s:0`, digest: part, bytes: 1, seconds: 1 });
    const terminated = { exitCode: 0, finishedAt: new Date().toISOString(), message, containerID: "x" };
    const status = { name: names.pushContainer, ready: false, restartCount: 0, image: "x", imageID: "x" };
    await ns.patchStatus(resources.pods, "samples-0", {
      phase: "Succeeded",
      containerStatuses: [{ ...status, state: { terminated } }],
    });
    for (const command of [["ls"], ["ls", "plot"]]) {
      const { items } = JSON.parse((await plugin.run(...command, "-o", "json")).stdout) as {
        items: { artifact: string; from: object[] }[];
      };
      const fromOf = (name: string) => items.find(({ artifact }) => artifact === name)?.from;
      expect(fromOf("plot:t1")).toEqual([{ digest: raw, artifact: "raw:t1" }]);
      expect(fromOf("plot:t2")).toEqual([{ digest: raw, artifact: "raw:t2" }]);
      expect(fromOf("plot:mine")).toMatchObject([{ digest: raw, others: 2 }]);
    }
    expect((await plugin.run("ls", "s")).stdout).toMatch(/s:all .* pod\/samples-0 /);
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
      await remember(registry, { artifact, digest, by: { name: "make", uid }, at, value });
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
    await remember(registry, { artifact, digest, by: { name: "make", uid: "other" }, at: 40, value: "else" });
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
