import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { endOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { kubectl } from "../support/kubectl.ts";
import { isHooked } from "../support/pod-shape.ts";
import { signalOras } from "../support/signals.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({
  "output-uri": `faults/${name}:1`,
  "output-path": "out",
});

/** A Pod's fields, for ws.run: a step with another output. */
const stepOf = (name: string, script: string, ...more: [object?, object?]) =>
  [name, output(name), script, ...more] as const;

/** A program that does nothing until somebody makes /tmp/go, and then leaves an output. */
const waiting = (name: string) => `echo waiting; until [ -e go ]; do sleep 0.1; done; echo ${name} > out`;

/** Waits until a program waits. */
const waits = (ws: Workspace, name: string) =>
  until(async () => (await ws.log(name, "main").catch(() => "")).includes("waiting"), `${name} to wait`);

const killPusher = `${signalOras("KILL")}; echo kept > out`;
const shared = { shareProcessNamespace: true };

describe.concurrent("whatever goes wrong in a Pod, it ends with the right verdict", () => {
  const memory = { resources: { limits: { memory: "32Mi" } } };

  it("OOM of the program: the Pod fails with 137, and nothing is pushed", async ({ ws }) => {
    const pod = await ws.run(...stepOf("oom", "echo half > out; exec tail /dev/zero", memory));
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(137);
    expect(endOf(pod, names.pushContainer)?.exitCode).toBe(0);
    expect(await ws.isPushed("faults/oom:1")).toBe(false);
  });

  it("OOM of a child: the program's verdict counts", async ({ ws }) => {
    const pod = await ws.run(...stepOf("oom-child", "tail /dev/zero; echo child $? > out", memory));
    // Where the whole container is killed at once (cgroup v2), the Pod fails instead.
    const isGrouped = endOf(pod, "main")?.reason === "OOMKilled" && pod.status?.phase === "Failed";
    if (isGrouped) expect(await ws.isPushed("faults/oom-child:1")).toBe(false);
    else expect(await ws.content("faults/oom-child:1", "out")).toBe("child 137\n");
  });

  it("SIGKILL: the Pod fails with 137, and nothing is pushed", async ({ ws }) => {
    const pod = await ws.run(
      ...stepOf("sigkill", "echo half > out; read -r pid _ </proc/self/stat; kill -9 $pid"),
    );
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(137);
    expect(await ws.isPushed("faults/sigkill:1")).toBe(false);
  });

  it("a program that is not there: the Pod fails with 127, as in a shell", async ({ ws }) => {
    const pod = await ws.run(...stepOf("absent", "", { command: ["/no/such/program"] }));
    expect(endOf(pod, "main")).toMatchObject({
      exitCode: 127,
      message: "there is no program /no/such/program in the container (exit code 127)",
    });
    expect(await ws.isPushed("faults/absent:1")).toBe(false);
  });

  it("children left behind: the step ends with its program", async ({ ws }) => {
    const pod = await ws.run(...stepOf("children", "sleep 600 & echo left > out"));
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await ws.content("faults/children:1", "out")).toBe("left\n");
  });

  it("standard output closed early: what was printed before is kept", async ({ ws }) => {
    const map = { "output-uri": "faults/closed:1", "output-pipe": "log" };
    await ws.step("closed", map, "echo before; exec >&-; sleep 0");
    expect(await ws.content("faults/closed:1", "log")).toBe("before\n");
  });

  it("binary standard output: arrives to the byte", async ({ ws }) => {
    const map = { "output-uri": "faults/binary:1", "output-pipe": "log" };
    const script = "head -c 300000 /dev/urandom > x; sha256sum < x > /dev/termination-log; cat x";
    await ws.apply(podOf("binary", map, script));
    const made = endOf(await ws.ended("binary"), "main")?.message;
    await ws.apply(podOf("binary-next", { "input-uri": "faults/binary:1" }, "sha256sum < log"));
    await ws.ended("binary-next");
    expect(await ws.log("binary-next", "main")).toBe(made);
  });

  it("terminal and standard input: the program has both", async ({ ws }) => {
    const terminal = { tty: true, stdin: true };
    const pod = await ws.run(...stepOf("terminal", "test -t 0 && test -t 1 && echo both > out", terminal));
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await ws.content("faults/terminal:1", "out")).toBe("both\n");
  });

  it("the pusher killed under Never: the Pod fails, and nothing is pushed, unless it comes back", async ({
    ws,
  }) => {
    const pod = await ws.run(...stepOf("pusher-never", killPusher, {}, shared));
    if (isHooked(pod)) {
      expect(pod.status?.phase).toBe("Succeeded");
      return expect(await ws.content("faults/pusher-never:1", "out")).toBe("kept\n");
    }
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, names.pushContainer)?.exitCode).toBe(137);
    expect(await ws.isPushed("faults/pusher-never:1")).toBe(false);
  });

  it("the pusher killed under OnFailure: it comes back and pushes; the program is not run again", async ({
    ws,
  }) => {
    const pod = await ws.run(
      ...stepOf("pusher-onfailure", killPusher, {}, { ...shared, restartPolicy: "OnFailure" }),
    );
    expect(pod.status?.phase).toBe("Succeeded");
    const restarts = pod.status?.containerStatuses?.map(({ name, restartCount }) => [name, restartCount]);
    expect(restarts).toEqual(
      expect.arrayContaining([
        ["main", 0],
        [names.pushContainer, 1],
      ]),
    );
    expect(await ws.content("faults/pusher-onfailure:1", "out")).toBe("kept\n");
  });

  it("eviction, as when a node is drained: the Pod goes, and nothing is pushed", async ({ ws }) => {
    await ws.apply(podOf("evicted", output("evicted"), waiting("evicted")));
    await waits(ws, "evicted");
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "evicted" } };
    const path = `/api/v1/namespaces/${ws.namespace}/pods/evicted/eviction`;
    await kubectl(["create", "--raw", path, "-f", "-"], JSON.stringify(eviction));
    await ws.kubectl("wait", "pod/evicted", "--for=delete", "--timeout=60s");
    expect(await ws.isPushed("faults/evicted:1")).toBe(false);
  });

  it("local storage over its limit: the Pod is evicted, and nothing is pushed", async ({ ws }) => {
    const limits = { resources: { limits: { "ephemeral-storage": "10Mi" } } };
    const pod = await ws.run(...stepOf("storage", "head -c 50000000 /dev/zero > out; sleep 300", limits));
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "Evicted" });
    expect(await ws.isPushed("faults/storage:1")).toBe(false);
  });

  it("an emptyDir over its limit: the Pod is evicted, and nothing is pushed", async ({ ws }) => {
    const mount = { volumeMounts: [{ name: "data", mountPath: "/data" }], workingDir: "/data" };
    const volumes = { volumes: [{ name: "data", emptyDir: { sizeLimit: "10Mi" } }] };
    const pod = await ws.run(
      ...stepOf("empty-dir", "head -c 50000000 /dev/zero > out; sleep 300", mount, volumes),
    );
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "Evicted" });
    expect(await ws.isPushed("faults/empty-dir:1")).toBe(false);
  });

  it("a liveness probe that fails once the program has ended: its output is handed over all the same", async ({
    ws,
  }) => {
    const livenessProbe = {
      exec: { command: ["test", "!", "-e", "/tmp/ended"] },
      periodSeconds: 1,
      timeoutSeconds: 30,
      failureThreshold: 1,
    };
    const [name, ...fields] = stepOf(
      "liveness",
      // More than a socket holds.
      "until [ -e go ]; do sleep 0.1; done; mkdir out; head -c 10000000 /dev/urandom > out/x; echo kept > out/y; touch ended",
      { livenessProbe },
      { ...shared, terminationGracePeriodSeconds: 300 },
    );
    await ws.apply(podOf(name, ...fields));
    const signal = (which: string, then: string) =>
      ws.kubectl("exec", name, "-c", "main", "--", "sh", "-c", `${signalOras(which)}; ${then}`);
    await until(async () => (await ws.log(name, names.pushContainer)).includes("runs"), "oras to know of it");
    // However fast the machine is, the handing over takes longer than the probe.
    await signal("STOP", "touch /tmp/go");
    const about = ["--field-selector", "involvedObject.name=liveness,reason=Unhealthy"];
    const fails = async () => (await ws.kubectl("get", "events", ...about)).includes("Liveness probe failed");
    await until(fails, "the probe to fail");
    await signal("CONT", "true");
    const pod = await ws.ended(name);
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await ws.content("faults/liveness:1", "out/y")).toBe("kept\n");
  });

  it("restartPolicy Always: what each round makes is pushed", async ({ ws }) => {
    const script = "cat /proc/sys/kernel/random/uuid > out";
    await ws.apply(podOf("always", output("always"), script, {}, { restartPolicy: "Always" }));
    const made = new Set<string>();
    await until(
      async () => {
        if (await ws.isPushed("faults/always:1")) made.add(await ws.content("faults/always:1", "out"));
        return made.size > 1;
      },
      "a second output",
      120_000,
    );
    await ws.kubectl("delete", "pod", "always");
  });
});

it("a registry that restarts when the output is to be pushed: it is waited for", async ({
  onTestFinished,
}) => {
  const other = await workspace();
  onTestFinished(other.remove);
  const map = output("restarted");
  await other.apply(podOf("restarted", map, waiting("restarted")));
  await waits(other, "restarted");
  // Gone when kubectl returns: one that is deleted by force takes what comes in its last moments, and loses it.
  await other.kubectl("delete", "pod", "oras-0", "--now");
  await other.kubectl("exec", "restarted", "-c", "main", "--", "touch", "/tmp/go");
  expect((await other.ended("restarted")).status?.phase).toBe("Succeeded");
  const next: StepAnnotations = { "input-uri": "faults/restarted:1" };
  await other.apply(podOf("next", next, "cat out"));
  await other.ended("next");
  expect(await other.log("next", "main")).toBe("restarted\n");
});
