import type { V1CronJob, V1Job, V1Pod } from "@kubernetes/client-node";
import { describe, expect } from "vitest";
import { names } from "../../schema/names.ts";
import { jobOf, keyed, keyOf, podOf, type StepAnnotations } from "../support/builders.ts";
import { it } from "../support/e2e.ts";
import type { Workspace } from "../support/workspace.ts";

const output = (name: string): StepAnnotations => ({ "output-uri": `${name}:1`, "output-path": "out" });
const hello = "echo hello > out";

/** A Job that stays as it was created. */
const suspended = (name: string) => jobOf(name, output(name), hello, { suspend: true });

/** The same with its annotations on the template alone: the Job itself is not changed by the operator. */
function onTemplate(name: string): V1Job {
  const { metadata, spec, ...job } = suspended(name);
  const { annotations } = metadata as { annotations?: Record<string, string> };
  const template = { ...(spec as NonNullable<V1Job["spec"]>).template, metadata: { annotations } };
  return { ...job, metadata: { name }, spec: { ...spec, template } } as V1Job;
}

/** A Job that can be put as it was written: the API server writes no selector into it. */
function selecting(name: string): V1Job {
  const { spec, ...job } = suspended(name);
  const { template, ...rest } = spec as NonNullable<V1Job["spec"]>;
  const labels = { app: name };
  const selector = { manualSelector: true, selector: { matchLabels: labels } };
  return { ...job, spec: { ...rest, ...selector, template: { ...template, metadata: { labels } } } };
}

/** A Pod that can be put as it was written: nobody writes a node or a token into it. */
function gated(name: string): V1Pod {
  const spec = {
    schedulingGates: [{ name: "example.com/closed" }],
    automountServiceAccountToken: false,
    serviceAccountName: "default",
  };
  return podOf(name, output(name), hello, {}, spec);
}

/** Fields of containers that the API got one after the other: a client from before does not send back what it has read. */
const newer = new Set(["startupProbe", "seccompProfile", "restartPolicyRules", "fileKeyRef"]);

function asOlderClient<T>(value: T): T {
  if (Array.isArray(value)) return value.map(asOlderClient) as T;
  if (typeof value !== "object" || value === null) return value;
  const kept = Object.entries(value).filter(([key]) => !newer.has(key));
  return Object.fromEntries(kept.map(([key, each]) => [key, asOlderClient(each)])) as T;
}

const get = async <T extends V1Job | V1Pod>(ws: Workspace, kind: string, name: string) =>
  JSON.parse(await ws.kubectl("get", kind, name, "-o", "json")) as T;

/** Creates an object, and waits until its controller has written what it writes: a replacement would conflict with that. */
async function created<T extends V1Job | V1Pod>(ws: Workspace, object: T): Promise<T> {
  expect(await ws.try(["create", "-f", "-"], JSON.stringify(object))).toMatchObject({ code: 0 });
  const { kind = "", metadata } = object;
  const name = metadata?.name ?? "";
  if (kind === "Job") await ws.kubectl("wait", `job/${name}`, "--for=condition=Suspended", "--timeout=60s");
  return get<T>(ws, kind, name);
}

