import type { V1Container, V1Job, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { exitCodes } from "../../../schema/exit-codes.ts";
import { names } from "../../../schema/names.ts";
import { endOf, jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { it } from "../../support/e2e.ts";
import { told } from "../../support/events.ts";
import { classicSidecar } from "../../support/mesh.ts";
import { isHooked, orderOf, setPodShape, shapeInUse } from "../../support/pod-shape.ts";
import { cel, createPolicy, policyLabel } from "../../support/policies.ts";
import { startSlowRegistry } from "../../support/slow-registry.ts";
import { until } from "../../support/wait.ts";
import type { Workspace } from "../../support/workspace.ts";

const output = (name: string): StepAnnotations => ({
  "output-uri": `others/${name}:1`,
  "output-path": "/work/out",
});
const input: StepAnnotations = { "input-uri": "others/seed:1", "input-path": "/work/in" };

/** A folder that outlives attempts. */
const work: Pick<V1PodSpec, "volumes"> = { volumes: [{ name: "work", emptyDir: {} }] };
const mounted: Partial<V1Container> = {
  volumeMounts: [{ name: "work", mountPath: "/work" }],
  workingDir: "/work",
};
/** Tells that it runs, and goes on when it is told to. */
const waitsFor = "touch up; until [ -e go ]; do sleep 0.1; done; ";

const statusOf = async (ws: Workspace, pod: string, name: string) =>
  (await ws.pod(pod)).status?.containerStatuses?.find((each) => each.name === name);
const restartsOf = (pod: V1Pod) =>
  Object.fromEntries(
    (pod.status?.containerStatuses ?? []).map(({ name, restartCount }) => [name, restartCount]),
  );

/** Waits until the program of a Pod runs. */
const isUp = (ws: Workspace, pod: string) =>
  until(
    async () => (await ws.try(["exec", pod, "-c", "main", "--", "test", "-e", "/work/up"])).code === 0,
    `the program of ${pod} to run`,
  );
const letGo = (ws: Workspace, pod: string) =>
  ws.kubectl("exec", pod, "-c", "main", "--", "touch", "/work/go");

/** Another image that has the agent. */
const another = names.scriptsImage;
const setImage = (ws: Workspace, pod: string, image: string) =>
  ws.kubectl("set", "image", `pod/${pod}`, `${names.pushContainer}=${image}`);
/** Waits until the container oras runs again, from the other image. */
const isChanged = (ws: Workspace, pod: string) =>
  until(async () => {
    const { restartCount, state } = (await statusOf(ws, pod, names.pushContainer)) ?? {};
    return restartCount === 1 && state?.running;
  }, "oras to run again");

beforeAll(() => setPodShape("auto"));
afterAll(() => setPodShape(shapeInUse === "hook" ? "auto" : "init"));
it.beforeAll(async ({ ws }) => {
  await ws.step("seed", { "output-uri": "others/seed:1", "output-path": "file" }, "echo seed > file");
});

// The kubelet sends it SIGTERM, waits for the grace period, and starts the new one, whatever the old one ended with.
describe.concurrent("the image of oras is changed", () => {
  const short = { ...work, terminationGracePeriodSeconds: 2 };
  const long = { ...work, terminationGracePeriodSeconds: 400 };

  it("while the program runs: the new one takes its output", async ({ ws }) => {
    await ws.apply(
      podOf("runs", { ...input, ...output("runs") }, `${waitsFor}cp in/file out`, mounted, short),
    );
    await isUp(ws, "runs");
    await setImage(ws, "runs", another);
    await isChanged(ws, "runs");
    await letGo(ws, "runs");
    const pod = await ws.succeeded("runs");
    expect(restartsOf(pod)).toEqual({ [names.pushContainer]: 1, main: 0 });
    expect(await ws.content("others/runs:1", "out")).toBe("seed\n");
  });

  it.for([
    ["Never", "cp in/file out", "Succeeded"],
    ["OnFailure", "cp in/file out", "Succeeded"],
    ["Never", "exit 3", "Failed"],
  ] as const)(
    "and the step ends before it has ended, under %s with %s: the new one waits for nobody",
    async ([restartPolicy, script, phase], { ws }) => {
      const name = `ends-${restartPolicy}-${phase}`.toLowerCase();
      const spec = { ...long, restartPolicy };
      const step = { ...input, ...output(name), "push-on": "always" };
      await ws.apply(podOf(name, step, `${waitsFor}touch out; ${script}`, mounted, spec));
      await isUp(ws, name);
      await setImage(ws, name, another);
      await until(async () => (await ws.log(name, names.pushContainer)).includes("SIGTERM"), "SIGTERM");
      await letGo(ws, name);
      const pod = await ws.ended(name);
      expect(pod.status?.phase).toBe(phase);
      expect(restartsOf(pod)).toEqual({ [names.pushContainer]: 1, main: 0 });
      expect(endOf(pod, names.pushContainer)).toMatchObject({ exitCode: 0 });
      expect(endOf(pod, names.pushContainer)?.message).toContain("digest");
      expect(await ws.isPushed(`others/${name}:1`)).toBe(true);
    },
  );

  it("to one that is missing at first: the program is waited for, and its output is pushed", async ({
    ws,
  }) => {
    const step = { ...input, ...output("missing") };
    await ws.apply(podOf("missing", step, `${waitsFor}cp in/file out`, mounted, short));
    await isUp(ws, "missing");
    const image = (await ws.pod("missing")).spec?.containers[0]?.image ?? "";
    await setImage(ws, "missing", "127.0.0.1:1/agent:1");
    const isMissing = async () =>
      /^(ErrImage|ImagePull)/.test(
        (await statusOf(ws, "missing", names.pushContainer))?.state?.waiting?.reason ?? "",
      );
    await until(isMissing, "the image to be missing");
    await letGo(ws, "missing");
    await setImage(ws, "missing", image);
    const pod = await ws.succeeded("missing");
    expect(restartsOf(pod)).toMatchObject({ main: 0 });
    expect(await ws.content("others/missing:1", "out")).toBe("seed\n");
  });

  it("before the program's container is started", async ({ ws }) => {
    const env = [{ name: "TEXT", valueFrom: { secretKeyRef: { name: "late", key: "text" } } }];
    const step = { ...input, ...output("before") };
    await ws.apply(podOf("before", step, "cat in/file > out; echo $TEXT >> out", { ...mounted, env }, short));
    const waits = async () =>
      (await statusOf(ws, "before", "main"))?.state?.waiting?.reason === "CreateContainerConfigError" &&
      (await statusOf(ws, "before", names.pushContainer))?.state?.running;
    await until(waits, "oras to run, and main to wait for its Secret");
    await setImage(ws, "before", another);
    await isChanged(ws, "before");
    await ws.kubectl("create", "secret", "generic", "late", "--from-literal=text=late");
    await ws.succeeded("before");
    expect(await ws.content("others/before:1", "out")).toBe("seed\nlate\n");
  });

  it("while an input comes: it comes again, whole", async ({ ws }) => {
    const registry = await startSlowRegistry(ws, "streaming");
    const large = "head -c 50000000 /dev/urandom > out; sha256sum < out > /dev/termination-log";
    const makes = await ws.step(
      "large",
      { ...output("large"), registry: registry.url },
      large,
      mounted,
      work,
    );
    const stopped = registry.stopWithin("download");
    const step = { ...input, "input-uri": "others/large:1", registry: registry.url };
    const reads = "sha256sum < in/out > /dev/termination-log";
    await ws.apply(podOf("comes", step, reads, mounted, short));
    await stopped;
    await setImage(ws, "comes", another);
    await isChanged(ws, "comes");
    await registry.goOn();
    const pod = await ws.succeeded("comes");
    expect(restartsOf(pod)).toMatchObject({ main: 0 });
    expect(endOf(pod, "main")?.message).toBe(endOf(makes, "main")?.message);
  });

  it("while it pushes: the new one pushes", async ({ ws }) => {
    const registry = await startSlowRegistry(ws, "pushing");
    const large = "head -c 50000000 /dev/urandom > out";
    const stopped = registry.stopWithin("upload");
    await ws.apply(podOf("pushes", { ...output("pushes"), registry: registry.url }, large, mounted, short));
    await stopped;
    await until(async () => endOf(await ws.pod("pushes"), "main"), "the end of the program");
    await setImage(ws, "pushes", another);
    await isChanged(ws, "pushes");
    await registry.goOn();
    const pod = await ws.succeeded("pushes");
    expect(restartsOf(pod)).toEqual({ [names.pushContainer]: 1, main: 0 });
  });
});

describe.concurrent("the image of the program's container is changed while it runs", () => {
  const twice = `if [ -e up ]; then cp in/file out; else ${waitsFor}fi`;
  const change = async (ws: Workspace, name: string, restartPolicy: string) => {
    const spec = { ...work, restartPolicy, terminationGracePeriodSeconds: 2 };
    await ws.apply(podOf(name, { ...input, ...output(name) }, twice, mounted, spec));
    await isUp(ws, name);
    await ws.kubectl("set", "image", `pod/${name}`, "main=busybox:latest");
    return ws.ended(name);
  };

  it("under OnFailure: it is another attempt, with its inputs", async ({ ws }) => {
    const pod = await change(ws, "again", "OnFailure");
    expect(pod.status?.phase).toBe("Succeeded");
    expect(restartsOf(pod)).toEqual({ [names.pushContainer]: 0, main: 1 });
    expect(await ws.content("others/again:1", "out")).toBe("seed\n");
  });

  it("under Never: the first end counts, and the Pod fails", async ({ ws }) => {
    const pod = await change(ws, "never", "Never");
    expect(pod.status?.phase).toBe("Failed");
    expect(endOf(pod, "main")?.exitCode).toBe(exitCodes.pusherMissing.code);
    expect(await ws.isPushed("others/never:1")).toBe(false);
  });
});

// A mesh adds its proxy to Pods, also to those of Jobs, in which the operator has nothing more to say.
describe.each([
  ["first, and the others start when it listens", "0", true],
  ["last", "-", false],
] as const)("a classic sidecar that comes after the injection, %s", (_, place, isFirst) => {
  const port = 15001;
  const label = isFirst ? "first" : "last";
  const order = isFirst ? ["proxy", names.pushContainer, "main"] : [names.pushContainer, "main", "proxy"];
  const through: StepAnnotations = { ...input, registry: `http://127.0.0.1:${port}`, timeout: "60s" };
  const labels = { [policyLabel]: label };
  const pod = (name: string, step: StepAnnotations, script: string): V1Pod => {
    const made = podOf(name, step, script, mounted, work);
    return { ...made, metadata: { ...made.metadata, labels } };
  };
  const job = (name: string, step: StepAnnotations, script: string): V1Job => {
    const { metadata, ...made } = jobOf(name, step, script);
    const { spec } = podOf(name, {}, script, mounted, work);
    return { ...made, metadata, spec: { backoffLimit: 0, template: { metadata: { labels }, spec } } };
  };
  const copies = "cp in/file out";
  /** As a mesh is told that its Pod is over. What tells it ends with it, and may be told so. */
  const quit = (ws: Workspace, name: string) =>
    ws.try(["exec", name, "-c", "proxy", "--", "/usr/local/bin/node", "-e", "process.kill(1)"]);

  it.beforeAll(async ({ open: ws }) => {
    await ws.step("seed", { "output-uri": "others/seed:1", "output-path": "file" }, "echo seed > file");
    const sidecar = cel(classicSidecar(ws.namespace, port, isFirst), "Object.spec.containers");
    const has = (name: string) => `object.spec.containers.exists(c, c.name == "${name}")`;
    // Not before the operator: a policy is asked again when a webhook has changed the Pod.
    const expression = `${has(names.pushContainer)} && !${has("proxy")}
      ? [JSONPatch{op: "add", path: "/spec/containers/${place}", value: ${sidecar}}] : []`;
    const remove = await createPolicy(ws, "MutatingAdmissionPolicy", label, {
      failurePolicy: "Fail",
      reinvocationPolicy: "IfNeeded",
      mutations: [{ patchType: "JSONPatch", jsonPatch: { expression } }],
    });
    const create = ["create", "--dry-run=server", "-o", "json", "-f", "-"];
    const probe = JSON.stringify(pod("probe", { ...through, ...output("probe") }, copies));
    await until(async () => (await ws.try(create, probe)).stdout.includes('"proxy"'), "the mesh");
    return remove;
  });

  it("brings inputs and output, and keeps the Pod until it is told to end", async ({ open: ws }) => {
    const [one, two] = [`${label}-pod`, `${label}-job`];
    const applied = pod(one, { ...through, ...output(one) }, copies);
    await ws.apply(applied);
    await ws.apply(job(two, { ...through, ...output(two) }, copies));
    expect(await ws.tryApply(applied)).toMatchObject({ code: 0 });
    const made = (await ws.podOf(two)).metadata?.name ?? "";
    for (const [name, artifact] of [
      [one, one],
      [made, two],
    ] as const) {
      await until(async () => endOf(await ws.pod(name), names.pushContainer), "the end of oras");
      const beside = await ws.pod(name);
      expect(isHooked(beside)).toBe(true);
      expect(orderOf(beside).containers).toEqual(order);
      expect(beside.status?.phase).toBe("Running");
      await quit(ws, name);
      await ws.succeeded(name);
      expect(await ws.content(`others/${artifact}:1`, "out")).toBe("seed\n");
    }
    expect(await ws.verdict(two)).toBe("Complete");
  });

  it("does not keep a step whose inputs fail: nobody would tell it to end", async ({ open: ws }) => {
    const step = { ...through, "input-uri": "others/none:1" };
    await ws.apply(pod(`${label}-fails`, step, copies));
    await ws.apply(job(`${label}-job-fails`, step, copies));
    expect(await ws.verdict(`${label}-job-fails`)).toBe("Failed");
    const made = (await ws.podOf(`${label}-job-fails`)).metadata?.name ?? "";
    for (const name of [`${label}-fails`, made]) {
      const failed = await ws.ended(name);
      expect(failed.status?.phase).toBe("Failed");
      expect(endOf(failed, "main")?.exitCode).toBe(exitCodes.inputNotFound.code);
      expect(await told(ws, "Pod", name, "PusherLost")).toContain("proxy");
      expect(await told(ws, "Pod", name, "InputNotFound")).toContain("others/none");
    }
  });
});
