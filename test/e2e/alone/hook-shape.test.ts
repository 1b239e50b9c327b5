import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { endOf, jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { it } from "../../support/e2e.ts";
import { told, toldAbout } from "../../support/events.ts";
import { isHooked, setPodShape, shapeInUse } from "../../support/pod-shape.ts";
import { signalOras } from "../../support/signals.ts";
import { until } from "../../support/wait.ts";
import type { Workspace } from "../../support/workspace.ts";

const output = (name: string): StepAnnotations => ({
  "output-uri": `hooked/${name}:1`,
  "output-path": "/work/out",
});
const input: StepAnnotations = { "input-uri": "hooked/seed:1", "input-path": "/work/in" };

/** A folder that outlives attempts. */
const work: Pick<V1PodSpec, "volumes"> = { volumes: [{ name: "work", emptyDir: {} }] };
const mounted: Partial<V1Container> = {
  volumeMounts: [{ name: "work", mountPath: "/work" }],
  workingDir: "/work",
};
const secondTry = (then: string) => `if [ -e once ]; then ${then}; else touch once; rm -rf in; exit 42; fi`;

const stateOf = ({ status }: V1Pod, name: string) =>
  status?.containerStatuses?.find((each) => each.name === name)?.state;
const restartsOf = ({ status }: V1Pod, name: string) =>
  status?.containerStatuses?.find((each) => each.name === name)?.restartCount;

/** What the API server would store of a Pod. */
async function injected(ws: Workspace, pod: V1Pod): Promise<V1Pod & { spec: V1PodSpec }> {
  const create = ["--namespace", ws.namespace, "create", "--dry-run=server", "-o", "json", "-f", "-"];
  const { stdout, stderr, code } = await ws.try(create, JSON.stringify(pod));
  if (code !== 0) throw new Error(stderr);
  const made = JSON.parse(stdout) as V1Pod & { spec: V1PodSpec };
  expect(isHooked(made)).toBe(true);
  const { annotations, labels, name } = made.metadata ?? {};
  return { ...made, metadata: { annotations, labels, name } as NonNullable<V1Pod["metadata"]> };
}

/** A Pod whose container oras is another one than what is injected, as a webhook or a registry may have it. */
async function withOras(ws: Workspace, pod: V1Pod, change: (oras: V1Container) => void): Promise<V1Pod> {
  const made = await injected(ws, pod);
  const oras = made.spec.containers.find(({ name }) => name === names.pushContainer);
  if (oras === undefined) throw new Error("no oras");
  change(oras);
  return made;
}

beforeAll(() => setPodShape("auto"));
afterAll(() => setPodShape(shapeInUse === "hook" ? "auto" : "init"));
it.beforeAll(async ({ ws }) => {
  await ws.step("seed", { "output-uri": "hooked/seed:1", "output-path": "file" }, "echo seed > file");
});

describe.concurrent("a step without an init container", () => {
  it("reads its input, and writes its output; its program sees nothing of the operator's", async ({ ws }) => {
    const script = `cat in/file > out; env | grep -c ${names.readyVariable} >> out; true`;
    const pod = await ws.step("both", { ...input, ...output("both") }, script, mounted, work);
    expect(isHooked(pod)).toBe(true);
    expect(pod.spec?.initContainers).toBe(undefined);
    expect(pod.spec?.containers.map(({ name }) => name)).toEqual([names.pushContainer, "main"]);
    expect(await ws.content("hooked/both:1", "out")).toBe("seed\n0\n");
    expect(restartsOf(pod, "main")).toBe(0);
  });

  it("shows the program by default, to kubectl logs and exec", async ({ ws }) => {
    await ws.step("default", input, "echo it is me", mounted, work);
    expect(await ws.kubectl("logs", "default")).toContain("it is me");
  });

  it("with an input alone ends when its program has ended, and is Ready while it runs", async ({ ws }) => {
    await ws.apply(podOf("reads", input, "until [ -e go ]; do sleep 0.1; done", mounted, work));
    await ws.kubectl("wait", "pod/reads", "--for=condition=Ready", "--timeout=120s");
    expect(await ws.kubectl("exec", "reads", "--", "cat", "/work/in/file")).toBe("seed\n");
    await ws.kubectl("exec", "reads", "--", "touch", "/work/go");
    await ws.succeeded("reads");
  });

  it("wraps several containers, which each have the inputs", async ({ ws }) => {
    const step: StepAnnotations = {
      ...{ "input-uri": "hooked/seed:1", "output-uri": "hooked/several:1" },
      ...{ container: "main", container_1: "second" },
      ...{ "input-path": "/work/in", "input-path_1": "/work/second" },
      ...{ "output-path": "/work/out", "output-path_1": "/work/other" },
    };
    const pod = podOf("several", step, "cat in/file > out", mounted, work);
    const [main] = pod.spec.containers;
    if (main === undefined) throw new Error("no container");
    pod.spec.containers.push({ ...main, name: "second", command: ["sh", "-c", "cat second/file > other"] });
    await ws.apply(pod);
    expect(isHooked(await ws.succeeded("several"))).toBe(true);
    expect(await ws.content("hooked/several:1", "out")).toBe("seed\n");
    expect(await ws.content("hooked/several:1", "other")).toBe("seed\n");
  });

  it("has its inputs again at its next attempt, under OnFailure", async ({ ws }) => {
    const spec = { ...work, restartPolicy: "OnFailure" };
    const script = secondTry("cat in/file > out; echo second >> out");
    const pod = await ws.step("again", { ...input, ...output("again") }, script, mounted, spec);
    expect(isHooked(pod)).toBe(true);
    expect(await ws.content("hooked/again:1", "out")).toBe("seed\nsecond\n");
    expect([restartsOf(pod, "main"), restartsOf(pod, names.pushContainer)]).toEqual([1, 0]);
  });

  it("ends as its program does, and pushes nothing then", async ({ ws }) => {
    const pod = await ws.run("fails", { ...input, ...output("fails") }, "exit 3", mounted, work);
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(3);
    expect(await ws.isPushed("hooked/fails:1")).toBe(false);
  });

  it("ends with the code of an input that is not there, in both containers", async ({ ws }) => {
    const { code } = exitCodes.inputNotFound;
    const step = { "input-uri": "hooked/seed:2", "input-path": "/work/in" } as const;
    const pod = await ws.run("missing", step, "echo never > ran", mounted, work);
    expect(pod.status?.phase).toBe("Failed");
    expect([endOf(pod, "main")?.exitCode, endOf(pod, names.pushContainer)?.exitCode]).toEqual([code, code]);
    expect(await told(ws, "Pod", "missing", "InputNotFound")).toContain("seed");
    expect(await toldAbout(ws, "Pod", "missing")).toHaveLength(1);
  });

  it("fails under OnFailure, too, if an input is not there, and is not tried again for ever", async ({
    ws,
  }) => {
    const step = { "input-uri": "hooked/seed:2", "input-path": "/work/in" } as const;
    const spec = { ...work, restartPolicy: "OnFailure" };
    const pod = await ws.run("missing-again", step, "echo never > ran", mounted, spec);
    expect(isHooked(pod)).toBe(true);
    expect(pod.status?.phase).toBe("Failed");
    expect(restartsOf(pod, names.pushContainer)).toBe(0);
    expect(await told(ws, "Pod", "missing-again", "InputNotFound")).toContain("seed");
  });

  it("waits for native sidecars, however slow", async ({ ws }) => {
    const slow: V1Container = {
      name: "slow",
      image: "busybox:1.36",
      command: ["sh", "-c", "sleep 4; touch /work/up; sleep 1000"],
      restartPolicy: "Always",
      startupProbe: { exec: { command: ["test", "-e", "/work/up"] }, periodSeconds: 1, failureThreshold: 60 },
      ...mounted,
    };
    const spec = { ...work, initContainers: [slow], terminationGracePeriodSeconds: 1 };
    const pod = await ws.step("sidecar", { ...input, ...output("sidecar") }, "cp in/file out", mounted, spec);
    expect(isHooked(pod)).toBe(true);
    expect(await ws.content("hooked/sidecar:1", "out")).toBe("seed\n");
  });

  it("runs the hooks of its author, also one that waits for the program", async ({ ws }) => {
    const lifecycle = {
      postStart: { exec: { command: ["sh", "-c", "until [ -e /work/ready ]; do sleep 0.1; done"] } },
    };
    const script = "touch ready; cp in/file out; sleep 2";
    const pod = await ws.step(
      "hooks",
      { ...input, ...output("hooks") },
      script,
      { ...mounted, lifecycle },
      work,
    );
    // Without an address the registry's NetworkPolicy keeps the Pod out, and it gets one when its hooks have ended.
    expect(isHooked(pod)).toBe(false);
    expect(await ws.content("hooked/hooks:1", "out")).toBe("seed\n");
  });
});

describe.concurrent("what keeps oras from running is waited for, and told", () => {
  it.for(["Never", "OnFailure"])("its image, under %s", async (restartPolicy, { ws }) => {
    const name = `image-${restartPolicy.toLowerCase()}`;
    let image = "";
    const step = { ...input, ...output(name) };
    const pod = await withOras(
      ws,
      podOf(name, step, "cp in/file out", mounted, { ...work, restartPolicy }),
      (oras) => {
        image = oras.image ?? "";
        oras.image = "example.com/none:1";
        oras.imagePullPolicy = "Never";
      },
    );
    await ws.apply(pod);
    const note = await told(ws, "Pod", name, "WaitingForAgent");
    expect(note).toMatch(
      /main is not started yet, because the container oras does not run: ErrImageNeverPull/,
    );
    expect(stateOf(await ws.pod(name), "main")?.waiting?.reason).toBe("CreateContainerConfigError");
    await ws.kubectl("set", "image", `pod/${name}`, `${names.pushContainer}=${image}`);
    await ws.succeeded(name);
    expect(await ws.content(`hooked/${name}:1`, "out")).toBe("seed\n");
    const all = (await toldAbout(ws, "Pod", name)).filter((text) => text.startsWith("WaitingForAgent"));
    expect(all).toHaveLength(1);
  });

  it("its creation, which fails at first", async ({ ws }) => {
    const secretKeyRef = { name: "late", key: "text" };
    const pod = podOf(
      "created-late",
      { ...input, ...output("created-late") },
      "cp in/file out",
      mounted,
      work,
    );
    await ws.apply(
      await withOras(ws, pod, (oras) => {
        oras.env = [...(oras.env ?? []), { name: "LATE", valueFrom: { secretKeyRef } }];
      }),
    );
    expect(await told(ws, "Pod", "created-late", "WaitingForAgent")).toContain('secret "late" not found');
    await ws.kubectl("create", "secret", "generic", "late", "--from-literal=text=x");
    await ws.succeeded("created-late");
    expect(await ws.content("hooked/created-late:1", "out")).toBe("seed\n");
  });

  it("nothing is told of a step that starts as it should", async ({ ws }) => {
    await ws.step("plain", input, "true", mounted, work);
    expect(await toldAbout(ws, "Pod", "plain")).toEqual([]);
  });
});

describe.concurrent("a step without an init container, when something ends early", () => {
  it("oras is started again after it was killed, and takes the output", async ({ ws }) => {
    const script = `${signalOras("KILL")}; cp in/file out`;
    const spec = { ...work, shareProcessNamespace: true };
    const security = { runAsUser: 0 };
    const pod = await ws.step(
      "killed",
      { ...input, ...output("killed") },
      script,
      { ...mounted, securityContext: security },
      spec,
    );
    expect(restartsOf(pod, names.pushContainer)).toBe(1);
    expect(restartsOf(pod, "main")).toBe(0);
    expect(await ws.content("hooked/killed:1", "out")).toBe("seed\n");
  });

  it("oras cannot write the volume: the Pod fails, and says why", async ({ ws }) => {
    const pod = podOf("readonly", input, "true", mounted, work);
    await ws.apply(
      await withOras(ws, pod, (oras) => {
        for (const mount of oras.volumeMounts ?? [])
          if (mount.mountPath === names.sharePath) mount.readOnly = true;
      }),
    );
    const ended = await ws.ended("readonly");
    expect(ended.status?.phase).toBe("Failed");
    expect(await told(ws, "Pod", "readonly", "PusherLost")).toContain("could only be started in vain");
  });

  it("a program that cannot be started ends the Pod", async ({ ws }) => {
    const workingDir = "/etc/passwd"; // no directory
    const pod = await ws.run("no-start", input, "true", { ...mounted, workingDir }, work);
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
    expect(await told(ws, "Pod", "no-start", "ContainerLost")).toContain("StartError");
  });

  it.for([
    ["at once", undefined],
    ["while oras waits for a registry", { registry: "http://10.255.255.1:5000", timeout: "5m" }],
    ["while the program runs", "running"],
  ] as const)("is deleted %s", async ([, when], { ws }) => {
    const name = `deleted-${typeof when === "string" ? when : when ? "waiting" : "now"}`;
    const step = typeof when === "object" ? { ...input, ...when } : { ...input, ...output(name) };
    const spec = { ...work, terminationGracePeriodSeconds: 5 };
    await ws.apply(podOf(name, step, "sleep 1000", mounted, spec));
    if (when !== undefined) {
      const running = async () => stateOf(await ws.pod(name), "main")?.running !== undefined;
      await until(running, "the wrapped container to run");
    }
    await ws.kubectl("delete", "pod", name, "--timeout=60s");
  });
});

describe.concurrent("Jobs of steps without an init container", () => {
  it("try as often as they say", async ({ ws }) => {
    await ws.apply(jobOf("tries", { ...input, "input-path": "in" }, "exit 7", { backoffLimit: 1 }));
    expect(await ws.verdict("tries")).toBe("Failed");
    const pods = JSON.parse(await ws.kubectl("get", "pods", "-l", "job-name=tries", "-o", "json")) as {
      items: V1Pod[];
    };
    expect(pods.items.map((pod) => [isHooked(pod), endOf(pod, "main")?.exitCode])).toEqual([
      [true, 7],
      [true, 7],
    ]);
  });

  it("obey their podFailurePolicy: a code of the program's ends them at once", async ({ ws }) => {
    const rules = [
      { action: "FailJob", onExitCodes: { containerName: "main", operator: "In", values: [42] } },
    ];
    const job = jobOf("policy", { ...input, "input-path": "in" }, "exit 42", {
      ...{ backoffLimit: 6, podFailurePolicy: { rules } },
    });
    await ws.apply(job);
    expect(await ws.verdict("policy")).toBe("Failed");
    expect(await ws.kubectl("get", "pods", "-l", "job-name=policy", "-o", "name")).toMatch(/^\S+\n$/);
  });

  it("complete with an output", async ({ ws }) => {
    const step = { ...output("job"), "output-path": "out" };
    await ws.apply(jobOf("completes", step, "echo done > out"));
    expect(await ws.verdict("completes")).toBe("Complete");
    expect(await ws.content("hooked/job:1", "out")).toBe("done\n");
  });
});
