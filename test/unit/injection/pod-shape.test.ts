import type { V1Container, V1Pod, V1PodSpec } from "@kubernetes/client-node";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { names } from "../../../schema/names.ts";
import { defaultContainerKey } from "../../../src/injection/launcher.ts";
import { restartPolicyOf } from "../../../src/workload/restarts.ts";
import { jobOf, podOf, type StepAnnotations } from "../../support/builders.ts";
import { created, updated } from "../../support/patched.ts";
import { admit, createRequest, pod, stepAnnotations } from "../../support/pods.ts";

const around = { hookShape: true };
const output: StepAnnotations = { "input-uri": "d:e", "output-uri": "a/b:c", "output-path": "out" };
const registry = "http://oras-0.oras.default.svc.cluster.local:5000";

function injected(
  map: StepAnnotations = output,
  container?: Partial<V1Container>,
  spec?: Partial<V1PodSpec>,
) {
  return created(podOf("step", map, "true", container, spec), around);
}

const namesOf = ({ spec }: { spec: V1PodSpec }) => ({
  init: spec.initContainers?.map(({ name }) => name) ?? [],
  containers: spec.containers.map(({ name }) => name),
});
const shapeOf = (object: V1Pod) =>
  object.spec?.containers.some(({ command }) => command?.[1] === "serve") ? "hook" : "init";

describe("a step without an init container", () => {
  it("has the container oras in front, which serves", () => {
    const { spec } = injected();
    expect(namesOf({ spec })).toEqual({ init: [], containers: ["oras", "main"] });
    const [oras] = spec.containers;
    expect(oras).toMatchObject({
      image: "example.com/agent:1",
      command: ["/agent", "serve"],
      lifecycle: { postStart: { exec: { command: ["/agent", "ready", "--share=/mnt/oras"] } } },
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [128, 137, 139] } }],
    });
    expect(oras?.args).toEqual(
      `--share=/mnt/oras --input=${registry}/d:e --output=${registry}/a/b:c --policy={"restart":"Never"} --image=busybox:1.36 --timeout=300 --keeper=oras-0.oras.default.svc.cluster.local:5002`.split(
        " ",
      ),
    );
  });

  it("holds the wrapped container back by a variable from a file of its part", () => {
    const [, main] = injected().spec.containers;
    expect(main?.command).toEqual(["/mnt/oras/agent", "exec"]);
    expect(main?.args?.slice(0, 5)).toEqual(
      "--share=/mnt/oras --streams --input-path=. --pushes --output-path=out".split(" "),
    );
    expect(main?.volumeMounts).toEqual([
      { name: "oras-share", mountPath: "/mnt/oras", subPath: "0", readOnly: true },
    ]);
    const fileKeyRef = { volumeName: "oras-share", path: "0/barrier", key: names.readyVariable };
    expect(main?.env).toEqual([{ name: names.readyVariable, valueFrom: { fileKeyRef } }]);
  });

  it("has the same container where there is nothing to push", () => {
    const { spec } = injected({ "input-uri": "d:e" });
    expect(namesOf({ spec })).toEqual({ init: [], containers: ["oras", "main"] });
    expect(spec.containers[0]?.args?.join(" ")).not.toContain("--output");
  });

  it("restarts oras after failures where the Pod does, but not when its inputs failed", () => {
    const { spec } = injected({ "input-uri": "d:e" }, {}, { restartPolicy: "OnFailure" });
    const exitCodes = { operator: "NotIn", values: [0, 181, 182, 183, 184, 185, 192, 194] };
    expect(spec.containers[0]).toMatchObject({
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "Restart", exitCodes }],
    });
    expect(spec.containers[1]?.args).toContain("--oras-comes-back");
  });

  it("wraps several containers, each with a part and a file of its own", () => {
    const second = { name: "second", image: "other", command: ["run"], workingDir: "/tmp" };
    const step = podOf("step", { ...output, container: "second", container_1: "main" });
    step.spec.containers.push(second);
    const { spec, metadata } = created(step, around);
    expect(namesOf({ spec })).toEqual({ init: [], containers: ["oras", "main", "second"] });
    const parts = spec.containers
      .slice(1)
      .map(({ volumeMounts, env }) => [volumeMounts?.[0]?.subPath, env?.[0]?.valueFrom?.fileKeyRef?.path]);
    expect(parts).toEqual([
      ["1", "1/barrier"],
      ["0", "0/barrier"],
    ]);
    expect(spec.containers[0]?.args?.filter((word) => word.startsWith("--image"))).toEqual([
      "--image=other",
      "--image=busybox:1.36",
    ]);
    expect(metadata).toMatchObject({ annotations: { [defaultContainerKey]: "second" } });
  });

  it("stands behind native sidecars", () => {
    const mesh = { name: "mesh", image: "x", restartPolicy: "Always" };
    const { spec } = injected(output, {}, { initContainers: [mesh] });
    expect(namesOf({ spec })).toEqual({ init: ["mesh"], containers: ["oras", "main"] });
  });

  it("is what kubectl means by default, unless its author says so", () => {
    expect(injected().metadata).toMatchObject({ annotations: { [defaultContainerKey]: "main" } });
    const job = created(jobOf("step", output), around);
    expect(job.spec?.template.metadata?.annotations).toEqual({ [defaultContainerKey]: "main" });
    expect(job.metadata).not.toMatchObject({ annotations: { [defaultContainerKey]: "main" } });
    const step = podOf("step", output);
    Object.assign(step.metadata, {
      annotations: { ...(step.metadata as V1Pod["metadata"])?.annotations, [defaultContainerKey]: "other" },
    });
    expect(created(step, around).metadata).toMatchObject({ annotations: { [defaultContainerKey]: "other" } });
  });

  it("is in the log of who asks for it, with the reasons", () => {
    const verdict = (hookShape: boolean) =>
      admit(createRequest(podOf("step", { ...output, debug: "true" })), { hookShape });
    expect(verdict(true)).toMatchObject({ debug: { podShape: "hook" } });
    expect(verdict(false)).toMatchObject({
      debug: { podShape: "init", because: ["the installation or the cluster has no other shape"] },
    });
  });
});

