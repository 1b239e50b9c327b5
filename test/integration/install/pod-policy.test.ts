import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { names } from "../../../schema/names.ts";
import type { KubeClient } from "../../../src/kube/client.ts";
import { type KubeObject, patchMerge } from "../../../src/kube/objects.ts";
import { pathOf, resources } from "../../../src/kube/resources.ts";
import { minor, since } from "../../support/kubernetes-version.ts";
import { refusalBy, refusalOf } from "../../support/refusals.ts";
import { type StolenToken, startStolenToken } from "../../support/stolen-token.ts";
import { until } from "../../support/wait.ts";

const namespace = "default";
const path = pathOf(resources.pods, { namespace });
let setup: StolenToken;
let admin: KubeClient;
let stolen: KubeClient;

beforeAll(async () => {
  setup = await startStolenToken();
  ({ admin, stolen } = setup);
  for (const pod of [
    podOf("step"),
    podOf("limited", { spec: { activeDeadlineSeconds: 600 } }),
    podOf("theirs", { metadata: { labels: { app: "theirs" } } }),
    podOf("disguised", { metadata: { labels: { [names.injectedLabel]: "false" } } }),
  ]) {
    await admin.request({ method: "POST", path, body: pod });
  }
  const isInForce = () => refused(change("step", { metadata: { labels: { a: "b" } } })).then(() => true);
  await until(isInForce, "its rights and the policy");
}, 900_000);

afterAll(() => setup?.stop());

const asksFor = { requests: { cpu: "100m" } };
/** A Pod that was injected, unless its labels say otherwise. */
function podOf(
  name: string,
  { metadata = {}, spec = {} }: { metadata?: object; spec?: object } = {},
): object {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, labels: { [names.injectedLabel]: "true", app: "x" }, ...metadata },
    spec: {
      restartPolicy: "Never",
      containers: [{ name: "main", image: "x:1", resources: asksFor }],
      ...spec,
    },
  };
}

type PatchType = "merge" | "strategic-merge" | "json";
function change(name: string, body: unknown, part = "", type: PatchType = "merge") {
  const contentType = `application/${type}-patch+json`;
  const query = { dryRun: "All" };
  return stolen.request<KubeObject>({
    method: "PATCH",
    path: `${path}/${name}${part}`,
    contentType,
    query,
    body,
  });
}
const refused = (write: Promise<unknown>) => refusalBy(/^oras-operator-ends-steps-only$/, write);

const typed = (apiVersion: string, kind: string) => ({ apiVersion, kind });
function post(part: string, body: object): Promise<unknown> {
  return stolen.request({ method: "POST", path: `${path}${part}`, query: { dryRun: "All" }, body });
}

const soon = { spec: { activeDeadlineSeconds: 5 } };

