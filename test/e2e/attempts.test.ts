import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { endOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { shapeInUse } from "../support/pod-shape.ts";
import { killSandbox } from "../support/sandboxes.ts";
import { signalOras } from "../support/signals.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({
  "output-uri": `attempts/${name}:1`,
  "output-path": "/work/out",
});

/** A folder that outlives attempts. */
const work: Pick<V1PodSpec, "volumes"> = { volumes: [{ name: "work", emptyDir: {} }] };
const mounted: Partial<V1Container> = {
  volumeMounts: [{ name: "work", mountPath: "/work" }],
  workingDir: "/work",
};

/** A program that fails with 42 at its first attempt; `seen` is what it leaves at each. */
const secondTry = (seen = 'echo "$try" > out') => `try=second; [ -e once ] || try=first
touch once; ${seen}; [ $try = second ] || exit 42`;

/** Restarts at exit code 42, in place, whatever the Pod's restartPolicy says. */
const restartedBy = (action: string): Partial<V1Container> => ({
  ...mounted,
  restartPolicy: "Never",
  restartPolicyRules: [{ action, exitCodes: { operator: "In", values: [42] } }],
});

/** Waits until the first attempt has left its mark: a Pod is said to run before its program does. */
const hasBegun = (ws: Workspace, name: string) =>
  until(
    async () => (await ws.try(["exec", name, "-c", "main", "--", "test", "-e", "/work/once"])).code === 0,
    `the program of ${name} to run`,
  );

/** How often each container of a Pod was started again. */
const restarts = ({ status }: V1Pod) =>
  Object.fromEntries((status?.containerStatuses ?? []).map(({ name, restartCount }) => [name, restartCount]));

it.beforeAll(async ({ ws }) => {
  await ws.step("seed", { "output-uri": "attempts/seed:1", "output-path": "file" }, "echo seed > file");
});

