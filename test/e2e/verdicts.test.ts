import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { names } from "../../schema/names.ts";
import { endOf, kubectl, type StepAnnotations, stepPod, type Workspace, workspace } from "../support/step.ts";
import { until } from "../support/wait.ts";

let ws: Workspace;
beforeAll(async () => {
  ws = await workspace();
});
afterAll(() => ws?.remove());

const output = (name: string): StepAnnotations => ({
  "output-uri": `faults/${name}:1`,
  "output-path": "out",
});
const isPushed = async (name: string) =>
  (await ws.oras("manifest", "fetch", "--plain-http", `{registry}/faults/${name}:1`)).code === 0;

/** Runs a step to its end. */
async function run(name: string, script: string, ...more: [object?, object?]) {
  await ws.apply(stepPod(name, output(name), script, ...more));
  return ws.ended(name);
}

/** A program that does nothing until somebody makes /tmp/go, and then leaves an output. */
const waiting = (name: string) => `echo waiting; until [ -e go ]; do sleep 0.1; done; echo ${name} > out`;

/** Waits until a program waits. */
const waits = (name: string) =>
  until(async () => (await ws.log(name, "main").catch(() => "")).includes("waiting"), `${name} to wait`);

/** Kills what pushes, which a program can where the Pod's containers share their processes; not itself, which has its name. */
const killPusher = `for p in /proc/[0-9]*; do
  case "$(tr '\\0' ' ' <$p/cmdline 2>/dev/null)" in */pus[h].sh*) kill -9 "\${p#/proc/}" ;; esac
done; echo kept > out`;
const shared = { shareProcessNamespace: true };

