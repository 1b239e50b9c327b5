import type { V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { jobOf, podOf } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { orderOf, orderWith } from "../support/pod-shape.ts";
import { prepending, startPrepending } from "../support/prepending.ts";
import { until } from "../support/wait.ts";
import { workspace } from "../support/workspace.ts";

it.beforeAll(({ ws }) => startPrepending(ws));

describe.concurrent("Pods that others make", () => {
  it("Deployment: warned of for a Pod like its own, and each round's output is pushed", async ({ ws }) => {
    const pod = podOf(
      "rounds",
      { "output-uri": "rounds:1", "output-path": "out" },
      "echo round >> out",
      { workingDir: "/work", volumeMounts: [{ name: "work", mountPath: "/work" }] },
      { restartPolicy: "Always", volumes: [{ name: "work", emptyDir: {} }] },
    );
    const labels = { app: "rounds" };
    const template = { metadata: { ...pod.metadata, labels }, spec: pod.spec };
    const spec = { replicas: 1, selector: { matchLabels: labels }, template };
    await ws.apply({ apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "rounds" }, spec });
    await until(
      async () => (await ws.content("rounds:1", "out")) === "round\nround\n",
      "the second round's output",
      120_000,
    );
    await ws.kubectl("delete", "deployment", "rounds", "--wait=false");
    // Right in a Deployment: only a Pod without a controller is warned about.
    const { stderr } = await ws.tryApply(pod);
    expect(stderr).toContain(
      "Warning: spec.restartPolicy: Always, which is the default of a Pod, starts the step again",
    );
    await ws.kubectl("delete", "pod", "rounds", "--wait=false");
  });

  it("CronJob: the Job that it makes is a step", async ({ ws }) => {
    const { metadata, spec } = jobOf(
      "unused",
      { "output-uri": "cron/$(JOB_NAME):1", "output-path": "out" },
      "echo cron > out",
    );
    await ws.apply({
      apiVersion: "batch/v1",
      kind: "CronJob",
      metadata: { name: "yearly" },
      spec: {
        schedule: "0 0 1 1 *",
        jobTemplate: { metadata: { annotations: metadata?.annotations }, spec },
      },
    });
    await ws.kubectl("create", "job", "now", "--from=cronjob/yearly");
    expect(await ws.verdict("now")).toBe("Complete");
    expect(await ws.content("cron/now:1", "out")).toBe("cron\n");
  });

  it.for([
    ["Jobs", false],
    ["Pod templates", true],
  ] as const)(
    "Jobs of one set with the same annotations on %s: the one with the launcher is the step",
    async ([, below], { ws }) => {
      const set = `set-${below}`;
      const owner = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: set } };
      await ws.apply(owner);
      const { metadata } = JSON.parse(await ws.kubectl("get", "configmap", set, "-o", "json")) as V1Pod;
      const reference = { ...owner, metadata: undefined, name: set, uid: metadata?.uid, controller: true };
      const job = (name: string, container: string): V1Job => {
        const map = { container: "launcher", "output-uri": `${set}:1`, "output-path": "out" };
        const made = jobOf(name, map, "echo $HOSTNAME > out");
        const { annotations } = made.metadata ?? {};
        const { template } = made.spec ?? {};
        const containers = template?.spec?.containers.map((each) => ({ ...each, name: container }));
        return {
          ...made,
          metadata: {
            name,
            ownerReferences: [reference as never],
            ...(below ? {} : { annotations }),
          } as NonNullable<V1Job["metadata"]>,
          spec: {
            ...made.spec,
            template: {
              ...(below ? { metadata: { annotations } } : {}),
              spec: { ...template?.spec, containers },
            },
          } as NonNullable<V1Job["spec"]>,
        };
      };
      const [launcher, workers] = [`${set}-l-0`, `${set}-w-0`];
      const warned = (await ws.tryApply(job(workers, "workers"))).stderr;
      expect(warned).toContain(`Warning: left as it is: ${names.prefix}container: found "launcher"`);
      const { code, stderr } = await ws.tryApply(job(launcher, "launcher"));
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(await ws.verdict(workers)).toBe("Complete");
      expect(await ws.verdict(launcher)).toBe("Complete");
      expect((await ws.podOf(workers)).spec?.containers).toHaveLength(1);
      expect(await ws.content(`${set}:1`, "out")).toBe(`${(await ws.podOf(launcher)).metadata?.name}\n`);
    },
  );
});