describe("an init container pulls", () => {
  const probe = { exec: { command: ["true"] } };
  const restartsAll = {
    restartPolicy: "Never",
    restartPolicyRules: [{ action: "RestartAllContainers", exitCodes: { operator: "In", values: [1] } }],
  };
  it.each<[string, StepAnnotations, Partial<V1Container>, Partial<V1PodSpec>]>([
    ["the Pod is always restarted", {}, {}, { restartPolicy: "Always" }],
    ["the Pod has no restart policy, which means Always", {}, {}, { restartPolicy: undefined } as object],
    ["the wrapped container is always restarted", {}, { restartPolicy: "Always" }, {}],
    ["the wrapped container has a startup probe", {}, { startupProbe: probe }, {}],
    ["the wrapped container has a liveness probe", {}, { livenessProbe: probe }, {}],
    ["the wrapped container has a postStart hook", {}, { lifecycle: { postStart: probe } }, {}],
    ["a script of the author's runs", { entrypoint: "https://x.example/a.sh" }, {}, {}],
    ["another script of the author's runs", { "oras-entrypoint": "https://x.example/a.sh" }, {}, {}],
    ["the author chose the image of oras", { "oras-container": "x" }, {}, {}],
    ["the wrapped container may restart all", {}, restartsAll, {}],
    ["a sidecar may restart all", {}, {}, { initContainers: [{ name: "s", image: "x", ...restartsAll }] }],
  ])("where %s", (_, map, container, spec) => {
    expect(shapeOf(injected({ ...output, ...map }, container, spec))).toBe("init");
  });

  it.each(["startupProbe", "livenessProbe"] as const)(
    "where the step waits on its node, and has a %s: it does not run meanwhile",
    (name) => {
      const map = { ...output, "wait-for-inputs": "true" };
      expect(shapeOf(injected(map, {}, { nodeName: "n" }))).toBe("hook");
      expect(shapeOf(injected(map, { [name]: probe }, { nodeName: "n" }))).toBe("init");
    },
  );

  it("where another container is not wrapped", () => {
    const step = podOf("step", output);
    step.spec.containers.push({ name: "beside", image: "x" });
    expect(shapeOf(created(step, around))).toBe("init");
  });

  it.each([
    ["names it", "init", [{ action: "Ignore", onExitCodes: { containerName: names.pullContainer } }]],
    ["names none", "hook", [{ action: "Ignore", onExitCodes: { operator: "In", values: [183] } }]],
    ["names another one", "hook", [{ action: "FailJob", onExitCodes: { containerName: "main" } }]],
    ["is none", "hook", { rules: "x" }],
  ])("where the podFailurePolicy of a Job %s: %s", (_, shape, rules) => {
    const job = created(jobOf("step", output, "true", { podFailurePolicy: { rules } }), around);
    expect(shapeOf(job.spec?.template as V1Pod)).toBe(shape);
  });

  it.each([false, undefined])("where the cluster can do nothing else, or is not known: %s", (hookShape) => {
    expect(shapeOf(created(podOf("step", output), { ...(hookShape !== undefined && { hookShape }) }))).toBe(
      "init",
    );
  });

  it("exactly then", () => {
    const scripts = /\/(entrypoint|oras-entrypoint|oras-container)$/;
    fc.assert(
      fc.property(pod, stepAnnotations, fc.boolean(), (p, map, hookShape) => {
        const [main, ...others] = p.spec?.containers ?? [];
        const all = [...(p.spec?.containers ?? []), ...(p.spec?.initContainers ?? [])];
        const isPlain =
          others.length === 0 &&
          main?.lifecycle?.postStart === undefined &&
          main?.startupProbe === undefined &&
          restartPolicyOf(main ?? {}, p.spec?.restartPolicy) !== "Always" &&
          !JSON.stringify(all).includes("RestartAllContainers") &&
          !Object.keys(map).some((key) => scripts.test(key));
        const annotated = { ...p, metadata: { ...p.metadata, annotations: map } };
        expect(shapeOf(created(annotated, { hookShape }))).toBe(isPlain && hookShape ? "hook" : "init");
      }),
    );
  });
});

