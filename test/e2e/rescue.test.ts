import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { endOf, jobOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { told } from "../support/events.ts";
import { until } from "../support/wait.ts";

const output = (name: string): StepAnnotations => ({
  "output-uri": `rescue/${name}:1`,
  "output-path": "out",
});

describe.concurrent("a step that cannot end by itself", () => {
  it("is ended when its container cannot be started (StartError): on Pod and Job stands why", async ({
    ws,
  }) => {
    const workingDir = "/etc/passwd"; // no directory
    const { spec, ...job } = jobOf("start-error", output("start-error"), "true");
    const [main, ...others] = spec?.template.spec?.containers ?? [];
    const template = { spec: { ...spec?.template.spec, containers: [{ ...main, workingDir }, ...others] } };
    await ws.apply({ ...job, spec: { ...spec, template } });
    expect(await ws.verdict("start-error")).toBe("Failed");
    const pod = await ws.podOf("start-error");
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
    expect(endOf(pod, "main")?.reason).toBe("StartError");
    const name = pod.metadata?.name ?? "";
    const why = `The operator ended the Pod ${name}, which could not end by itself. The container main could not be started`;
    for (const note of [
      await told(ws, "Pod", name, "ContainerLost"),
      await told(ws, "Job", "start-error", "ContainerLost"),
    ]) {
      expect(note).toContain(why);
      expect(note).toMatch(/StartError: .*not a directory/);
    }
    expect(await ws.isPushed("rescue/start-error:1")).toBe(false);
  });

  it("is ended when a hook of its container fails before the one that pushes has begun", async ({ ws }) => {
    const lifecycle = { postStart: { exec: { command: ["/no/such/hook"] } } };
    const pod = await ws.run("hook", output("hook"), "echo never > out; sleep 600", { lifecycle });
    expect(pod.status?.phase).toBe("Failed");
    expect(await ws.isPushed("rescue/hook:1")).toBe(false);
  });

  it("is ended when its program is started again after its output was pushed: a liveness probe failed", async ({
    ws,
  }) => {
    const livenessProbe = {
      exec: { command: ["false"] },
      initialDelaySeconds: 2,
      periodSeconds: 1,
      failureThreshold: 1,
    };
    const script = "trap 'echo kept > out; exit 0' TERM; while :; do sleep 0.1; done";
    const pod = await ws.run(
      "liveness",
      output("liveness"),
      script,
      { livenessProbe },
      { restartPolicy: "OnFailure" },
    );
    expect(pod.status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
    expect(await told(ws, "Pod", "liveness", "PusherLost")).toContain(
      "The container oras ended with exit code 0, and restartPolicy OnFailure does not start it again: the container main could only be started in vain.",
    );
    expect(await ws.content("rescue/liveness:1", "out")).toBe("kept\n");
  });

  it("is another than one that waits for a Secret: that runs when it is there", async ({ ws }) => {
    const secretKeyRef = { name: "late", key: "text" };
    const env = [{ name: "TEXT", valueFrom: { secretKeyRef } }];
    await ws.apply(podOf("late", output("late"), "echo $TEXT > out", { env }));
    await until(async () => {
      const { containerStatuses = [] } = (await ws.pod("late")).status ?? {};
      const stateOf = (name: string) => containerStatuses.find((each) => each.name === name)?.state;
      return (
        stateOf(names.pushContainer)?.running &&
        stateOf("main")?.waiting?.reason === "CreateContainerConfigError"
      );
    }, "the one that pushes to wait");
    await ws.kubectl("create", "secret", "generic", "late", "--from-literal=text=late");
    const pod = await ws.succeeded("late");
    expect(pod.spec?.activeDeadlineSeconds).toBe(undefined);
    expect(await ws.content("rescue/late:1", "out")).toBe("late\n");
  });
});
