import { expect, test } from "vitest";
import { changesOf } from "../../../src/cache/pod-changes.ts";
import { registryPod } from "../../../src/cache/registry-pod.ts";
import type { StoredOrasCache } from "../../../src/cache/types.ts";
import { childFacts, storedCache } from "../../support/cache.ts";

type Spec = Partial<StoredOrasCache["spec"]>;

const templateOf = (spec: Spec) => registryPod(storedCache(spec), childFacts());

/** A Pod as the API server and its webhooks leave it. */
function podOf(spec: Spec) {
  const template = structuredClone(templateOf(spec));
  const pod = template.spec ?? { containers: [] };
  return {
    metadata: { ...template.metadata, name: "oras-0", labels: { ...template.metadata?.labels, more: "x" } },
    spec: {
      ...pod,
      ...{ nodeName: "node", priority: 0, serviceAccountName: "default" },
      tolerations: [
        ...(pod.tolerations ?? []),
        {
          key: "node.kubernetes.io/not-ready",
          operator: "Exists",
          effect: "NoExecute",
          tolerationSeconds: 300,
        },
      ],
      volumes: [...(pod.volumes ?? []), { name: "token", emptyDir: {} }],
      containers: [...pod.containers, { name: "sidecar", image: "sidecar" }],
    },
  };
}

const volume = { persistentVolumeClaim: { size: "1Gi", onDelete: "Retain" } } as const;

test.each<[string, Spec, Spec, string[]]>([
  ["nothing", {}, {}, []],
  ["an image", { image: "a:1" }, { image: "a:2" }, ["image a:1 → a:2"]],
  ["a variable more", {}, { env: [{ name: "A", value: "1" }] }, ["variables A"]],
  ["a variable less", { env: [{ name: "A", value: "1" }] }, {}, ["variables A"]],
  [
    "another value",
    { env: [{ name: "A", value: "1" }] },
    { env: [{ name: "A", value: "2" }] },
    ["variables A"],
  ],
  [
    "many variables",
    {},
    { env: ["A", "B", "C", "D", "E", "F", "G"].map((name) => ({ name, value: "1" })) },
    ["variables A, B, C, D, E and 2 more"],
  ],
  ["resources", {}, { resources: { limits: { memory: "1Gi" } } }, ["resources", "container keeper"]],
  [
    "the same resources, written otherwise",
    { resources: { limits: { cpu: "1" } } },
    { resources: { limits: { cpu: "1000m" } } },
    [],
  ],
  ["a toleration of everything", {}, { tolerations: [{ operator: "Exists" }] }, ["tolerations"]],
  ["a volume, which may be fuller", {}, { storage: volume }, ["container keeper", "volumes"]],
  ["how full it may be", {}, { storage: { emptyDir: {}, refuseAt: 70 } }, ["container keeper"]],
  [
    "time to drain",
    {},
    { drainSeconds: 5 },
    ["variables REGISTRY_HTTP_DRAINTIMEOUT", "terminationGracePeriodSeconds"],
  ],
  [
    "labels and annotations",
    {},
    { podLabels: { a: "b" }, podAnnotations: { a: "b" } },
    ["labels", "annotations"],
  ],
])("%s", (_, before, now, changes) => {
  expect(changesOf(templateOf(now), podOf(before))).toEqual(changes);
});

test("an earlier version's Pod, whose keeper is told of nothing", () => {
  const before = podOf({});
  const earlier = {
    ...before,
    spec: {
      ...before.spec,
      containers: before.spec.containers.map((container) => ({
        ...container,
        ...(container.env === undefined
          ? {}
          : { env: container.env.filter(({ name }) => name !== "REGISTRY_NOTIFICATIONS_ENDPOINTS") }),
        ...(container.args === undefined
          ? {}
          : { args: container.args.filter((arg) => !arg.startsWith("--events")) }),
      })),
    },
  };
  expect(changesOf(templateOf({}), earlier)).toEqual([
    "variables REGISTRY_NOTIFICATIONS_ENDPOINTS",
    "container keeper",
  ]);
});