describe.concurrent("each start of a program is an attempt, and the newest one's output is pushed", () => {
  it.for([
    ["inj-03", "Restart"],
    ["inj-04", "RestartAllContainers"],
  ] as const)("%s: restartPolicyRules under Never with %s", async ([, action], { ws }) => {
    const name = action.toLowerCase();
    await ws.step(name, output(name), secondTry(), restartedBy(action), work);
    expect(await ws.content(`attempts/${name}:1`, "out")).toBe("second\n");
  });

  it("inj-04b: another container restarts all while the program runs", async ({ ws }) => {
    const watcher: V1Container = {
      name: "watcher",
      image: "busybox:1.36",
      command: [
        "sh",
        "-c",
        "[ -e once ] && exec sleep 1000; until [ -e go ]; do sleep 0.1; done; touch once; exit 88",
      ],
      restartPolicy: "Always",
      restartPolicyRules: [{ action: "RestartAllContainers", exitCodes: { operator: "In", values: [88] } }],
      ...mounted,
    };
    const script = "if [ -e once ]; then echo second > out; exit 0; fi; sleep 1000";
    const spec = { ...work, initContainers: [watcher] };
    await ws.apply(podOf("watched", output("watched"), script, mounted, spec));
    // The kubelet gives containers two seconds to end. One that is still starting others, on a busy machine, has not seen that they
    // have ended, fails to remove one, and has forgotten then why it was to restart all: the Pod fails for good (KEP-5532, Kubernetes 1.36).
    const runs = async () =>
      (await ws.pod("watched")).status?.containerStatuses?.every(({ state }) => state?.running);
    await until(runs, "all containers to run");
    await ws.kubectl("exec", "watched", "-c", "main", "--", "touch", "go");
    await ws.succeeded("watched");
    expect(await ws.content("attempts/watched:1", "out")).toBe("second\n");
  });

  it.for(["Restart", "RestartAllContainers", "OnFailure"])(
    "each attempt has its inputs again, with %s",
    async (action, { ws }) => {
      const input = "attempts/seed:1";
      const name = `inputs-${action.toLowerCase()}`;
      const step = { ...output(name), "input-uri": input, "input-path": "/work/in" };
      const [container, spec] =
        action === "OnFailure"
          ? [mounted, { ...work, restartPolicy: "OnFailure" }]
          : [restartedBy(action), work];
      const script = secondTry('cat in/file > out && rm in/file && echo "$try" >> out');
      await ws.step(name, step, script, container, spec);
      expect(await ws.content(`attempts/${name}:1`, "out")).toBe("seed\nsecond\n");
    },
  );

  it("an image that is changed in place is another attempt", async ({ ws }) => {
    const script =
      "if [ -e once ]; then echo second > out; else touch once; echo first > out; exec sleep 1000; fi";
    const spec = { ...work, restartPolicy: "OnFailure", terminationGracePeriodSeconds: 1 };
    await ws.apply(podOf("swapped", output("swapped"), script, mounted, spec));
    await hasBegun(ws, "swapped");
    await ws.kubectl("set", "image", "pod/swapped", "main=busybox:latest");
    expect(
      (await ws.succeeded("swapped")).status?.containerStatuses?.find(({ name }) => name === "main")
        ?.restartCount,
    ).toBe(1);
    expect(await ws.content("attempts/swapped:1", "out")).toBe("second\n");
  });

  // The runtime can be reached on the local cluster alone.
  it.skipIf(process.env["CONTAINERD_ADDRESS"] === undefined)(
    "a sandbox that is made again: all containers are other attempts",
    async ({ onTestFinished }) => {
      // The kubelet publishes the new address only when the init containers, which it has told to be terminated, have ended
      // again ("attempted illegal transition to non-terminated state"). A network plugin that goes by that address
      // refuses the Pod until then.
      const ws = await workspace({}, { networkPolicy: { mode: "none" } });
      onTestFinished(ws.remove);
      const script = "if [ -e once ]; then echo second > out; else touch once; exec sleep 1000; fi";
      const spec = { ...work, restartPolicy: "OnFailure" };
      await ws.apply(podOf("sandbox", output("sandbox"), script, mounted, spec));
      await hasBegun(ws, "sandbox");
      killSandbox(ws.namespace, "sandbox");
      await ws.succeeded("sandbox");
      expect(await ws.content("attempts/sandbox:1", "out")).toBe("second\n");
    },
  );

  it("SIGTERM to oras alone: it takes what the program still hands over", async ({ ws }) => {
    const script = `${signalOras("TERM")}; sleep 1; echo done > out`;
    const spec = { ...work, restartPolicy: "OnFailure", shareProcessNamespace: true };
    const pod = await ws.step("terminated", output("terminated"), script, mounted, spec);
    expect(restarts(pod)).toMatchObject({ main: 0 });
    expect(await ws.content("attempts/terminated:1", "out")).toBe("done\n");
  });

  it("SIGTERM to oras alone, and a program that fails: oras comes back with its next attempt", async ({
    ws,
  }) => {
    const script = `if [ -e once ]; then echo second > out; exit 0; fi; touch once; ${signalOras("TERM")}; sleep 1; exit 1`;
    const spec = { ...work, restartPolicy: "OnFailure", shareProcessNamespace: true };
    const pod = await ws.step("failed-once", output("failed-once"), script, mounted, spec);
    expect(restarts(pod)).toMatchObject({ main: 1 });
    expect(await ws.content("attempts/failed-once:1", "out")).toBe("second\n");
  });
});