describe.concurrent("whatever goes wrong in a Pod, it ends with the right verdict", () => {
  const memory = { resources: { limits: { memory: "32Mi" } } };

  it("OOM of the program: the Pod fails with 137, and nothing is pushed", async () => {
    const pod = await run("oom", "echo half > out; exec tail /dev/zero", memory);
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(137);
    expect(endOf(pod, names.pushContainer)?.exitCode).toBe(0);
    expect(await isPushed("oom")).toBe(false);
  });

  it("OOM of a child: the program's verdict counts", async () => {
    const pod = await run("oom-child", "tail /dev/zero; echo child $? > out", memory);
    // Where the whole container is killed at once (cgroup v2), the Pod fails instead.
    const isGrouped = endOf(pod, "main")?.reason === "OOMKilled" && pod.status?.phase === "Failed";
    if (isGrouped) expect(await isPushed("oom-child")).toBe(false);
    else expect(await ws.content("faults/oom-child:1", "out")).toBe("child 137\n");
  });

  it("SIGKILL: the Pod fails with 137, and nothing is pushed", async () => {
    const pod = await run("sigkill", "echo half > out; read -r pid _ </proc/self/stat; kill -9 $pid");
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(137);
    expect(await isPushed("sigkill")).toBe(false);
  });

  it("a program that is not there: the Pod fails with 127, as in a shell", async () => {
    const pod = await run("absent", "", { command: ["/no/such/program"] });
    expect(endOf(pod, "main")).toMatchObject({
      exitCode: 127,
      message: "there is no program /no/such/program in the container (exit code 127)",
    });
    expect(await isPushed("absent")).toBe(false);
  });

  it("children left behind: the step ends with its program", async () => {
    const pod = await run("children", "sleep 600 & echo left > out");
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await ws.content("faults/children:1", "out")).toBe("left\n");
  });

  it("standard output closed early: what was printed before is kept", async () => {
    const map = { "output-uri": "faults/closed:1", "output-pipe": "log" };
    await ws.apply(stepPod("closed", map, "echo before; exec >&-; sleep 0"));
    expect((await ws.ended("closed")).status?.phase).toBe("Succeeded");
    expect(await ws.content("faults/closed:1", "log")).toBe("before\n");
  });

  it("binary standard output: arrives to the byte", async () => {
    const map = { "output-uri": "faults/binary:1", "output-pipe": "log" };
    const script = "head -c 300000 /dev/urandom > x; sha256sum < x > /dev/termination-log; cat x";
    await ws.apply(stepPod("binary", map, script));
    const made = endOf(await ws.ended("binary"), "main")?.message;
    await ws.apply(stepPod("binary-next", { "input-uri": "faults/binary:1" }, "sha256sum < log"));
    await ws.ended("binary-next");
    expect(await ws.log("binary-next", "main")).toBe(made);
  });

  it("terminal and standard input: the program has both", async () => {
    const terminal = { tty: true, stdin: true };
    const pod = await run("terminal", "test -t 0 && test -t 1 && echo both > out", terminal);
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await ws.content("faults/terminal:1", "out")).toBe("both\n");
  });

  it("the pusher killed under Never: the Pod fails, and nothing is pushed", async () => {
    const pod = await run("pusher-never", killPusher, {}, shared);
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, names.pushContainer)?.exitCode).toBe(137);
    expect(await isPushed("pusher-never")).toBe(false);
  });

  it("the pusher killed under OnFailure: it comes back and pushes; the program is not run again", async () => {
    const pod = await run("pusher-onfailure", killPusher, {}, { ...shared, restartPolicy: "OnFailure" });
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

  it("eviction, as when a node is drained: the Pod goes, and nothing is pushed", async () => {
    await ws.apply(stepPod("evicted", output("evicted"), waiting("evicted")));
    await waits("evicted");
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "evicted" } };
    const path = `/api/v1/namespaces/${ws.namespace}/pods/evicted/eviction`;
    await kubectl(["create", "--raw", path, "-f", "-"], JSON.stringify(eviction));
    await ws.kubectl("wait", "pod/evicted", "--for=delete", "--timeout=60s");
    expect(await isPushed("evicted")).toBe(false);
  });

  it("local storage over its limit: the Pod is evicted, and nothing is pushed", async () => {
    const limits = { resources: { limits: { "ephemeral-storage": "10Mi" } } };
    const pod = await run("storage", "head -c 50000000 /dev/zero > out; sleep 300", limits);
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "Evicted" });
    expect(await isPushed("storage")).toBe(false);
  });

  it("an emptyDir over its limit: the Pod is evicted, and nothing is pushed", async () => {
    const mount = { volumeMounts: [{ name: "data", mountPath: "/data" }], workingDir: "/data" };
    const volumes = { volumes: [{ name: "data", emptyDir: { sizeLimit: "10Mi" } }] };
    const pod = await run("empty-dir", "head -c 50000000 /dev/zero > out; sleep 300", mount, volumes);
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "Evicted" });
    expect(await isPushed("empty-dir")).toBe(false);
  });

  it("a liveness probe that fails once the program has ended: its output is handed over all the same", async () => {
    const probe = { exec: { command: ["test", "-e", "/tmp/alive"] }, periodSeconds: 1, failureThreshold: 1 };
    const pod = await run(
      "liveness",
      // A directory: compressing it takes longer than the probe's period.
      "touch alive; sleep 5; mkdir out; head -c 800000000 /dev/urandom > out/x; echo kept > out/y; rm alive",
      { livenessProbe: { ...probe, initialDelaySeconds: 3 } },
    );
    const about = ["--field-selector", "involvedObject.name=liveness,reason=Unhealthy"];
    expect(await ws.kubectl("get", "events", ...about)).toContain("Liveness probe failed");
    expect(pod.status?.phase).toBe("Succeeded");
    expect(await ws.content("faults/liveness:1", "out/y")).toBe("kept\n");
  });

  it("restartPolicy Always: what each round makes is pushed", async () => {
    const script = "cat /proc/sys/kernel/random/uuid > out";
    await ws.apply(stepPod("always", output("always"), script, {}, { restartPolicy: "Always" }));
    const made = new Set<string>();
    await until(
      async () => {
        if (await isPushed("always")) made.add(await ws.content("faults/always:1", "out"));
        return made.size > 1;
      },
      "a second output",
      120_000,
    );
    await ws.kubectl("delete", "pod", "always");
  });
});

it("a registry that restarts when the output is to be pushed: it is waited for", async () => {
  const other = await workspace();
  const map = output("restarted");
  await other.apply(stepPod("restarted", map, waiting("restarted")));
  await until(
    async () => (await other.log("restarted", "main").catch(() => "")).includes("waiting"),
    "the program to wait",
  );
  await other.kubectl("delete", "pod", "oras-0", "--grace-period=0", "--force");
  await other.kubectl("exec", "restarted", "-c", "main", "--", "touch", "/tmp/go");
  expect((await other.ended("restarted")).status?.phase).toBe("Succeeded");
  const next: StepAnnotations = { "input-uri": "faults/restarted:1" };
  await other.apply(stepPod("next", next, "cat out"));
  await other.ended("next");
  expect(await other.log("next", "main")).toBe("restarted\n");
  await other.remove();
});