describe("what others do to a step without an init container", () => {
  it("is healed at the second call, where an older webhook dropped the source of the variable", () => {
    const stored = injected();
    const dropped = structuredClone(stored);
    dropped.spec.containers[1]?.env?.forEach((variable) => {
      if (variable.name === names.readyVariable) variable.valueFrom = {};
    });
    expect(created(dropped, around)).toEqual(stored);
  });

  it("is healed in an update of a client that drops what it does not know", () => {
    const stored = injected();
    const dropped = structuredClone(stored);
    const [oras, main] = dropped.spec.containers;
    delete oras?.restartPolicyRules;
    main?.env?.forEach((variable) => {
      variable.valueFrom = {};
    });
    expect(updated(stored, dropped)).toEqual(stored);
  });

  it("stays, where somebody names another default container, and comes back where it is lost", () => {
    const stored = injected();
    const said = structuredClone(stored);
    Object.assign((said.metadata as V1Pod["metadata"])?.annotations ?? {}, { [defaultContainerKey]: "oras" });
    expect(updated(stored, said)).toEqual(said);
    const lost = structuredClone(stored);
    delete (lost.metadata as V1Pod["metadata"])?.annotations?.[defaultContainerKey];
    expect(updated(stored, lost)).toEqual(stored);
  });

  it("is taken out of a copy without annotations", () => {
    const copy = structuredClone(injected());
    const bare = podOf("step");
    Object.assign(copy.metadata, { annotations: { [defaultContainerKey]: "main" }, labels: {} });
    expect(admit(createRequest(copy), around)).toMatchObject({ outcome: "stripped" });
    expect(created(copy, around).spec).toEqual(bare.spec);
    expect(created(copy, around).metadata).not.toHaveProperty("annotations");
  });
});

describe("the variable that holds a container back", () => {
  it.each([true, false])("cannot be the author's, whatever the cluster can do: %s", (hookShape) => {
    const step = podOf("step", output, "true", { env: [{ name: names.readyVariable, value: "1" }] });
    expect(admit(createRequest(step), { hookShape })).toMatchObject({
      kind: "denied",
      problems: [{ code: "ReservedVariable", path: "spec.containers[0].env[0].name" }],
    });
  });
});