describe("whoever holds the operator's token", () => {
  test("may end a step: set a deadline, or lower one", async () => {
    await change("step", soon);
    await change("limited", soon);
    await change("step", [{ op: "add", path: "/spec/activeDeadlineSeconds", value: 5 }], "", "json");
  });

  test("changes no other field by that, and not a newer version of the Pod", async () => {
    const read = () => admin.request<KubeObject & { spec: object }>({ path: `${path}/ended` });
    await admin.request({ method: "POST", path, body: podOf("ended") });
    const before = await read();
    const { uid, resourceVersion } = before.metadata ?? {};
    const body = { metadata: { uid, resourceVersion }, ...soon };
    await patchMerge(stolen, resources.pods, { namespace, name: "ended" }, body);
    const after = await read();
    expect(after.spec).toEqual({ ...before.spec, ...soon.spec });
    const { managedFields: _, generation: _g, resourceVersion: _r, ...metadata } = after.metadata ?? {};
    expect(before.metadata).toMatchObject(metadata);
    const lower = { ...body, spec: { activeDeadlineSeconds: 1 } };
    const again = patchMerge(stolen, resources.pods, { namespace, name: "ended" }, lower);
    await expect(again).rejects.toMatchObject({ status: 409 });
  });

  const image = { spec: { containers: [{ name: "main", image: "evil:1" }] } };
  const gone = {
    apiVersion: "v1",
    kind: "ConfigMap",
    name: "gone",
    uid: "11111111-1111-1111-1111-111111111111",
  };
  test.each<[string, object, PatchType?]>([
    ["a label", { metadata: { labels: { a: "b" } } }],
    ["a label less", { metadata: { labels: { [names.injectedLabel]: null } } }],
    ["a label of a Service of somebody", { metadata: { labels: { app: "dns" } } }],
    ["an annotation", { metadata: { annotations: { a: "b" } } }],
    ["a finalizer", { metadata: { finalizers: ["example.com/x"] } }],
    ["an owner that is gone", { metadata: { ownerReferences: [gone] } }],
    ["another image", image, "strategic-merge"],
    ["nothing at all", {}],
  ])("cannot give a step %s, with a deadline or without", async (_, body, type) => {
    await refused(change("step", body, "", type));
    if (Object.keys(body).length === 0) return;
    const { spec } = body as { spec?: object };
    await refused(change("step", { ...body, spec: { ...spec, ...soon.spec } }, "", type));
  });

  test("cannot add a toleration", async () => {
    const add = { op: "add", path: "/spec/tolerations/-", value: { key: "x", operator: "Exists" } };
    await refused(change("step", [add], "", "json"));
    const deadline = { op: "add", path: "/spec/activeDeadlineSeconds", value: 5 };
    await refused(change("step", [add, deadline], "", "json"));
  });

  test("cannot raise a deadline or take it away", async () => {
    // The API server itself refuses these for now.
    for (const seconds of [601, null]) {
      const message = await refusalOf(change("limited", { spec: { activeDeadlineSeconds: seconds } }));
      expect(message).toMatch(/activeDeadlineSeconds/);
    }
    await refused(change("limited", { spec: { activeDeadlineSeconds: 600 } }));
  });

  test.each(["theirs", "disguised"])("cannot end the Pod %s, which is no step", async (name) => {
    await refused(change(name, soon));
    const labels = { [names.injectedLabel]: "true" };
    await refused(change(name, { metadata: { labels } }));
    await refused(change(name, { metadata: { labels }, ...soon }));
  });

  test("cannot set its deadline by its status: the API server drops that", async () => {
    expect((await change("step", soon, "/status")) as { spec?: object }).not.toHaveProperty(
      "spec.activeDeadlineSeconds",
    );
  });

  const ephemeral = { spec: { ephemeralContainers: [{ name: "d", image: "evil:1" }] } };
  test.each<[string, () => Promise<unknown>]>([
    ["write its status", () => change("step", { status: { phase: "Succeeded" } }, "/status")],
    [
      "add an ephemeral container",
      () => change("step", ephemeral, "/ephemeralcontainers", "strategic-merge"),
    ],
    [
      "resize it",
      () =>
        change(
          "step",
          { spec: { containers: [{ name: "main", resources: { requests: { cpu: "1" } } }] } },
          "/resize",
          "strategic-merge",
        ),
    ],
    [
      "evict it",
      () => post("/step/eviction", { ...typed("policy/v1", "Eviction"), metadata: { name: "step" } }),
    ],
    [
      "bind it to a node",
      () =>
        post("/step/binding", {
          ...typed("v1", "Binding"),
          metadata: { name: "step" },
          target: { kind: "Node", name: "node" },
        }),
    ],
    [
      "run a program in it",
      () => stolen.request({ method: "POST", path: `${path}/step/exec`, query: { command: "id" } }),
    ],
    ["delete it", () => stolen.request({ method: "DELETE", path: `${path}/step`, query: { dryRun: "All" } })],
    ["delete all", () => stolen.request({ method: "DELETE", path, query: { dryRun: "All" } })],
    ["make one", () => post("", podOf("made"))],
  ])("cannot %s", async (what, write) => {
    if (what === "resize it" && minor < since.podResize) return;
    await refused(write());
  });
});
