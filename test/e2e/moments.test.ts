import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { endOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { signalOras } from "../support/signals.ts";
import { startSlowRegistry } from "../support/slow-registry.ts";
import { until } from "../support/wait.ts";
import type { Workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({
  "output-uri": `deletion/${name}:1`,
  "output-path": "out",
});

/** Longer than anything here takes: a Pod that goes only when it is over has not heard the signal. */
const grace = 400;
const spec = { terminationGracePeriodSeconds: grace };
const slow = { resources: { limits: { cpu: "100m" } } };

const deleted = (ws: Workspace, name: string) =>
  ws.kubectl("delete", "pod", name, "--wait=false").then(() => gone(ws, name));
const gone = (ws: Workspace, name: string) =>
  ws.kubectl("wait", `pod/${name}`, "--for=delete", `--timeout=${grace / 2}s`);

/** Waits until a file is in the container `main`. */
const isThere = (ws: Workspace, name: string, file: string) =>
  until(
    async () => (await ws.try(["exec", name, "-c", "main", "--", "test", "-e", file])).code === 0,
    `${file} in ${name}`,
  );

const stateOf = async (ws: Workspace, name: string, container: string) => {
  const { containerStatuses = [], initContainerStatuses = [] } = (await ws.pod(name)).status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find((each) => each.name === container)?.state;
};

/** Waits until a program has ended and cannot hand over, or without an init container until it cannot be started. */
const waitsForOras = (ws: Workspace, name: string) =>
  until(
    async () =>
      (await stateOf(ws, name, "main"))?.waiting?.reason === "CreateContainerConfigError" ||
      (await ws.log(name, "main")).includes("waiting for the container oras"),
    "main to wait",
  );

describe.concurrent("a Pod that is deleted goes at once, and what it pushes is whole", () => {
  it("while its input is pulled", async ({ ws }) => {
    const registry = await startSlowRegistry(ws, "pulling-registry");
    const map: StepAnnotations = { ...output("large"), registry: registry.url };
    await ws.step("large", map, "head -c 50000000 /dev/urandom > out");
    const stopped = registry.stopWithin("download");
    const step = { ...output("pulling"), "input-uri": "deletion/large:1", registry: registry.url };
    await ws.apply(podOf("pulling", step, "cp in/out out", {}, spec));
    await stopped;
    await deleted(ws, "pulling");
  });

  it("while its input is unpacked: the program does not run", async ({ ws }) => {
    const many = "mkdir out; i=0; while [ $i -lt 20000 ]; do echo $i > out/$i; i=$((i+1)); done";
    await ws.step("many", output("many"), many);
    const step = { ...output("unpacking"), "input-uri": "deletion/many:1", "input-path": "/tmp/in" };
    await ws.apply(podOf("unpacking", step, "echo ran > out", slow, spec));
    await isThere(ws, "unpacking", "/tmp/in");
    expect(await ws.try(["exec", "unpacking", "-c", "main", "--", "test", "-e", "out"])).toMatchObject({
      code: 1,
    });
    await deleted(ws, "unpacking");
    expect(await ws.isPushed("deletion/unpacking:1")).toBe(false);
  });

  it.for([
    ["saves", 0, true],
    ["fails", 3, false],
  ] as const)("while its program runs, which %s", async ([name, code, isPushed], { ws }) => {
    const script = `trap 'echo saved > out; exit ${code}' TERM; touch up; while :; do sleep 0.1; done`;
    await ws.apply(podOf(name, output(name), script, {}, spec));
    await isThere(ws, name, "up");
    await until(async () => (await stateOf(ws, name, names.pushContainer))?.running, "oras to run");
    await deleted(ws, name);
    expect(await ws.isPushed(`deletion/${name}:1`)).toBe(isPushed);
    if (isPushed) expect(await ws.content(`deletion/${name}:1`, "out")).toBe("saved\n");
  });

  it("while its output is handed over: that arrives whole", async ({ ws }) => {
    // More than a socket holds.
    const script =
      "until [ -e go ]; do sleep 0.1; done; mkdir out; head -c 10000000 /dev/urandom > out/x; echo kept > out/y; touch ended";
    await ws.apply(podOf("handing", output("handing"), script, {}, { ...spec, shareProcessNamespace: true }));
    const signal = (which: string, then: string) =>
      ws.kubectl("exec", "handing", "-c", "main", "--", "sh", "-c", `${signalOras(which)}; ${then}`);
    await until(
      async () => (await ws.log("handing", names.pushContainer)).includes("runs"),
      "oras to know of it",
    );
    // However fast the machine is, the handing over is not over before the deletion.
    await signal("STOP", "touch /tmp/go");
    await isThere(ws, "handing", "ended");
    await ws.kubectl("delete", "pod", "handing", "--wait=false");
    await signal("CONT", "true");
    await gone(ws, "handing");
    expect(await ws.content("deletion/handing:1", "out/y")).toBe("kept\n");
  });

  it("while oras cannot start", async ({ ws }) => {
    const missing = "127.0.0.1:1/agent:1";
    const wait = {
      name: "wait",
      image: "busybox:1.36",
      command: ["sh", "-c", "until [ -e /go ]; do sleep 0.1; done"],
    };
    await ws.apply(podOf("alone", output("alone"), "echo x > out", {}, { ...spec, initContainers: [wait] }));
    await ws.kubectl("set", "image", "pod/alone", `${names.pushContainer}=${missing}`);
    await until(async () => (await stateOf(ws, "alone", "wait"))?.running, "the first container to run");
    await ws.kubectl("exec", "alone", "-c", "wait", "--", "touch", "/go");
    await waitsForOras(ws, "alone");
    await deleted(ws, "alone");
  });
});

describe.concurrent("an image of the operator's", () => {
  it("that is missing at first is waited for", async ({ ws }) => {
    const wait = {
      name: "wait",
      image: "busybox:1.36",
      command: ["sh", "-c", "until [ -e /go ]; do sleep 0.1; done"],
    };
    await ws.apply(podOf("late", output("late"), "echo late > out", {}, { initContainers: [wait] }));
    const image = (await ws.pod("late")).spec?.containers.find(
      ({ name }) => name === names.pushContainer,
    )?.image;
    await ws.kubectl("set", "image", "pod/late", `${names.pushContainer}=127.0.0.1:1/agent:1`);
    await until(async () => (await stateOf(ws, "late", "wait"))?.running, "the first container to run");
    await ws.kubectl("exec", "late", "-c", "wait", "--", "touch", "/go");
    await until(
      async () =>
        /^(ErrImage|ImagePull)/.test((await stateOf(ws, "late", names.pushContainer))?.waiting?.reason ?? ""),
      "the image to be missing",
    );
    await waitsForOras(ws, "late");
    await ws.kubectl("set", "image", "pod/late", `${names.pushContainer}=${image}`);
    const pod = await ws.succeeded("late");
    expect(endOf(pod, "main")?.exitCode).toBe(0);
    expect(await ws.content("deletion/late:1", "out")).toBe("late\n");
  });
});
