import type { V1Job, V1Pod, V1ResourceRequirements } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { jobOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import { meshSidecar } from "../support/mesh.ts";
import { orderOf, orderWith } from "../support/pod-shape.ts";
import { cel, createPolicy, policyLabel } from "../support/policies.ts";
import { until } from "../support/wait.ts";
import { type Workspace, workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({ "output-uri": `${name}:1`, "output-path": "out" });
const hello = "echo hello > out";

/** Puts a label on a Pod or on the template of a Job. */
function labelled<T extends V1Pod | V1Job>(object: T, value: string): T {
  const labels = { [policyLabel]: value };
  if (object.kind !== "Job") return { ...object, metadata: { ...object.metadata, labels } };
  const { template, ...spec } = (object as V1Job).spec ?? ({} as NonNullable<V1Job["spec"]>);
  const metadata = { ...template.metadata, labels };
  return { ...object, spec: { ...spec, template: { ...template, metadata } } };
}

/** A Job with its annotations on the template alone. */
function onTemplate(job: V1Job): V1Job {
  const { metadata, spec } = job as V1Job & { spec: NonNullable<V1Job["spec"]> };
  const { annotations, ...rest } = metadata ?? {};
  return {
    ...job,
    metadata: rest,
    spec: { ...spec, template: { ...spec.template, metadata: { annotations } } },
  } as V1Job;
}

/** What the API server makes of the creation of a Pod, which does not stay. */
const planned = (ws: Workspace, pod: V1Pod) =>
  ws.try(["create", "--dry-run=server", "-o", "json", "-f", "-"], JSON.stringify(pod));

it("inj-20: a policy that demands a sizeLimit of each emptyDir is met with share-size-limit", async ({
  ws,
  onTestFinished,
}) => {
  const expression =
    "!has(object.spec.volumes) || object.spec.volumes.all(v, !has(v.emptyDir) || has(v.emptyDir.sizeLimit))";
  const message = "all emptyDir volumes must have a sizeLimit";
  const validations = [{ expression, message }];
  const deny = { validationActions: ["Deny"] };
  onTestFinished(await createPolicy(ws, "ValidatingAdmissionPolicy", "sized", { validations }, deny));
  const without = labelled(podOf("without-limit", output("without-limit"), hello), "sized");
  await until(
    async () => (await planned(ws, without)).stderr.includes(message),
    "the policy to refuse a step",
  );
  const sized: StepAnnotations = { ...output("sized"), "share-size-limit": "64Mi" };
  await ws.apply(labelled(podOf("sized", sized, hello), "sized"));
  await ws.apply(labelled(jobOf("sized-job", { ...sized, ...output("sized-job") }, hello), "sized"));
  await ws.succeeded("sized");
  expect(await ws.verdict("sized-job")).toBe("Complete");
  expect(await ws.content("sized:1", "out")).toBe("hello\n");
  expect(await ws.content("sized-job:1", "out")).toBe("hello\n");
});

it("inj-20: a policy that demands ephemeral-storage of each container is met where the Pod's own meet it", async ({
  ws,
  onTestFinished,
}) => {
  const all = "(object.spec.containers + object.spec.?initContainers.orValue([]))";
  const has = (kind: string) => `c.resources.?${kind}["ephemeral-storage"].hasValue()`;
  const expression = `${all}.all(c, ${has("requests")} && ${has("limits")})`;
  const message = "each container must have a request and a limit of ephemeral-storage";
  onTestFinished(
    await createPolicy(
      ws,
      "ValidatingAdmissionPolicy",
      "stored",
      { validations: [{ expression, message }] },
      { validationActions: ["Deny"] },
    ),
  );
  const map: StepAnnotations = { ...output("stored"), "input-uri": "seed:1" };
  const bare = labelled(podOf("stored", map), "stored");
  await until(async () => (await planned(ws, bare)).stderr.includes(message), "the policy to refuse a step");
  const storage = { "ephemeral-storage": "128Mi" };
  const resources = { requests: storage, limits: storage };
  const { code, stdout, stderr } = await planned(
    ws,
    labelled(podOf("stored", map, hello, { resources }), "stored"),
  );
  expect(code, stderr).toBe(0);
  expect((JSON.parse(stdout) as V1Pod).spec?.containers).toHaveLength(2);
});

describe("inj-07: a mesh whose native sidecar comes by admission, and without which there is no network", () => {
  const port = 5001;
  const step = (name: string): StepAnnotations => ({
    ...output(name),
    "input-uri": "seed:1",
    registry: `http://127.0.0.1:${port}`,
    timeout: "60s",
  });

  it.beforeAll(async ({ open: ws }) => {
    const sidecar = cel(meshSidecar(ws.namespace, port), "Object.spec.initContainers");
    const expression = `(has(object.spec.initContainers) ? [] : [JSONPatch{op: "add", path: "/spec/initContainers", value: []}])
      + [JSONPatch{op: "add", path: "/spec/initContainers/-", value: ${sidecar}}]`;
    const remove = await createPolicy(ws, "MutatingAdmissionPolicy", "mesh", {
      failurePolicy: "Fail",
      reinvocationPolicy: "IfNeeded",
      matchConditions: [
        {
          name: "not-yet",
          expression:
            "!has(object.spec.initContainers) || !object.spec.initContainers.exists(c, c.name == 'proxy')",
        },
      ],
      mutations: [{ patchType: "JSONPatch", jsonPatch: { expression } }],
    });
    await ws.step("seed", { "output-uri": "seed:1", "output-path": "in" }, "echo seed > in");
    const pod = labelled(podOf("meshed"), "mesh");
    await until(async () => (await planned(ws, pod)).stdout.includes('"proxy"'), "the mesh");
    return remove;
  });

  it("the operator's container stands after it in a Pod, in a Job's Pods and where the template is annotated", async ({
    open: ws,
  }) => {
    const script = "cat in in > out";
    await ws.apply(labelled(podOf("mesh-pod", step("mesh-pod"), script), "mesh"));
    await ws.apply(labelled(jobOf("mesh-job", step("mesh-job"), script), "mesh"));
    const template = onTemplate(jobOf("mesh-template", step("mesh-template"), script));
    await ws.apply(labelled(template, "mesh"));
    const pods = [
      await ws.succeeded("mesh-pod"),
      await ws.podOf("mesh-job"),
      await ws.podOf("mesh-template"),
    ];
    for (const pod of pods) {
      expect(orderOf(pod)).toEqual(orderWith({ init: ["proxy"] }));
    }
    expect(await ws.verdict("mesh-job")).toBe("Complete");
    expect(await ws.verdict("mesh-template")).toBe("Complete");
    for (const name of ["mesh-pod", "mesh-job", "mesh-template"]) {
      expect(await ws.content(`${name}:1`, "out")).toBe("seed\nseed\n");
    }
  });
});

describe.concurrent("limits of a namespace, which the API server applies to Pods and not to Jobs", () => {
  async function limited(item: object): Promise<Workspace> {
    const ws = await workspace();
    const metadata = { name: "limited" };
    await ws.apply({ apiVersion: "v1", kind: "LimitRange", metadata, spec: { limits: [item] } });
    return ws;
  }
  const job = (name: string, map: StepAnnotations, resources: V1ResourceRequirements) =>
    jobOf(name, map, hello, {}, { containers: podOf(name, {}, hello, { resources }).spec.containers });

  it("inj-05: a ratio of limit to request: the Job's Pod starts and pushes, as a Pod does", async ({
    onTestFinished,
  }) => {
    const ws = await limited({
      type: "Container",
      default: { cpu: "500m", memory: "256Mi" },
      defaultRequest: { cpu: "250m", memory: "128Mi" },
      maxLimitRequestRatio: { cpu: "4", memory: "4" },
    });
    onTestFinished(ws.remove);
    const resources = { requests: { cpu: "250m", memory: "128Mi" } };
    await until(
      async () => (await planned(ws, podOf("ratio", output("ratio"), hello, { resources }))).code === 0,
      "the operator to have seen the ratio",
    );
    await ws.apply(job("ratio-job", output("ratio-job"), resources));
    await ws.step("ratio", output("ratio"), hello, { resources });
    expect(await ws.verdict("ratio-job")).toBe("Complete");
    expect(await ws.content("ratio-job:1", "out")).toBe("hello\n");
  });

  it("inj-06: a bound of the whole Pod: what is added shrinks to what is left, or the Job is refused in words", async ({
    onTestFinished,
  }) => {
    const ws = await limited({ type: "Pod", max: { cpu: "1", memory: "512Mi" } });
    onTestFinished(ws.remove);
    const amounts = (cpu: string, memory: string) => ({ requests: { cpu, memory }, limits: { cpu, memory } });
    const resources = amounts("900m", "400Mi");
    await until(
      async () => (await planned(ws, podOf("fits", output("fits"), hello, { resources }))).code === 0,
      "the operator to have seen the bound",
    );
    await ws.apply(job("fits", output("fits"), resources));
    const full = await ws.tryApply(job("full", output("full"), amounts("1", "512Mi")));
    expect(full.code).toBe(1);
    expect(full.stderr).toContain('LimitRange "limited" allows at most cpu 1 for a Pod');
    expect(full.stderr).toContain("the Pod, with the added containers,");
    expect(await ws.verdict("fits")).toBe("Complete");
    expect(await ws.content("fits:1", "out")).toBe("hello\n");
  });
});