describe.concurrent("a webhook of somebody else that prepends a container", () => {
  const labelled = (pod: V1Pod, value: string, annotations: Record<string, string> = {}): V1Pod => ({
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: { [prepending.label]: value },
      annotations: { ...pod.metadata?.annotations, ...annotations },
    },
  });

  it("after the operator: the step stays the container that was first, and applied again is a no-op", async ({
    ws,
  }) => {
    const pod = labelled(
      podOf("prepended-after", { "output-uri": "prepended:after", "output-pipe": "out" }, "echo mine"),
      prepending.after,
    );
    await ws.apply(pod);
    const { code, stderr } = await ws.tryApply(pod);
    expect(code, stderr).toBe(0);
    const ended = await ws.succeeded("prepended-after");
    const { containers } = orderWith({});
    expect(orderOf(ended).containers).toEqual(["prepended", ...containers]);
    expect(await ws.content("prepended:after", "out")).toBe("mine\n");
    expect(await ws.log("prepended-after", "prepended")).toBe("prepended\n");
  });

  it("before the operator: the step is the container that kubectl's annotation names", async ({ ws }) => {
    const pod = labelled(
      podOf("prepended-before", { "output-uri": "prepended:before", "output-pipe": "out" }, "echo mine"),
      prepending.before,
      { "kubectl.kubernetes.io/default-container": "main" },
    );
    await ws.apply(pod);
    const ended = await ws.succeeded("prepended-before");
    expect(orderOf(ended).containers).toEqual(["prepended", "main", names.pushContainer]);
    expect(await ws.content("prepended:before", "out")).toBe("mine\n");
  });
});

describe.concurrent("limits of a namespace", () => {
  const map = { "output-uri": "limited:1", "output-path": "out" };

  it("ResourceQuota: a Pod that says what it needs is admitted with the added containers, which say it too", async ({
    onTestFinished,
  }) => {
    const counted = await workspace();
    onTestFinished(counted.remove);
    const hard = { "requests.cpu": "1", "requests.memory": "1Gi", "limits.cpu": "2", "limits.memory": "1Gi" };
    await counted.apply({
      apiVersion: "v1",
      kind: "ResourceQuota",
      metadata: { name: "counted" },
      spec: { hard },
    });
    const resources = {
      requests: { cpu: "50m", memory: "64Mi" },
      limits: { cpu: "100m", memory: "128Mi" },
    };
    const pod = podOf("counted", map, "echo counted > out", { resources });
    await until(async () => (await counted.tryApply(pod)).code === 0, "the quota to be reckoned");
    await counted.succeeded("counted");
    expect(await counted.content("limited:1", "out")).toBe("counted\n");
  });

  it("LimitRange: its defaults reach a Pod that says nothing, and the added containers are within its bounds", async ({
    onTestFinished,
  }) => {
    const limited = await workspace();
    onTestFinished(limited.remove);
    const limits = [
      {
        type: "Container",
        default: { cpu: "500m", memory: "256Mi" },
        defaultRequest: { cpu: "300m", memory: "150Mi" },
        // More than the added containers would ask for.
        min: { cpu: "300m", memory: "150Mi" },
        max: { cpu: "1", memory: "512Mi" },
      },
    ];
    await limited.apply({
      apiVersion: "v1",
      kind: "LimitRange",
      metadata: { name: "limited" },
      spec: { limits },
    });
    const step = podOf("limited", map, "echo limited > out");
    await until(
      async () => (await limited.tryApply(step)).code === 0,
      "the operator to have seen the bounds",
    );
    const pod = await limited.succeeded("limited");
    const main = pod.spec?.containers.find(({ name }) => name === "main");
    expect(main?.resources?.limits).toEqual({ cpu: "500m", memory: "256Mi" });
    expect(pod.status?.qosClass).toBe("Burstable");
    expect(await limited.content("limited:1", "out")).toBe("limited\n");
  });
});
