import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { exitCodes } from "../../schema/exit-codes.ts";
import { names } from "../../schema/names.ts";
import { endOf, jobOf, keyOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { told, toldAbout } from "../support/events.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({ "output-uri": `${name}:1`, "output-path": "out" });
const hello = "echo hello > out";

/** What version 0.1.0 wrote as its marker. */
const legacyMarker = JSON.stringify({ hash: "1cc860ecdcc6146aae162362a6f4f56d", containers: ["main"] });

/** The same object with one more annotation, under its full key. */
function annotated<T extends V1Pod | V1Job>(object: T, key: string, value: string): T {
  const annotations = { ...object.metadata?.annotations, [key]: value };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

const marked = <T extends V1Pod | V1Job>(object: T, marker: string) =>
  annotated(object, names.markerAnnotation, marker);

describe.concurrent("inj-08: a manifest that carries a left-over marker", () => {
  it.for<[string, string]>([
    ["of version 0.1.0", legacyMarker],
    ["that is a word", "true"],
    ["that names nothing", "{}"],
    [
      "that describes an injection",
      JSON.stringify({
        annotations: "x",
        volumes: [names.shareVolume],
        initContainers: {},
        containers: { [names.pushContainer]: "x" },
        wrapped: { main: { program: "x", command: 3, args: 0, env: [] } },
      }),
    ],
  ])("%s: the Pod is injected again, and its output is pushed", async ([what, marker], { ws }) => {
    const name = `stale-${what.replaceAll(/[ .]/g, "-")}`;
    await ws.apply(marked(podOf(name, output(name), hello), marker));
    await ws.succeeded(name);
    expect(await ws.content(`${name}:1`, "out")).toBe("hello\n");
  });

  it("on a Job: its output is pushed", async ({ ws }) => {
    await ws.apply(marked(jobOf("stale-job", output("stale-job"), hello), legacyMarker));
    expect(await ws.verdict("stale-job")).toBe("Complete");
    expect(await ws.content("stale-job:1", "out")).toBe("hello\n");
  });

  it("with an input that does not exist: the Pod fails and says so", async ({ ws }) => {
    const map: StepAnnotations = { "input-uri": "does-not-exist:1", timeout: "10s" };
    await ws.apply(marked(podOf("stale-input", map, "ls"), "true"));
    const pod = await ws.ended("stale-input");
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, names.pullContainer)).toMatchObject({
      exitCode: exitCodes.inputNotFound.code,
      message: expect.stringContaining("does-not-exist:1"),
    });
  });

  it("sec-16: with a URI that is none: it is refused as without the marker", async ({ ws }) => {
    const map: StepAnnotations = { ...output("bad"), "output-uri": "NOT VALID" };
    const { code, stderr } = await ws.tryApply(marked(podOf("bad", map), legacyMarker));
    expect(code).toBe(1);
    expect(stderr).toContain(keyOf("output-uri"));
  });

  it("an exported Job under another name and for another output: pushes there", async ({ ws }) => {
    await ws.apply(jobOf("exported", output("exported"), hello, { suspend: true }));
    const text = await ws.kubectl("get", "job", "exported", "-o", "json");
    const { metadata, spec } = JSON.parse(text) as V1Job & { metadata: object; spec: object };
    const { selector, template, ...rest } = spec as NonNullable<V1Job["spec"]>;
    const copy = {
      apiVersion: "batch/v1",
      kind: "Job",
      metadata: { name: "imported", annotations: metadata?.annotations },
      spec: { ...rest, suspend: false, template: { spec: template.spec } },
    } as V1Job;
    await ws.apply(annotated(copy, keyOf("output-uri"), "imported:1"));
    expect(await ws.verdict("imported")).toBe("Complete");
    expect(await ws.content("imported:1", "out")).toBe("hello\n");
    expect(await ws.isPushed("exported:1")).toBe(false);
  });
});