describe.concurrent("a program waits for nobody", () => {
  it("inj-01: its postStart hook waits for the program", async ({ ws }) => {
    const lifecycle = {
      postStart: { exec: { command: ["sh", "-c", "until [ -e /work/ready ]; do sleep 0.1; done"] } },
    };
    const script = "touch ready; echo hello > out; sleep 2";
    await ws.step("hooked", output("hooked"), script, { ...mounted, lifecycle }, work);
    expect(await ws.content("attempts/hooked:1", "out")).toBe("hello\n");
  });

  it("inj-02: another container starts late, and with it oras: the program has ended before", async ({
    ws,
  }) => {
    const late: V1Container = {
      name: "late",
      image: "busybox:1.36",
      command: ["sh", "-c", "touch /work/late"],
      // The kubelet starts the next container after the hook.
      lifecycle: {
        postStart: { exec: { command: ["sh", "-c", "until [ -e /work/out ]; do sleep 0.1; done; sleep 2"] } },
      },
      ...mounted,
    };
    const pod = podOf("late", { ...output("late"), container: "main" }, "echo hello > out", mounted, work);
    pod.spec.containers.push(late);
    await ws.apply(pod);
    await ws.succeeded("late");
    expect(await ws.content("attempts/late:1", "out")).toBe("hello\n");
  });

  it("inj-32: a Secret that comes late is waited for, as without the operator", async ({ ws }) => {
    const env = [{ name: "WORD", valueFrom: { secretKeyRef: { name: "late", key: "word" } } }];
    await ws.apply(podOf("secret", output("secret"), 'echo "$WORD" > out', { ...mounted, env }, work));
    const waits = async () => {
      const statuses = (await ws.pod("secret")).status?.containerStatuses ?? [];
      const main = statuses.find(({ name }) => name === "main");
      const oras = statuses.find(({ name }) => name === names.pushContainer);
      return main?.state?.waiting?.reason === "CreateContainerConfigError" && oras?.state?.running;
    };
    await until(waits, "the program's container to wait for the Secret, and oras for it");
    await ws.kubectl("create", "secret", "generic", "late", "--from-literal=word=hello");
    await ws.succeeded("secret");
    expect(await ws.content("attempts/secret:1", "out")).toBe("hello\n");
  });
});

describe.concurrent("a container is Ready", () => {
  it("when its inputs are whole, and as long as its program runs", async ({ ws }) => {
    await ws.step(
      "large",
      { "output-uri": "attempts/large:1", "output-path": "tree" },
      "mkdir tree; i=0; while [ $i -lt 20000 ]; do echo $i > tree/$i; i=$((i+1)); done; touch tree/z",
    );
    const step = { "input-uri": "attempts/large:1", "input-path": "/work/in" };
    await ws.apply(podOf("ready", step, "until [ -e go ]; do sleep 0.1; done", mounted, work));
    await ws.kubectl("wait", "pod/ready", "--for=condition=Ready", "--timeout=120s");
    expect(
      await ws.kubectl("exec", "ready", "-c", "main", "--", "sh", "-c", "ls /work/in/tree | wc -l"),
    ).toBe("20001\n");
    await ws.kubectl("exec", "ready", "-c", "main", "--", "touch", "/work/go");
    await ws.succeeded("ready");
  });
});

describe.concurrent("containers of a step cannot reach into each other", () => {
  it("a wrapped container sees its part of the share alone, and cannot write it", async ({ ws }) => {
    const look =
      "until [ -S /mnt/oras/socket ]; do sleep 0.1; done; find /mnt/oras > out; touch /mnt/oras/x /mnt/oras/agent 2>> out; true";
    const pod = podOf(
      "parts",
      {
        "output-uri": "attempts/parts:1",
        container: "main",
        container_1: "second",
        "output-path": "/work/out",
        "output-path_1": "/work/other",
      },
      look,
      mounted,
      work,
    );
    const second = {
      ...pod.spec.containers[0],
      name: "second",
      command: ["sh", "-c", "echo secret > other; sleep 2"],
    } as V1Container;
    pod.spec.containers.push(second);
    await ws.apply(pod);
    await ws.succeeded("parts");
    const out = await ws.content("attempts/parts:1", "out");
    expect(
      out
        .split("\n")
        .filter((line) => line.startsWith("/mnt"))
        .toSorted(),
    ).toEqual(
      ["", "/agent", ...(shapeInUse === "hook" ? ["/barrier"] : []), "/socket"].map(
        (path) => `/mnt/oras${path}`,
      ),
    );
    expect(out.match(/Read-only file system/g)).toHaveLength(2);
    expect(endOf(await ws.pod("parts"), "second")?.exitCode).toBe(0);
  });
});
