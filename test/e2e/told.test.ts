import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import type { StoredOrasCache } from "../../src/cache/types.ts";
import { cacheOf, endOf, jobOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { told, toldAbout } from "../support/events.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({ "output-uri": `${name}:1`, "output-path": "out" });

describe.concurrent("what became of a step is reported", () => {
  it("I4: a cache that is not there: at once, on the Pod, with the names of those that are", async ({
    ws,
  }) => {
    const map: StepAnnotations = { "input-uri": "a/b:1", "oras-cache": "orass" };
    await ws.apply(podOf("no-cache", map));
    expect(await told(ws, "Pod", "no-cache", "CacheNotFound")).toContain(
      `There is no ${names.kind} "orass" in namespace "${ws.namespace}"; it has: oras.`,
    );
    await ws.kubectl("delete", "pod", "no-cache", "--now", "--wait=false");
  });

  it("I9: what was pushed, as its author named it, on the Pod and on its Job; a tag that moves, with both digests", async ({
    ws,
  }) => {
    const digest = async () => (await ws.oras("resolve", "--plain-http", "{registry}/moved:1")).stdout.trim();
    await ws.apply(jobOf("first", { "output-uri": "moved:1", "output-path": "out" }, "echo first > out"));
    expect(await ws.verdict("first")).toBe("Complete");
    const before = await digest();
    const { metadata } = await ws.podOf("first");
    const pushed = `Pushed: Pushed moved:1 (${before}), `;
    expect(await told(ws, "Job", "first", "Pushed")).toContain(pushed);
    expect(await told(ws, "Pod", metadata?.name ?? "", "Pushed")).toContain(pushed);
    await ws.step("second", { "output-uri": "moved:1", "output-path": "out" }, "echo second > out");
    expect(await told(ws, "Pod", "second", "TagMoved")).toBe(
      `TagMoved: moved:1 moved from ${before} to ${await digest()}, pushed by Pod second.`,
    );
    expect(await toldAbout(ws, "Job", "first")).toHaveLength(1);
  });
});

describe("sec-12: Pods that pretend to be steps", () => {
  const coloured = "\\033[31mrun this\\033[0m";

  /** A Pod that forges a termination message, with the operator's label and container name. */
  function forged(name: string, message: string, exitCode: number, metadata: object = {}): V1Pod {
    const script = `printf '${message}' > /dev/termination-log; exit ${exitCode}`;
    const mounts = [{ name: names.shareVolume, mountPath: names.sharePath }];
    const pod = podOf(name, {}, script, { name: names.pushContainer, volumeMounts: mounts });
    const volumes = [{ name: names.shareVolume, emptyDir: {} }];
    const labels = { [names.injectedLabel]: "true" };
    return { ...pod, metadata: { name, labels, ...metadata }, spec: { ...pod.spec, volumes } };
  }

  it("bring no Event to a Job that is not theirs, and stop nobody from being told", async ({ ws }) => {
    await ws.apply(jobOf("innocent"));
    await ws.verdict("innocent");
    const job = JSON.parse(await ws.kubectl("get", "job", "innocent", "-o", "json")) as V1Job;
    const { uid = "" } = job.metadata ?? {};
    const owner = { apiVersion: "batch/v1", kind: "Job", name: "innocent", uid, controller: true };
    const { code } = exitCodes.pushFailed;
    const hacked = `hacked\\n${coloured} (exit code ${code})`;
    const digest = `sha256:${"0".repeat(64)}`;
    const sizes = ["1e999", "-1", "null", '"7"'];
    const all = [
      ...sizes.map((bytes, i) =>
        forged(`poison-${i}`, `{"artifact":"a","digest":"${digest}","bytes":${bytes},"seconds":1}`, 0),
      ),
      forged("liar", hacked, code, { ownerReferences: [owner] }),
      forged("other-uid", hacked, code, { ownerReferences: [{ ...owner, uid: crypto.randomUUID() }] }),
      forged("escapes", hacked, code),
    ];
    await ws.apply({ apiVersion: "v1", kind: "List", items: all });
    const about = await told(ws, "Pod", "escapes", "PushFailed");
    expect(about).not.toMatch(/\p{Cc}/u);
    await until(async () => (await ws.pod("liar")).status?.phase === "Failed", "the liar's end");
    // What comes later is reported all the same.
    await ws.step("honest", output("honest"), "echo hello > out");
    await told(ws, "Pod", "honest", "Pushed");
    expect(await toldAbout(ws, "Job", "innocent")).toEqual([]);
    for (const i of sizes.keys()) expect(await toldAbout(ws, "Pod", `poison-${i}`)).toEqual([]);
  });
});

async function condition(ws: Workspace, cache: string, type: string) {
  const text = await ws.kubectl("get", names.plural, cache, "-o", "json");
  const { status } = JSON.parse(text) as StoredOrasCache;
  return status?.conditions?.find((each) => each.type === type);
}

describe("the status of a cache", () => {
  it("lif-18, lif-31: Ready is false with the kubelet's reason while the image is wrong, and true once it is right", async ({
    ws,
  }) => {
    // Nobody listens there: the kubelet knows at once.
    const image = "localhost:1/registry:no-such-tag";
    await ws.apply(cacheOf("mended", { image }));
    // From the first moment on: nobody takes a cache without the condition for one that is ready.
    await ws.kubectl("wait", `${names.plural}/mended`, "--for=condition=Ready=false", "--timeout=60s");
    const found = await until(async () => {
      const ready = await condition(ws, "mended", "Ready");
      return ready?.reason === "ImagePullFailed" ? ready : undefined;
    }, "the kubelet's reason");
    expect(found.message).toContain(`image ${image} cannot be pulled: `);
    expect(await condition(ws, "mended", "Degraded")).toMatchObject({
      status: "True",
      reason: "ImagePullFailed",
    });
    await told(ws, names.kind, "mended", "ImagePullFailed");
    await ws.apply(cacheOf("mended"));
    await ws.kubectl("wait", `${names.plural}/mended`, "--for=condition=Ready", "--timeout=120s");
    expect(await condition(ws, "mended", "Degraded")).toMatchObject({ status: "False" });
    const map: StepAnnotations = { ...output("mended"), "oras-cache": "mended" };
    await ws.step("at-once", map, "echo hello > out");
  });

  it("lif-18: kubectl wait for Ready from the first moment on: a step that follows finds its registry", async ({
    ws,
  }) => {
    await ws.apply(cacheOf("fresh"));
    await ws.kubectl("wait", `${names.plural}/fresh`, "--for=condition=Ready", "--timeout=120s");
    await ws.step("fresh", { ...output("fresh"), "oras-cache": "fresh" }, "echo hello > out");
  });
});

it("lif-08, lif-24: one change of a child is corrected once; an eviction of the registry is reported with what is lost", async ({
  onTestFinished,
}) => {
  const ws = await workspace();
  onTestFinished(ws.remove);
  await ws.step("early", output("early"), "echo hello > out");
  const patch = (kind: string, spec: object) =>
    ws.kubectl("patch", kind, "oras", "--type=merge", "-p", JSON.stringify({ spec }));
  const field = (kind: string, path: string) => ws.kubectl("get", kind, "oras", "-o", `jsonpath={${path}}`);
  await patch("statefulset", { revisionHistoryLimit: 5 });
  await patch("service", { sessionAffinity: "ClientIP" });
  await until(
    async () => (await field("statefulset", ".spec.revisionHistoryLimit")) === "10",
    "the default again",
  );
  await until(async () => (await field("service", ".spec.sessionAffinity")) === "None", "the default again");
  const generation = await field("statefulset", ".metadata.generation");

  const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "oras-0" } };
  const path = `/api/v1/namespaces/${ws.namespace}/pods/oras-0/eviction`;
  await ws.try(["create", "--raw", path, "-f", "-"], JSON.stringify(eviction));
  const lost = await told(ws, names.kind, "oras", "StorageLost");
  expect(lost).toContain("were in its emptyDir and are lost.");
  // The Event and the status are written beside each other.
  const found = await until(() => condition(ws, "oras", "StorageLost"), "the condition");
  expect(found).toMatchObject({ status: "True", reason: "PodReplaced" });
  await ws.kubectl("wait", `${names.plural}/oras`, "--for=condition=Ready", "--timeout=120s");

  const late = await ws.run("late", { "input-uri": "early:1", timeout: "10s" });
  expect(endOf(late, names.pullContainer)?.exitCode).toBe(exitCodes.inputNotFound.code);

  expect(await field("statefulset", ".metadata.generation")).toBe(generation);
  expect(await condition(ws, "oras", "Degraded")).toMatchObject({ status: "False" });
  const corrected = (await toldAbout(ws, names.kind, "oras")).filter((text) =>
    /^(DriftCorrected|Contested)/.test(text),
  );
  expect(corrected.sort()).toEqual([
    expect.stringMatching(
      /^DriftCorrected: Corrected Service oras: \.spec\.sessionAffinity \(set by kubectl-patch\)/,
    ),
    "DriftCorrected: Corrected StatefulSet oras: .spec.revisionHistoryLimit (set by kubectl-patch).",
  ]);
});