describe.concurrent("sec-16: a marker that its author made up changes no object that is there", () => {
  const replace = (ws: Workspace, pod: V1Pod) => ws.try(["replace", "-f", "-"], JSON.stringify(pod));

  /** Until it is ready its status is written, and a replacement conflicts with that. */
  const running = async (ws: Workspace, pod: V1Pod) => {
    await ws.apply(pod);
    await ws.kubectl("wait", `pod/${pod.metadata?.name}`, "--for=condition=Ready", "--timeout=120s");
  };

  it("another command on a Pod that runs is refused", async ({ ws }) => {
    await running(ws, podOf("plain", {}, "sleep 600"));
    const { code, stderr } = await replace(ws, marked(podOf("plain", {}, "echo smuggled"), legacyMarker));
    expect(code).toBe(1);
    expect(stderr).toContain("pod updates may not change fields other than");
    await ws.kubectl("delete", "pod", "plain", "--now", "--wait=false");
  });

  it("another program in an injected Pod is refused", async ({ ws }) => {
    await running(ws, podOf("injected", output("injected"), "sleep 600"));
    const stored = JSON.stringify(await ws.pod("injected"));
    const { code, stderr } = await replace(
      ws,
      JSON.parse(stored.replaceAll("sleep 600", "smuggled")) as V1Pod,
    );
    expect(code).toBe(1);
    expect(stderr).toContain("pod updates may not change fields other than");
    await ws.kubectl("delete", "pod", "injected", "--now", "--wait=false");
  });
});

describe("inj-28: kubectl debug", () => {
  const script = "until [ -e go ]; do sleep 0.1; done; hostname > out";
  const go = (ws: Workspace, name: string) =>
    until(
      () => ws.kubectl("exec", name, "-c", "main", "--", "touch", "/tmp/go").then(() => true),
      `${name} to run`,
    );
  const containers = (pod: V1Pod) => pod.spec?.containers.map(({ name }) => name);

  it.beforeAll(async ({ ws }) => {
    await ws.apply(podOf("debugged", output("debugged"), script));
    await ws.kubectl("wait", "pod/debugged", "--for=condition=Ready", "--timeout=120s");
  });

  it("an ephemeral container and copies of the spec alone are no steps; the original pushes", async ({
    ws,
  }) => {
    const debug = (...args: string[]) => ws.try(["debug", "debugged", ...args]);
    const shell = ["--image=busybox:1.36", "--", "sh", "-c", "true"];
    const removed = "they are removed, and it neither pulls nor pushes";
    expect((await debug("--target=main", ...shell)).code).toBe(0);
    // Before the Pod ends: the kubelet does not tell of an ephemeral container after that.
    const terminated = "jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}=0";
    await ws.kubectl("wait", "pod/debugged", `--for=${terminated}`, "--timeout=120s");
    expect((await debug("--copy-to=with-more", ...shell)).stderr).toContain(removed);
    const program = ["--container=main", "--", "sh", "-c", "echo other"];
    expect((await debug("--copy-to=with-other", ...program)).stderr).toContain(removed);
    for (const name of ["with-more", "debugged"]) await go(ws, name);
    expect(containers(await ws.succeeded("with-other"))).toEqual(["main"]);
    expect(await ws.log("with-other", "main")).toBe("other\n");
    expect(containers(await ws.succeeded("with-more"))).toHaveLength(2);
    await ws.succeeded("debugged");
    expect(await ws.content("debugged:1", "out")).toBe("debugged\n");
    expect(await toldAbout(ws, "Pod", "with-more")).toEqual([]);
  });

  // With a new image and no more, kubectl keeps annotations and labels.
  it.for([
    ["image", ["--set-image=main=docker.io/library/perl:5.34.0"]],
    [
      "program",
      ["--keep-annotations", "--keep-labels", "--container=main", "--", "sh", "-c", "hostname > out"],
    ],
  ] as const)(
    "a copy with its annotations and another %s is a step too, and told",
    async ([what, args], { ws }) => {
      const name = `other-${what}`;
      await ws.kubectl("debug", "debugged", `--copy-to=${name}`, ...args);
      if (what === "image") await go(ws, name);
      await ws.succeeded(name);
      expect(await ws.content("debugged:1", "out")).toBe(`${name}\n`);
      expect(await told(ws, "Pod", name, "TagMoved")).toContain(`pushed by Pod ${name}.`);
    },
  );
});