describe.concurrent("an injected object, applied again as its author has it", () => {
  const made = {
    "a Job": suspended("again-job"),
    "a Job with an annotated template": onTemplate("again-template"),
    "a Pod": podOf("again-pod", output("again-pod"), "sleep 600"),
  };

  it.for(Object.entries(made))(
    "inj-14: %s: kubectl apply and diff see no difference",
    async ([, object], { ws }) => {
      await ws.apply(object);
      const { kind = "", metadata } = object;
      const name = metadata?.name ?? "";
      const before = await get(ws, kind, name);
      const text = JSON.stringify(object);
      await ws.apply(object);
      expect(await ws.try(["diff", "-f", "-"], text)).toMatchObject({ code: 0, stdout: "" });
      const { metadata: after, spec } = await get(ws, kind, name);
      const { nodeName: _, ...planned } = before.spec as { nodeName?: string };
      expect(spec).toMatchObject(planned);
      expect(after?.annotations).toEqual(before.metadata?.annotations);
      await ws.kubectl("delete", kind, name, "--now", "--wait=false");
    },
  );

  it.for([
    ["a Job", selecting("replaced-job")],
    ["a Pod", gated("replaced-pod")],
  ] as const)("%s: kubectl replace keeps the injection", async ([, object], { ws }) => {
    const text = JSON.stringify(object);
    const { kind = "", metadata } = object;
    const name = metadata?.name ?? "";
    const before = await created(ws, object);
    expect(await ws.try(["replace", "-f", "-"], text)).toMatchObject({ code: 0 });
    const after = await get(ws, kind, name);
    expect(after.spec).toEqual(before.spec);
    expect(after.metadata?.annotations).toEqual(before.metadata?.annotations);
    await ws.kubectl("delete", kind, name, "--now", "--wait=false");
  });

  const reads: StepAnnotations = { "input-uri": "older:1", "input-path": "/tmp/in" };
  it.for([
    ["a Job", jobOf("older-job", { ...reads, ...output("older-job") }, hello, { suspend: true })],
    [
      "a Pod",
      { ...gated("older-pod"), metadata: podOf("older-pod", { ...reads, ...output("older-pod") }).metadata },
    ],
  ] as const)(
    "%s: a client that drops what it does not know keeps the injection",
    async ([, object], { ws }) => {
      const { kind = "", metadata } = object;
      const name = metadata?.name ?? "";
      const before = await created(ws, object);
      const read = asOlderClient({ ...before, metadata: { ...before.metadata, labels: { seen: "yes" } } });
      expect(JSON.stringify(read)).not.toContain("startupProbe");
      expect(await ws.try(["replace", "-f", "-"], JSON.stringify(read))).toMatchObject({ code: 0 });
      const after = await get(ws, kind, name);
      expect(after.metadata?.labels).toMatchObject({ seen: "yes" });
      expect(after.spec).toEqual(before.spec);
      await ws.kubectl("delete", kind, name, "--now", "--wait=false");
    },
  );

  // Another manager conflicts with the first about the command of a Job that is annotated itself, as about every field
  // that a webhook changes (kubernetes/kubernetes#129960).
  it.for([
    ["a Job", suspended("server-side-job"), ["kustomize-controller"]],
    [
      "a Job with an annotated template",
      onTemplate("server-side-template"),
      ["kustomize-controller", "argocd-controller"],
    ],
  ] as const)("inj-13: %s: server-side apply, then kubectl's", async ([, object, managers], { ws }) => {
    const text = JSON.stringify(object);
    const by = (manager: string, ...flags: string[]) =>
      ws.try(["apply", "--server-side", `--field-manager=${manager}`, ...flags, "-f", "-"], text);
    const name = object.metadata?.name ?? "";
    expect(await by(managers[0])).toMatchObject({ code: 0, stderr: "" });
    const before = await get<V1Job>(ws, "job", name);
    for (const manager of managers) expect(await by(manager)).toMatchObject({ code: 0, stderr: "" });
    expect((await by("argocd-controller", "--force-conflicts")).code).toBe(0);
    expect((await get<V1Job>(ws, "job", name)).spec).toEqual(before.spec);
    expect((await ws.tryApply(object)).code).toBe(0);
    expect((await get<V1Job>(ws, "job", name)).spec).toEqual(before.spec);
  });
});

describe.concurrent("annotations that nobody reads are warned of", () => {
  const wrong = { [keyOf("output-uri")]: "wrong:1" };
  const { spec: jobSpec } = suspended("unused");
  const { spec: podSpec } = podOf("unused", {}, "sleep 600", {}, { restartPolicy: "Always" });
  const labels = { app: "wrong" };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "wrong", annotations: wrong },
    spec: {
      replicas: 0,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: podSpec },
    },
  };
  const cronJob: V1CronJob = {
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "wrong", annotations: wrong },
    spec: {
      schedule: "0 0 1 1 *",
      suspend: true,
      jobTemplate: { spec: jobSpec as NonNullable<V1Job["spec"]> },
    },
  };
  const mistyped = keyOf("output-uri").replace("github.io", "io");

  it.for<[string, object, string]>([
    [
      "a Deployment",
      deployment,
      "no effect on the Deployment itself; write it in spec.template.metadata.annotations.",
    ],
    [
      "a CronJob",
      cronJob,
      "no effect on the CronJob itself; write it in spec.jobTemplate.metadata.annotations",
    ],
    [
      "a Pod's labels",
      { ...podOf("labelled"), metadata: { name: "labelled", labels: { [keyOf("output-uri")]: "wrong" } } },
      "no effect as a label; write it in metadata.annotations.",
    ],
    [
      "a mistyped prefix",
      { ...podOf("mistyped"), metadata: { name: "mistyped", annotations: { [mistyped]: "wrong:1" } } },
      `no effect; the prefix is ${names.prefix}.`,
    ],
  ])("inj-10: %s", async ([, object, sentence], { ws }) => {
    const { code, stderr } = await ws.tryApply(object);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain("Warning: ");
    expect(stderr).toContain(sentence);
  });

  it("inj-11: on a Job that is there already, new or changed, known or not", async ({ ws }) => {
    await ws.apply({ ...suspended("later"), metadata: { name: "later" } });
    await ws.apply(suspended("changed"));
    const annotate = (job: string, map: Record<string, string>) => {
      const pairs = Object.entries(keyed(map)).map(([key, value]) => `${key}=${value}`);
      return ws.try(["annotate", "--overwrite", "job", job, ...pairs]);
    };
    for (const [job, map] of [
      ["later", { "output-uri": "later:1" }],
      ["changed", { "output-uri": "changed:2" }],
      ["changed", { "no-such-name": "x" }],
    ] as const) {
      const { stderr } = await annotate(job, map);
      expect(stderr).toContain(keyOf(Object.keys(map)[0] ?? ""));
      expect(stderr).toContain("no effect once the Job is created; delete the Job and create it again.");
    }
  });
});
